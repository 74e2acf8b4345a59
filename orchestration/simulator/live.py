"""Live requests: what the EHR sends to a CDS Hooks service when triage is done, with what it knew at that second.

CDS Hooks 2.0, hook `encounter-start`. The resources are those of the day's drop, as they stood at the time of the
request. What does not belong here: sending them.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from orchestration.simulator.chance import stable_uuid
from orchestration.simulator.charts import Chart
from orchestration.simulator.people_records import Resource
from orchestration.simulator.scenario import CALM, Scenario
from orchestration.simulator.world import World

TRIAGE_CODES = frozenset({"75636-1", "8661-1", "11459-5"})


@dataclass(frozen=True)
class LiveRequest:
    """One call: when (UTC), from which unit, about which visit, and the CDS Hooks request body as plain JSON data."""

    site: str
    unit: str
    requested_at: datetime
    patient_id: str
    encounter_id: str
    body: Resource


def live_requests(
    site: str, day: date, *, start: date, seed: int, days: int = 1, scenario: Scenario = CALM
) -> Iterator[LiveRequest]:
    """Yield, in order of time, the requests of `days` local days from `day` on, of every visit whatever the age.

    `start`, `seed` and `scenario` must be those of the drops. Earlier days are run again without measuring anything
    (about a tenth of a second a day for the largest site). Raises `ValueError` for a day before `start`.
    """
    if day < start:
        raise ValueError(f"The simulated world starts on {start}; {day} is before it. Ask for a later day.")
    world = World(site, start, seed, scenario)
    waiting: list[tuple[int, int, Chart]] = []
    first = world.clock.day_start(day)
    while world.day < day + timedelta(days=days):
        is_needed = world.day >= day - timedelta(days=1)
        for chart in world.advance(measure=is_needed).charts:
            if chart.requested >= first:
                heapq.heappush(waiting, (chart.requested, chart.visit.number, chart))
        now = world.clock.day_start(world.day)
        while waiting and waiting[0][0] < now:
            yield _request(world, heapq.heappop(waiting)[2])


def _request(world: World, chart: Chart) -> LiveRequest:
    visit, at = chart.visit, chart.requested
    patient = world.people_writer.id(visit.person)
    body: Resource = {
        "hook": "encounter-start",
        "hookInstance": stable_uuid(world.seed, world.site.id, "hook", visit.number),
        "context": {
            "userId": f"Practitioner/{chart.physician}",
            "patientId": patient,
            "encounterId": visit.id,
        },
        "prefetch": _prefetch(world, chart, at),
    }
    return LiveRequest(world.site.id, visit.stays[0].unit, world.clock.at(at), patient, visit.id, body)


def _prefetch(world: World, chart: Chart, at: int) -> Resource:
    visit, records = chart.visit, world.records
    known = [due.resource for due in chart.triage if due.issued <= at]
    triage = [resource for resource in known if _code(resource) in TRIAGE_CODES]
    conditions = [known.resource for known in records.known[visit.person] if known.recorded <= at]
    registered = world.clock.instant(records.registered[visit.person])
    return {
        "patient": world.people_writer.patient(visit.person, registered),
        "encounter": world.visit_writer.encounter(visit, at, chart.priority, chart.is_return, chart.physician),
        "vitals": _searchset(world, [r for r in known if r not in triage]),
        "triage": _searchset(world, triage),
        "conditions": _searchset(world, conditions),
    }


def _code(resource: Resource) -> str:
    concept = cast("dict[str, list[dict[str, str]]]", resource["code"])
    return concept["coding"][0]["code"]


def _searchset(world: World, resources: list[Resource]) -> Resource:
    base = f"https://ehr.{world.site.id}.example/fhir"
    entries: list[Resource] = [
        {
            "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}

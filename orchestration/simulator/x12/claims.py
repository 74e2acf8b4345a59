"""What is billed of a visit: one claim, institutional for an admission, professional for the ED alone.

What was done and charted makes the claim: triage urgency, panels reported, examinations acquired, days in beds, and the
diagnoses of the visit. What does not belong here: segments (`writing.py`) and when a claim is sent (`billing.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from orchestration.simulator.charts import Chart
from orchestration.simulator.imaging import study_of, was_acquired
from orchestration.simulator.persons import Cover, Person, cover_of
from orchestration.simulator.world import World
from orchestration.simulator.x12.tariff import load_tariff
from orchestration.sites import UnitKind

Kind = Literal["P", "I"]
Frequency = Literal["1", "7", "8"]
MOST_OTHER_DIAGNOSES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A service; `cpt` is empty for a room, whose `units` are days."""

    revenue: str
    cpt: str
    charge: int
    units: int
    day: date


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it leaves; `replaced` is the payer's number of the claim that this one replaces or voids.

    `codes` are ICD-10-CM with their dots, the principal one first; `came_with` is the diagnosis of the emergency
    department. `fault` is what a damaged copy lacks.
    """

    chart: Chart
    kind: Kind
    frequency: Frequency
    person: Person
    cover: Cover
    codes: tuple[str, ...]
    came_with: str
    lines: tuple[Line, ...]
    replaced: str = ""
    fault: Literal["", "number", "date"] = ""

    @property
    def charge(self) -> int:
        return sum(line.charge for line in self.lines)


def make_claim(world: World, chart: Chart, panels: Iterable[str]) -> Claim:
    """Return the original claim of a visit that ended with a diagnosis."""
    person = world.people_writer.person(chart.visit.person)
    registered = world.clock.date_of(world.records.registered[person.number])
    is_admitted = chart.visit.admitted is not None
    return Claim(
        chart=chart,
        kind="I" if is_admitted else "P",
        frequency="1",
        person=person,
        cover=cover_of(world.profile, world.people, person.number, registered),
        codes=_codes(world, chart),
        came_with=world.catalogue.diagnoses[chart.diagnoses[0]][0],
        lines=tuple(_lines(world, chart, panels)),
    )


def replacement(claim: Claim) -> Claim:
    """The same bill without its last service, or, if there is only one, for less."""
    number = payer_number(claim)
    *lines, last = claim.lines
    fewer = lines or [replace(last, charge=last.charge * 4 // 5)]
    return replace(claim, frequency="7", lines=tuple(fewer), replaced=number)


def void(claim: Claim) -> Claim:
    """The same bill, taken back."""
    return replace(claim, frequency="8", replaced=payer_number(claim))


def payer_number(claim: Claim) -> str:
    """The payer's own number of the original claim."""
    return f"ICN{2_000_000_000 + claim.chart.visit.number * 37}"


def _codes(world: World, chart: Chart) -> tuple[str, ...]:
    """The last diagnosis of the visit first, then its others, then what was on the problem list."""
    catalogue = world.catalogue
    charted = [catalogue.diagnoses[name][0] for name in reversed(chart.diagnoses)]
    known = world.records.known[chart.visit.person]
    ended = chart.visit.ended or 0
    lasting = [
        catalogue.chronic[catalogue.chronic_names[k.problem]].icd10
        for k in known
        if k.problem is not None and k.recorded <= ended
    ]
    return tuple(dict.fromkeys([*charted, *lasting]))[: 1 + MOST_OTHER_DIAGNOSES]


def _lines(world: World, chart: Chart, panels: Iterable[str]) -> Iterator[Line]:
    tariff, visit = load_tariff(), chart.visit
    arrived = world.clock.date_of(visit.arrived)
    seen = tariff.emergency[chart.priority or tariff.emergency_unknown]
    yield Line(tariff.emergency_revenue, seen.cpt, seen.charge, 1, arrived)
    if visit.admitted is not None:
        yield from _rooms(world, chart)
    complaint = world.catalogue.complaint_names[chart.complaint]
    study = study_of(world.seed, world.site.id, visit, complaint)
    if study and was_acquired(study):
        day = world.clock.date_of(study.acquired)
        yield Line(study.exam.revenue, study.exam.cpt, study.exam.charge, 1, day)
    for panel in sorted(panels):
        done = tariff.laboratory[panel]
        yield Line(done.revenue, done.cpt, done.charge, 1, arrived)


def _rooms(world: World, chart: Chart) -> Iterator[Line]:
    """Days in beds by kind of unit, counted as midnights; at least one in all."""
    first: dict[UnitKind, date] = {}
    days: dict[UnitKind, int] = {}
    for stay in chart.visit.stays[1:]:
        kind = world.site.unit(stay.unit).kind
        began = world.clock.date_of(stay.entered)
        left = world.clock.date_of(stay.left if stay.left is not None else stay.entered)
        first.setdefault(kind, began)
        days[kind] = days.get(kind, 0) + (left - began).days
    if not any(days.values()):
        days = dict.fromkeys(list(days)[-1:], 1)
    for kind, count in days.items():
        if count:
            room = load_tariff().rooms[kind.value]
            yield Line(room.revenue, "", room.charge * count, count, first[kind])

"""A day as files: `drops/<site>/<day>/<Type>.ndjson`, rosters.csv, census.csv, other feeds, and the truth beside them.

Each NDJSON line is the latest state of a resource that changed that day, in the order of last update. Files are
replaced whole or not at all. What does not belong here: what is in the records.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson

from orchestration.simulator import feeds
from orchestration.simulator.chance import stream
from orchestration.simulator.clock import HOUR
from orchestration.simulator.damage import damage
from orchestration.simulator.emitters import make_emitters
from orchestration.simulator.people_records import Resource
from orchestration.simulator.place_records import locations, organizations, practitioners
from orchestration.simulator.rosters import census_csv, roster_csv
from orchestration.simulator.world import Day, World

CORRECTED_AFTER = 6 * HOUR
"""Into the day on which a fault of the source is over: when it sends again what was wrong."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a day: lines by resource type, and records of the other feeds by family of files."""

    lines: dict[str, int]
    records: dict[str, int]


class DropWriter:
    """Writes the drops of one world, day after day: those of the given feeds (`feeds.EMITTED`)."""

    def __init__(self, home: Path, world: World, chosen: Collection[str]) -> None:
        self.home, self.world, self.chosen = home, world, frozenset(chosen)
        self.emitters = make_emitters(world, chosen)
        self.resend: dict[str, list[bytes]] = {}
        self.wrong: list[Resource] = []

    def write(self, day: Day) -> Written:
        """Write one day."""
        site, folder = self.world.site, self.home / "drops" / self.world.site.id / day.day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        lines = self._write_resources(day, folder) if feeds.FHIR in self.chosen else {}
        if feeds.ROSTERS in self.chosen:
            replace(folder / "rosters.csv", roster_csv(site, self.world.start, day.day, self.world.seed))
        if feeds.CENSUS in self.chosen:
            replace(folder / "census.csv", census_csv(site, self.world.seed, day.census))
        records = Counter[str]()
        for file in (file for emitter in self.emitters for file in emitter.files(day)):
            replace(folder / file.name, file.content)
            records[file.family] += file.records
        write_truth(self.home / "truth" / site.id / f"{day.day.isoformat()}.parquet", day)
        return Written(lines, dict(records))

    def _write_resources(self, day: Day, folder: Path) -> dict[str, int]:
        lines: dict[str, int] = {}
        for resource_type, resources in self._resources(day):
            sent = self._sent(day, resource_type, resources)
            if sent:
                replace(folder / f"{resource_type}.ndjson", b"\n".join(sent) + b"\n")
                lines[resource_type] = len(sent)
        return lines

    def _sent(self, day: Day, resource_type: str, resources: Iterable[Resource]) -> list[bytes]:
        ordered = sorted(resources, key=_last_updated)
        sent = damage(
            resource_type,
            [orjson.dumps(resource) for resource in ordered],
            stream(self.world.seed, self.world.site.id, f"damage {resource_type}", day.day),
        )
        repaired = self.resend.pop(resource_type, [])
        self.resend[resource_type] = sent.again
        return repaired + sent.lines

    def _resources(self, day: Day) -> Iterator[tuple[str, Iterable[Resource]]]:
        world = self.world
        if day.day == world.start:
            opened = world.clock.instant(day.starts)
            yield "Organization", organizations(world.site, opened)
            yield "Location", locations(world.site, opened)
            yield "Practitioner", practitioners(world.site, opened, world.seed)
        yield "Patient", self._patients(day)
        yield "Coverage", self._coverages(day)
        yield (
            "Encounter",
            (
                world.visit_writer.encounter(c.visit, day.ends - 1, c.priority, c.is_return, c.physician)
                for c in day.changed
            ),
        )
        yield "Condition", (known.resource for known in day.conditions)
        yield "Observation", [*self._corrected(day), *(due.resource for due in day.observations)]

    def _corrected(self, day: Day) -> list[Resource]:
        """What a fault of the source had sent wrong, once it is over; what is wrong of today is kept until then."""
        fault, writer = self.world.scenario.half_minute_at(self.world.site.id), self.world.observation_writer
        self.wrong += [due.resource for due in day.observations if due.resource["id"] in writer.miscounted]
        if fault is None or day.day < fault.until:
            return []
        sent, self.wrong = self.wrong, []
        return [writer.corrected(resource, day.starts + CORRECTED_AFTER) for resource in sent]

    def _patients(self, day: Day) -> Iterator[Resource]:
        world, instant = self.world, self.world.clock.instant
        for person in dict.fromkeys([*day.registered, *day.died]):
            died = instant(day.died[person]) if person in day.died else None
            yield world.people_writer.patient(person, instant(world.records.registered[person]), died)

    def _coverages(self, day: Day) -> Iterator[Resource]:
        for person in day.registered:
            at = self.world.clock.instant(self.world.records.registered[person])
            coverage = self.world.people_writer.coverage(person, at)
            if coverage:
                yield coverage


def _last_updated(resource: Resource) -> datetime:
    meta = cast("dict[str, str]", resource["meta"])
    return datetime.fromisoformat(meta["lastUpdated"])


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def write_truth(path: Path, day: Day) -> None:
    """Write the true probabilities of the day's visits, and what the draw made of them."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    pq.write_table(truth_table(day), draft, compression="zstd")
    draft.replace(path)


def truth_table(day: Day) -> Any:  # a pyarrow.Table; pyarrow has no types
    """One row per visit that arrived on the day.

    encounter_id: the Encounter's FHIR id as sent (the marts' visit_key is its pseudonym); arrived_at in UTC; the two
    true probabilities; and the outcomes drawn from them, which come about unless the patient leaves before being seen.
    """
    import pyarrow as pa

    draws = day.draws
    return pa.table(
        {
            "encounter_id": pa.array([chart.visit.id for chart in day.charts], pa.string()),
            "arrived_at": pa.array(
                [datetime.fromtimestamp(int(s), UTC) for s in draws.arrived], pa.timestamp("us", tz="UTC")
            ),
            "age_years": pa.array(draws.age, pa.float64()),
            "critical_care_probability": pa.array(draws.critical_care, pa.float64()),
            "admission_probability": pa.array(draws.admission, pa.float64()),
            "critical_care": pa.array(draws.is_critical, pa.bool_()),
            "admission": pa.array(draws.is_admitted, pa.bool_()),
        }
    )

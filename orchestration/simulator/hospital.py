"""Beds and queues, run by simpy: who is where from when to when, and what happened in which order.

A visit's fate and durations are drawn before; here only waiting is decided. A patient in the ED department is "in the
ED" from arrival, waiting room included. Beds that are closed are held by a closure with the highest priority. What
does not belong here: records of any kind; they are written from the visits and the journal.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import simpy
from simpy.events import Event
from simpy.resources.resource import PriorityRequest

from orchestration.simulator.clock import DAY, HOUR, LocalClock
from orchestration.simulator.latent import Fate
from orchestration.sites import Site, UnitKind

Disposition = Literal["home", "snf", "rehab", "other-hcf", "exp", "aadvice"]
Process = Generator[Event, Any, None]  # simpy's own type of a process: what an event yields is not known statically

CLOSURE_PRIORITY = -1
DISCHARGE_OPENS, DISCHARGE_CLOSES = 9, 20  # local hours in which wards send people home


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen if beds are there. Seconds throughout; `ward` is the id of the ward that would take them."""

    fate: Fate
    priority: int
    patience: int
    ed_stay: int
    ward: str
    ward_stay: int
    icu_stay: int
    dies_in_icu: bool
    disposition: Disposition
    discharge_hour: float


@dataclass(slots=True)
class Stay:
    """Time in one unit; `left` is None while it lasts."""

    unit: str
    entered: int
    left: int | None = None


@dataclass(slots=True)
class Visit:
    """One hospital visit from arrival to the end. `changes` are the seconds at which its Encounter changed."""

    number: int
    id: str
    person: int
    arrived: int
    plan: Plan
    stays: list[Stay] = field(default_factory=list[Stay])
    changes: list[int] = field(default_factory=list[int])
    admitted: int | None = None
    ended: int | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of the journal: at this second, this happened to this visit."""

    at: int
    kind: Literal["left_ed", "ended"]
    visit: Visit


class Hospital:
    """The beds of one site and everyone in them. Time is in seconds since 1970 and only goes forward."""

    def __init__(self, site: Site, clock: LocalClock, start: int) -> None:
        self.clock = clock
        self.environment = simpy.Environment(initial_time=start)
        self.beds = {u.id: simpy.PriorityResource(self.environment, capacity=max(u.beds, 1)) for u in site.units}
        self.ed = site.units_of(UnitKind.ED)[0].id
        self.icu = site.units_of(UnitKind.ICU)[0].id
        self.present = {unit.id: 0 for unit in site.units}
        self.closed = {unit.id: 0 for unit in site.units}
        self.journal: list[Happening] = []

    @property
    def now(self) -> int:
        return int(self.environment.now)

    def expect(self, visits: Iterable[Visit]) -> None:
        """Let these visits arrive when their time comes."""
        for visit in visits:
            self.environment.process(self._visit(visit))

    def close_beds(self, unit: str, count: int, seconds: int) -> None:
        """Take beds out of use from now on, as soon as they are free."""
        for _ in range(count):
            self.environment.process(self._closure(unit, seconds))

    def run_until(self, second: int) -> None:
        """Let everything happen that happens before this second."""
        self.environment.run(until=second)

    def take_journal(self) -> list[Happening]:
        """Return and forget what happened since the last call, in order."""
        taken, self.journal = self.journal, []
        return taken

    def _closure(self, unit: str, seconds: int) -> Process:
        with self.beds[unit].request(priority=CLOSURE_PRIORITY) as bed:
            yield bed
            self.closed[unit] += 1
            yield self.environment.timeout(seconds)
            self.closed[unit] -= 1

    def _visit(self, visit: Visit) -> Process:
        yield self.environment.timeout(visit.arrived - self.now)
        self._enter(visit, self.ed)
        bed = self.beds[self.ed].request(priority=visit.plan.priority)
        yield bed | self.environment.timeout(visit.plan.patience)
        if not bed.triggered:
            bed.cancel()
            self._end(visit, "aadvice")
            return
        yield self.environment.timeout(visit.plan.ed_stay)
        if visit.plan.fate in (Fate.HOME, Fate.ED_DEATH):
            self._end(visit, "exp" if visit.plan.fate is Fate.ED_DEATH else visit.plan.disposition)
            self.beds[self.ed].release(bed)
            return
        yield from self._inpatient(visit, bed)

    def _inpatient(self, visit: Visit, bed: PriorityRequest) -> Process:
        visit.admitted = self.now
        self._change(visit)
        self.journal.append(Happening(self.now, "left_ed", visit))
        here = self.ed
        for unit, seconds in self._path(visit.plan):
            following = self.beds[unit].request(priority=0 if unit == self.icu else 1)
            yield following
            self.beds[here].release(bed)
            here, bed = unit, following
            self._enter(visit, unit)
            yield self.environment.timeout(seconds)
        dies = visit.plan.fate is Fate.WARD_DEATH or (visit.plan.dies_in_icu and here == self.icu)
        if not dies:
            yield self.environment.timeout(self._until_discharge(visit.plan.discharge_hour))
        self._end(visit, "exp" if dies else visit.plan.disposition)
        self.beds[here].release(bed)

    def _path(self, plan: Plan) -> list[tuple[str, int]]:
        """Units and seconds after the ED, in order."""
        ward, icu = (plan.ward, plan.ward_stay), (self.icu, plan.icu_stay)
        match plan.fate:
            case Fate.ICU:
                return [icu] if plan.dies_in_icu else [icu, ward]
            case Fate.WARD_THEN_ICU:
                first = (plan.ward, min(plan.ward_stay, DAY))
                return [first, icu] if plan.dies_in_icu else [first, icu, ward]
            case _:
                return [ward]

    def _until_discharge(self, hour: float) -> int:
        """Seconds until the ward sends people home: now, if it is daytime."""
        local = self.clock.hour_of(self.now)
        if DISCHARGE_OPENS <= local < DISCHARGE_CLOSES:
            return 0
        return int(((hour - local) % 24) * HOUR)

    def _enter(self, visit: Visit, unit: str) -> None:
        if visit.stays:
            self._leave(visit)
        visit.stays.append(Stay(unit, self.now))
        self.present[unit] += 1
        self._change(visit)

    def _leave(self, visit: Visit) -> None:
        last = visit.stays[-1]
        last.left = self.now
        self.present[last.unit] -= 1

    def _end(self, visit: Visit, disposition: Disposition) -> None:
        self._leave(visit)
        if visit.admitted is None:
            self.journal.append(Happening(self.now, "left_ed", visit))
        visit.ended, visit.disposition = self.now, disposition
        self._change(visit)
        self.journal.append(Happening(self.now, "ended", visit))

    def _change(self, visit: Visit) -> None:
        visit.changes.append(self.now)

"""What the hospital's record system holds while visits go on: charts, and what is known of each person so far.

What does not belong here: how the hospital runs (`hospital.py`) and how drops are written (`drops.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from orchestration.simulator.catalogue import Catalogue
from orchestration.simulator.clock import DAY, LocalClock
from orchestration.simulator.hospital import Happening, Visit
from orchestration.simulator.latent import Fate
from orchestration.simulator.measurements import Due
from orchestration.simulator.people_records import Resource
from orchestration.simulator.population import Population
from orchestration.simulator.visit_records import VisitWriter

NEWLY_CHARTED_SHARE = 0.25
RETURN_WINDOW = 72 * 3600
LONGEST_CHARTING = 60
"""Seconds after triage by which its readings are on record."""
FORM_CLOSES = 5
"""Seconds from the last entry to the closing of the triage form."""


@dataclass(slots=True)
class Chart:
    """A visit with what the record system adds to it.

    `due` is what is still to be recorded, `triage` what triage found, `diagnoses` (names of the catalogue) what was
    charted in the visit so far.
    """

    visit: Visit
    complaint: int
    acuity: float
    priority: str | None
    is_return: bool
    physician: str
    triaged: int
    due: list[Due] = field(default_factory=list[Due])
    triage: list[Due] = field(default_factory=list[Due])
    diagnoses: list[str] = field(default_factory=list[str])

    @property
    def requested(self) -> int:
        """When the EHR asks for advice: as the triage form is closed, just after its last entry was charted."""
        return max((item.issued for item in self.triage), default=self.triaged) + FORM_CLOSES

    def measure(self, items: list[Due]) -> None:
        """Take over what will be measured in the visit."""
        self.due = items
        self.triage = [item for item in items if item.issued <= self.triaged + LONGEST_CHARTING]


@dataclass(frozen=True, slots=True)
class Known:
    """A Condition and the second it was recorded; `problem` is the place of a lasting one in the catalogue."""

    recorded: int
    resource: Resource
    problem: int | None = None


class RecordSystem:
    """Who is registered, which Conditions are known of whom, and since when."""

    def __init__(self, catalogue: Catalogue, people: Population, writer: VisitWriter, clock: LocalClock) -> None:
        self.catalogue, self.people, self.writer, self.clock = catalogue, people, writer, clock
        self.registered: dict[int, int] = {}
        self.known: dict[int, list[Known]] = {}
        self.last_left: dict[int, int] = {}

    def register(self, person: int, at: int, start: int) -> list[Known]:
        """Open a person's record with the problem list as it was before the feed began; nothing the second time."""
        if person in self.registered:
            return []
        self.registered[person] = at
        charted = np.flatnonzero(self.people.charted[person])
        self.known[person] = [self._old_problem(person, int(index), start) for index in charted]
        return self.known[person]

    def _old_problem(self, person: int, index: int, start: int) -> Known:
        before = int(self.people.charted_days_before[person, index])
        recorded = start - before * DAY
        onset = self.clock.date_of(recorded) - timedelta(days=before % 211)
        born = date.fromordinal(int(self.people.born[person]))
        if self.clock.date_of(recorded) <= born:
            recorded, onset = start - DAY // 2, self.clock.date_of(start - DAY)
        return Known(recorded, self.writer.problem(person, index, recorded, max(onset, born).isoformat()), index)

    def is_return(self, person: int, at: int) -> bool:
        """Whether the person left this ED within 72 hours before."""
        return person in self.last_left and at - self.last_left[person] <= RETURN_WINDOW

    def follow(self, happening: Happening, chart: Chart, uniforms: Sequence[float]) -> list[Known]:
        """Record what is charted when somebody leaves the ED or the hospital. `uniforms`: three numbers in 0..1."""
        visit, has_left_ed = chart.visit, happening.kind == "left_ed"
        if has_left_ed:
            self.last_left[visit.person] = happening.at
        if visit.disposition == "aadvice" or not (has_left_ed or visit.admitted):
            return []
        found = [self._diagnosis(happening, chart, uniforms[0])]
        if has_left_ed:
            found += self._new_problem(happening, chart, uniforms[1], uniforms[2])
        self.known[visit.person] += found
        return found

    def _diagnosis(self, happening: Happening, chart: Chart, uniform: float) -> Known:
        complaint = self.catalogue.complaints[self.catalogue.complaint_names[chart.complaint]]
        is_severe = chart.visit.plan.fate is not Fate.HOME
        names = complaint.severe if is_severe else complaint.mild
        name = names[min(int(uniform * len(names)), len(names) - 1)]
        chart.diagnoses.append(name)
        rank = 1 if happening.kind == "left_ed" else 2
        return Known(happening.at, self.writer.diagnosis(chart.visit, name, happening.at, rank))

    def _new_problem(self, happening: Happening, chart: Chart, whether: float, which: float) -> list[Known]:
        """Sometimes a lasting condition that nobody had charted is found; it has no onset date."""
        person = chart.visit.person
        missed = np.flatnonzero(self.people.conditions[person] & ~self.people.charted[person])
        if len(missed) == 0 or whether >= NEWLY_CHARTED_SHARE:
            return []
        index = int(missed[min(int(which * len(missed)), len(missed) - 1)])
        self.people.charted[person, index] = True
        return [Known(happening.at, self.writer.problem(person, index, happening.at), index)]

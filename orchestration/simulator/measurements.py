"""Everything measured in a visit: at triage, again later in the ED, in the laboratory, and daily on a ward.

Later readings say much about what will follow; a model of triage must not use them, and nothing here is measured
within an hour of arrival unless it is part of triage. What does not belong here: how it is written down
(`observation_records.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulator import codes
from orchestration.simulator.catalogue import Catalogue, Floats
from orchestration.simulator.clock import HOUR
from orchestration.simulator.complaint_text import write_complaint
from orchestration.simulator.hospital import Visit
from orchestration.simulator.latent import Draws
from orchestration.simulator.observation_records import (
    CREATININE,
    CRP,
    GLUCOSE,
    HAEMOGLOBIN,
    LACTATE,
    LEUKOCYTES,
    SODIUM,
    TROPONIN,
    Analyte,
    ObservationWriter,
    Taken,
)
from orchestration.simulator.people_records import PeopleWriter, Resource
from orchestration.simulator.profiles import Profile
from orchestration.simulator.signs import Signs, draw_vitals

ABSURD_SHARE, UNKNOWN_UNIT_SHARE = 0.0008, 0.0005
REPEAT_SHARE, LAB_SHARE = 0.5, 0.45
NOTHING_BEFORE = 65 * 60  # seconds from arrival; until an hour, triage readings only
LONE_READINGS = ("temperature", "heart_rate", "respiratory_rate", "oxygen_saturation", "pain")
REPEATED = ("heart_rate", "respiratory_rate", "oxygen_saturation")


@dataclass(frozen=True, slots=True)
class Due:
    """An Observation that will be in the record from `issued` on, if the visit still lasts at `at`."""

    at: int
    issued: int
    resource: Resource


def measure_visits(
    profile: Profile,
    catalogue: Catalogue,
    people: PeopleWriter,
    writer: ObservationWriter,
    draws: Draws,
    signs: Signs,
    visits: list[Visit],
    rng: np.random.Generator,
) -> list[list[Due]]:
    """Return what is due for each visit of a day, triage first."""
    day = _Day(profile, catalogue, writer, draws, signs, rng)
    return [day.visit(i, visit, _subject(people, visit)) for i, visit in enumerate(visits)]


def _subject(people: PeopleWriter, visit: Visit) -> Resource:
    return {
        "subject": {"reference": f"Patient/{people.id(visit.person)}"},
        "encounter": {"reference": f"Encounter/{visit.id}"},
    }


def _ids(visit: Visit, prefix: str, count: int) -> list[str]:
    """Identifiers to be popped from the end, in order."""
    return [f"{visit.id}-{prefix}{i:02d}" for i in range(count, 0, -1)]


def slip_of(uniform: float) -> str:
    """What went wrong when a value was typed: mostly nothing."""
    if uniform < ABSURD_SHARE:
        return "absurd"
    return "unit" if uniform < ABSURD_SHARE + UNKNOWN_UNIT_SHARE else ""


class _Day:
    """The drawn columns of one day and what is measured from them."""

    def __init__(
        self,
        profile: Profile,
        catalogue: Catalogue,
        writer: ObservationWriter,
        draws: Draws,
        signs: Signs,
        rng: np.random.Generator,
    ) -> None:
        n = len(draws.people)
        self.profile, self.catalogue, self.writer, self.draws, self.signs = profile, catalogue, writer, draws, signs
        self.text = rng.random((n, 5))
        self.slips = rng.random((n, 24))
        self.lags = rng.integers(5, 50, (n, 24))
        self.early = rng.integers(0, 200, (n, 8))
        self.chance = rng.random((n, 3))
        self.later = rng.integers(0, 2 * HOUR, (n, 2))
        self.trend = draw_vitals(catalogue, draws.complaint, draws.acuity, draws.age, rng)
        self.labs = draw_laboratory(draws.acuity, draws.age, rng)

    def visit(self, i: int, visit: Visit, subject: Resource) -> list[Due]:
        return [*self._triage(i, visit, subject), *self._later(i, visit, subject)]

    def _due(self, i: int, slot: int, at: int) -> tuple[int, int]:
        return at, at + int(self.lags[i, slot])

    def _triage(self, i: int, visit: Visit, subject: Resource) -> list[Due]:
        ids, triaged = _ids(visit, "t", 12), visit.arrived + int(self.signs.triage_delay[i])
        due = self._arrival(i, visit, subject, ids, triaged)
        for slot, reading in enumerate(("blood_pressure", *LONE_READINGS), start=2):
            value, second = self._value(i, reading)
            if np.isnan(value):
                continue
            at, issued = self._due(i, slot, max(visit.arrived + 20, triaged - int(self.early[i, slot])))
            taken = Taken(at, issued, reading, value, second, slip_of(self.slips[i, slot]))
            due += [Due(at, issued, r) for r in self.writer.vitals(subject, ids, taken)]
        if not self.signs.untaken_level[i]:
            at, issued = self._due(i, 8, triaged)
            taken = Taken(at, issued, "triage_level", float(self.signs.level[i]))
            due.append(Due(at, issued, self.writer.triage_level(subject, ids.pop(), taken)))
        return due

    def _arrival(self, i: int, visit: Visit, subject: Resource, ids: list[str], triaged: int) -> list[Due]:
        due: list[Due] = []
        if self.signs.has_transport[i]:
            how = codes.BY_POLICE if self.signs.by_police[i] else codes.BY_OWN_MEANS
            how = codes.BY_AMBULANCE if self.signs.by_ambulance[i] else how
            at, issued = self._due(i, 0, visit.arrived)
            due.append(Due(at, issued, self.writer.transport(subject, ids.pop(), Taken(at, issued, "", 0), how)))
        if self.signs.has_complaint[i]:
            complaint = self.catalogue.complaints[self.catalogue.complaint_names[self.draws.complaint[i]]]
            text = write_complaint(self.profile, complaint, self.text[i])
            at, issued = self._due(i, 1, max(visit.arrived + 30, triaged - 60))
            due.append(Due(at, issued, self.writer.complaint(subject, ids.pop(), Taken(at, issued, "", 0), text)))
        return due

    def _value(self, i: int, reading: str) -> tuple[float, float]:
        vitals = self.signs.vitals
        if reading == "blood_pressure":
            return float(vitals["systolic_bp"][i]), float(vitals["diastolic_bp"][i])
        return float(vitals[reading][i]), 0.0

    def _later(self, i: int, visit: Visit, subject: Resource) -> list[Due]:
        """A second set of vital signs and a laboratory panel, for the sicker ones more often."""
        due: list[Due] = []
        sick = bool(self.draws.fate[i])
        first = visit.arrived + NOTHING_BEFORE
        if sick or self.chance[i, 0] < REPEAT_SHARE:
            ids, when = _ids(visit, "r", 6), first + int(self.later[i, 0])
            for slot, reading in enumerate(REPEATED, start=10):
                at, issued = self._due(i, slot, when)
                value = (float(self.trend[reading][i]) + self._at_triage(i, reading)) / 2
                taken = Taken(at, issued, reading, value, 0.0, slip_of(self.slips[i, slot]))
                due += [Due(at, issued, r) for r in self.writer.vitals(subject, ids, taken)]
        if sick or self.chance[i, 1] < LAB_SHARE:
            due += self._panel(i, visit, subject, first + int(self.later[i, 1]))
        return due

    def _at_triage(self, i: int, reading: str) -> float:
        """The triage reading, or where none was taken what it would have been."""
        value = float(self.signs.vitals[reading][i])
        return float(self.trend[reading][i]) if np.isnan(value) else value

    def _panel(self, i: int, visit: Visit, subject: Resource, when: int) -> list[Due]:
        due: list[Due] = []
        ids = _ids(visit, "l", 8)
        for slot, (analyte, values, share) in enumerate(self.labs, start=13):
            if self.lags[i, slot] / 50 > share:
                continue
            taken = Taken(
                when,
                when + 1500 + int(self.lags[i, slot]) * 20,
                "",
                float(values[i]),
                0.0,
                slip_of(self.slips[i, slot]),
            )
            due.append(Due(when, taken.issued, self.writer.laboratory(subject, ids.pop(), taken, analyte)))
        return due


def draw_laboratory(acuity: Floats, age: Floats, rng: np.random.Generator) -> list[tuple[Analyte, Floats, float]]:
    """Draw a panel per visit: analyte, values in the usual unit, and how often it is part of the panel."""
    n = len(acuity)
    strain = np.logaddexp(0, 1.6 * acuity) / 1.6

    def log_normal(middle: float | Floats, spread: float) -> Floats:
        return np.exp(np.log(middle) + rng.normal(0, spread, n))

    return [
        (SODIUM, 139 - 1.2 * strain + rng.normal(0, 2.5, n), 0.95),
        (CREATININE, log_normal(0.85 + 0.004 * age + 0.12 * strain, 0.25), 0.95),
        (GLUCOSE, log_normal(105 + 12 * strain, 0.25), 0.9),
        (HAEMOGLOBIN, np.clip(13.6 - 0.35 * strain + rng.normal(0, 1.5, n), 4, 19), 0.9),
        (LEUKOCYTES, log_normal(7.8 + 1.6 * strain, 0.32), 0.9),
        (CRP, log_normal(4 + 14 * strain, 0.9), 0.5),
        (LACTATE, log_normal(1.1 + 0.55 * strain, 0.3), 0.3),
        (TROPONIN, log_normal(5 + 6 * strain, 0.9), 0.35),
    ]


def measure_wards(
    people: PeopleWriter,
    writer: ObservationWriter,
    inpatients: list[tuple[Visit, float]],
    morning: int,
    day_number: int,
    rng: np.random.Generator,
) -> list[Due]:
    """The morning round: vital signs of everyone in a bed upstairs. `inpatients` pairs visits with their acuity."""
    acuity = np.array([a for _, a in inpatients])
    n = len(inpatients)
    drift = rng.normal(0, 1, (n, 4))
    minutes, slips = rng.integers(0, 3600, n), rng.random((n, 3))
    due: list[Due] = []
    for i, (visit, _) in enumerate(inpatients):
        strain, at = max(float(acuity[i]), 0.0), morning + int(minutes[i])
        values = (
            80 + 8 * strain + 9 * drift[i, 0],
            17 + 2 * strain + 1.5 * drift[i, 1],
            97.5 - strain - abs(drift[i, 2]),
        )
        ids = _ids(visit, f"w{day_number}-", 4)
        for reading, value, slip in zip(REPEATED, values, slips[i], strict=True):
            taken = Taken(at, at + 40, reading, float(value), 0.0, slip_of(slip))
            due += [Due(at, at + 40, r) for r in writer.vitals(_subject(people, visit), ids, taken)]
    return due

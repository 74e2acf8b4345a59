"""Observations as FHIR R4: triage level, complaint, arrival mode, vital signs, laboratory results.

Units are the site's: one site measures temperature in [degF], one sends blood pressure as a panel, one laboratory
reports SI units. A few values are absurd and a few units unknown because somebody typed them so; the same wrong record
is in the live request. What does not belong here: when something is measured (`measurements.py`).
"""

from dataclasses import dataclass
from typing import cast

from orchestration.simulator import codes
from orchestration.simulator.clock import LocalClock
from orchestration.simulator.codes import Concept, concept
from orchestration.simulator.people_records import Resource
from orchestration.simulator.profiles import Profile
from orchestration.simulator.scenario import HalfMinute

ABSURD = 40.0  # a value typed with a slipped decimal point and a stuck key: about 40 times too high
UNKNOWN_UNIT = "unk"
SLOWEST = 4  # breaths a minute


@dataclass(frozen=True)
class Analyte:
    """A laboratory test: code, unit and decimals as most sites report it, and as an SI laboratory does."""

    usual: Concept
    unit: str
    decimals: int
    si: Concept
    si_unit: str
    si_factor: float
    si_decimals: int


def _analyte(usual: tuple[str, str], unit: str, decimals: int) -> Analyte:
    named = concept(codes.LOINC, *usual)
    return Analyte(named, unit, decimals, named, unit, 1.0, decimals)


LACTATE = _analyte(("32693-4", "Lactate [Moles/volume] in Blood"), "mmol/L", 1)
TROPONIN = _analyte(
    ("89579-7", "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method"), "ng/L", 0
)
LEUKOCYTES = _analyte(("6690-2", "Leukocytes [#/volume] in Blood by Automated count"), "10*3/uL", 1)
SODIUM = _analyte(("2951-2", "Sodium [Moles/volume] in Serum or Plasma"), "mmol/L", 0)
CRP = _analyte(("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma"), "mg/L", 0)
HAEMOGLOBIN_NAME = concept(codes.LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood")
HAEMOGLOBIN = Analyte(HAEMOGLOBIN_NAME, "g/dL", 1, HAEMOGLOBIN_NAME, "g/L", 10.0, 0)
CREATININE = Analyte(
    concept(codes.LOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"),
    "mg/dL",
    2,
    concept(codes.LOINC, "14682-9", "Creatinine [Moles/volume] in Serum or Plasma"),
    "umol/L",
    88.42,
    0,
)
GLUCOSE = Analyte(
    concept(codes.LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    "mg/dL",
    0,
    concept(codes.LOINC, "15074-8", "Glucose [Moles/volume] in Blood"),
    "mmol/L",
    1 / 18.016,
    1,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """One measurement to be written down. `slip` is what went wrong: nothing, 'absurd' or 'unit'."""

    at: int
    issued: int
    reading: str
    value: float
    second: float = 0.0
    slip: str = ""


class ObservationWriter:
    """Writes Observations the way one site does. `miscounted` holds the right breaths a minute by Observation, where a
    fault of the source had others written down."""

    def __init__(self, profile: Profile, clock: LocalClock, half_minute: HalfMinute | None = None) -> None:
        self.profile, self.clock, self.half_minute = profile, clock, half_minute
        self.miscounted: dict[str, int] = {}
        self.temperature = profile.temperature_unit
        self.saturation = codes.SATURATION[profile.saturation_code]

    def vitals(self, subject: Resource, ids: list[str], taken: Taken) -> list[Resource]:
        """Write one vital sign; separate blood pressures make two Observations. `ids` are used up from the end."""
        match taken.reading:
            case "blood_pressure" if self.profile.has_pressure_panel:
                return [self._panel(subject, ids.pop(), taken)]
            case "blood_pressure":
                return [
                    self._quantity(subject, ids.pop(), taken, codes.SYSTOLIC, round(taken.value), "mm[Hg]"),
                    self._quantity(subject, ids.pop(), taken, codes.DIASTOLIC, round(taken.second), "mm[Hg]"),
                ]
            case "temperature":
                return [self._temperature(subject, ids.pop(), taken)]
            case "heart_rate":
                return [self._quantity(subject, ids.pop(), taken, codes.HEART_RATE, round(taken.value), "/min")]
            case "respiratory_rate":
                return [self._breaths(subject, ids.pop(), taken)]
            case "oxygen_saturation":
                return [self._quantity(subject, ids.pop(), taken, self.saturation, round(taken.value), "%")]
            case "pain":
                return [self._quantity(subject, ids.pop(), taken, codes.PAIN, round(taken.value), "{score}", True)]
            case reading:
                raise ValueError(f"{reading!r} is no vital sign; expected one of signs.READINGS")

    def triage_level(self, subject: Resource, identity: str, taken: Taken) -> Resource:
        base = self._base(subject, identity, taken, codes.TRIAGE_LEVEL, codes.SURVEY)
        return {**base, "valueInteger": int(taken.value)}

    def complaint(self, subject: Resource, identity: str, taken: Taken, text: str) -> Resource:
        return {
            **self._base(subject, identity, taken, codes.CHIEF_COMPLAINT, codes.SURVEY),
            "valueString": text,
        }

    def transport(self, subject: Resource, identity: str, taken: Taken, how: Concept) -> Resource:
        return {
            **self._base(subject, identity, taken, codes.TRANSPORT, codes.SURVEY),
            "valueCodeableConcept": how,
        }

    def laboratory(self, subject: Resource, identity: str, taken: Taken, analyte: Analyte) -> Resource:
        """Write a result, converted where the laboratory reports SI units."""
        si = self.profile.has_si_labs
        value = round(taken.value * analyte.si_factor, analyte.si_decimals) if si else taken.value
        value = round(value, analyte.si_decimals if si else analyte.decimals)
        code, unit = (analyte.si, analyte.si_unit) if si else (analyte.usual, analyte.unit)
        found = self._base(subject, identity, taken, code, codes.LABORATORY)
        return {**found, "valueQuantity": _amount(value, unit, taken.slip)}

    def _breaths(self, subject: Resource, identity: str, taken: Taken) -> Resource:
        rate = max(round(taken.value), SLOWEST)
        if self.half_minute and not taken.slip and self.half_minute.counts_at(self.clock.date_of(taken.at)):
            self.miscounted[identity], rate = rate, max(round(rate / 2), SLOWEST)
        return self._quantity(subject, identity, taken, codes.RESPIRATORY_RATE, rate, "/min")

    def corrected(self, resource: Resource, at: int) -> Resource:
        """The second version of an Observation that was miscounted, as it is sent again."""
        value = {**cast("Resource", resource["valueQuantity"]), "value": self.miscounted[str(resource["id"])]}
        meta = {"versionId": "2", "lastUpdated": self.clock.instant(at)}
        return {**resource, "meta": meta, "status": "corrected", "valueQuantity": value}

    def _temperature(self, subject: Resource, identity: str, taken: Taken) -> Resource:
        celsius = taken.value
        value = celsius if self.temperature == "Cel" else celsius * 9 / 5 + 32
        return self._quantity(subject, identity, taken, codes.TEMPERATURE, round(value, 1), self.temperature)

    def _panel(self, subject: Resource, identity: str, taken: Taken) -> Resource:
        base = self._base(subject, identity, taken, codes.PRESSURE_PANEL, codes.VITAL_SIGNS)
        pair = ((codes.SYSTOLIC, taken.value), (codes.DIASTOLIC, taken.second))
        base["component"] = [
            {"code": code, "valueQuantity": _amount(round(v), "mm[Hg]", taken.slip)} for code, v in pair
        ]
        return base

    def _quantity(
        self,
        subject: Resource,
        identity: str,
        taken: Taken,
        code: Concept,
        value: float,
        unit: str,
        is_survey: bool = False,
    ) -> Resource:
        category = codes.SURVEY if is_survey else codes.VITAL_SIGNS
        base = self._base(subject, identity, taken, code, category)
        base["valueQuantity"] = _amount(value, unit, taken.slip)
        return base

    def _base(self, subject: Resource, identity: str, taken: Taken, code: Concept, category: list[Concept]) -> Resource:
        issued = self.clock.instant(taken.issued)
        return {
            "resourceType": "Observation",
            "id": identity,
            "meta": {"versionId": "1", "lastUpdated": issued},
            "status": "final",
            "category": category,
            "code": code,
            **subject,
            "effectiveDateTime": self.clock.instant(taken.at),
            "issued": issued,
        }


def _amount(value: float, unit: str, slip: str) -> Resource:
    if slip == "absurd":
        value = round(value * ABSURD + 977, 1)
    if slip == "unit":
        return {"value": value, "unit": UNKNOWN_UNIT, "system": codes.UCUM, "code": UNKNOWN_UNIT}
    return {"value": value, "unit": unit, "system": codes.UCUM, "code": unit}


def is_complaint(resource: Resource) -> bool:
    """Whether an Observation is the chief complaint."""
    return resource["code"] is codes.CHIEF_COMPLAINT

"""Hand-made visits at the edges of the declaration: what is sent, and what both sides must make of it.

Each visit is written once as FHIR R4; landing gets it as NDJSON and the request as a prefetch. All arrive on
2026-03-01 at 12:00 UTC at a site in Dublin, unless they say otherwise, and are asked about half an hour later. What
does not belong here: comparing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]

HAND_MADE, HAND_MADE_ZONE = "handmade", "Europe/Dublin"
LOINC, SNOMED, ICD10 = "http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
RANGE = "Observation.value_number.range"
RANGE_OF_COMPONENT = "Observation.components.value_number.range"
TRIAGE = {"75636-1", "8661-1", "11459-5"}
ARRIVED = "2026-03-01T12:00:00Z"
ASKED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SUMMER_NIGHT, IN_SUMMER = "2026-06-10T23:30:00Z", datetime(2026, 6, 11, 0, tzinfo=UTC)
LANDED = datetime(2026, 7, 2, 6, tzinfo=UTC)


def at(clock: str) -> str:
    """A time of the day of the visit, UTC."""
    return f"2026-03-01T{clock}:00Z"


def concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: float, unit: str | None) -> Resource:
    return {"valueQuantity": {"value": value} | ({} if unit is None else {"unit": unit, "code": unit})}


def reading(code: str, value: Resource, clock: str = "12:05", /, **more: Any) -> Resource:
    """One Observation of the visit; `value` holds its value[x]."""
    return {"status": "final", "code": concept(LOINC, code), "effectiveDateTime": at(clock), **value} | more


def bound(comparator: object, value: float, unit: str | None) -> Resource:
    """A number that says on which side of it the value lies."""
    return {"valueQuantity": {**quantity(value, unit)["valueQuantity"], "comparator": comparator}}


def level(value: int, clock: str = "12:10") -> Resource:
    return reading("75636-1", {"valueInteger": value}, clock)


def complaint(text: str, clock: str = "12:08") -> Resource:
    return reading("8661-1", {"valueString": text}, clock)


def condition(code: str, **when: Any) -> Resource:
    return {"code": concept(ICD10, code), **when}


def panel(systolic: float, diastolic: float, unit: str = "mm[Hg]") -> Resource:
    parts = (("8480-6", systolic), ("8462-4", diastolic))
    found = [{"code": concept(LOINC, code), **quantity(value, unit)} for code, value in parts]
    return reading("85354-9", {"component": found})


@dataclass(frozen=True)
class Case:
    """One visit, and the features that both sides must find in it (None: missing).

    `quarantined` is the clause of the contract that keeps one of its records from the lake, where that is meant.
    `against` is the reason why neither side scores it; with `is_in_mart` false the mart has no row of it at all, and
    the request finds nothing.
    """

    expect: Mapping[str, object]
    observations: Iterable[Resource] = ()
    conditions: Iterable[Resource] = ()
    patient: Mapping[str, Any] = field(default_factory=dict[str, Any])
    encounter: Mapping[str, Any] = field(default_factory=dict[str, Any])
    quarantined: str | None = None
    against: str | None = None
    is_in_mart: bool = True
    asked_at: datetime = ASKED

    def visit_id(self, name: str) -> str:
        return f"visit-{name}"

    def resources(self, name: str) -> list[Resource]:
        """Everything that landing is sent."""
        return [self._patient(name), self._encounter(name), *self._observations(name), *self._conditions(name)]

    def prefetch(self, name: str) -> Resource:
        """What the service is sent."""
        observations = self._observations(name)
        triage = [one for one in observations if one["code"]["coding"][-1]["code"] in TRIAGE]
        return {
            "patient": self._patient(name),
            "encounter": self._encounter(name),
            "vitals": _searchset([one for one in observations if one not in triage]),
            "triage": _searchset(triage),
            "conditions": _searchset(self._conditions(name)),
        }

    def _patient(self, name: str) -> Resource:
        person = {"resourceType": "Patient", "id": f"patient-{name}", "gender": "female", "birthDate": "1950-06-01"}
        return {**person, **self.patient}

    def _encounter(self, name: str) -> Resource:
        visit: Resource = {
            "resourceType": "Encounter",
            "id": self.visit_id(name),
            "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
            "period": {"start": ARRIVED},
            "subject": {"reference": f"Patient/patient-{name}"},
        }
        return {**visit, **self.encounter}

    def _observations(self, name: str) -> list[Resource]:
        whose = {
            "subject": {"reference": f"Patient/patient-{name}"},
            "encounter": {"reference": f"Encounter/{self.visit_id(name)}"},
        }
        return [
            {"resourceType": "Observation", "id": f"{name}-{n}", **whose, **one}
            for n, one in enumerate(self.observations)
        ]

    def _conditions(self, name: str) -> list[Resource]:
        whose = {"subject": {"reference": f"Patient/patient-{name}"}}
        return [
            {"resourceType": "Condition", "id": f"{name}-c{n}", **whose, **one} for n, one in enumerate(self.conditions)
        ]


def _searchset(resources: list[Resource]) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def _without_arrival(reason: str, start: str | None, quarantined: str | None = None) -> Case:
    """A visit that cannot have begun when it says, with a reading that the time of the request would have let count."""
    return Case(
        {},
        [reading("8867-4", quantity(170, "/min"), "12:20")],
        encounter={"period": {"start": start}},
        quarantined=quarantined,
        against=reason,
        is_in_mart=False,
    )


def _status(code: str) -> Resource:
    return {"verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", code)}


CASES: dict[str, Case] = {
    # Units
    "fahrenheit": Case({"temperature_c": (101.3 - 32) * 5 / 9}, [reading("8310-5", quantity(101.3, "[degF]"))]),
    "celsius": Case({"temperature_c": 38.5}, [reading("8310-5", quantity(38.5, "Cel"))]),
    "kelvin": Case({"temperature_c": 310.15 - 273.15}, [reading("8310-5", quantity(310.15, "K"))]),
    "kilopascal": Case(
        {"systolic_bp": 16 * 1000 / 133.322, "diastolic_bp": 10.5 * 1000 / 133.322}, [panel(16, 10.5, "kPa")]
    ),
    "panel": Case({"systolic_bp": 98.0, "diastolic_bp": 60.0}, [panel(98, 60)]),
    "annotated-unit": Case({"heart_rate": 88.0}, [reading("8867-4", quantity(88, "{beats}/min"))]),
    "annotation-after-the-unit": Case({"heart_rate": 88.0}, [reading("8867-4", quantity(88, "/min{beats}"))]),
    "per-second": Case(
        {"heart_rate": 1.5 * 60, "respiratory_rate": 0.3 * 60},
        [reading("8867-4", quantity(1.5, "/s")), reading("9279-1", quantity(0.3, "{breaths}/s"))],
    ),
    "one-per-second": Case({"heart_rate": 1.7 * 60}, [reading("8867-4", quantity(1.7, "1/s"))]),
    "saturation-as-a-fraction": Case({"oxygen_saturation": 0.93 * 100}, [reading("59408-5", quantity(0.93, "1"))]),
    "annotated-percentage": Case({"oxygen_saturation": 93.0}, [reading("59408-5", quantity(93, "%{oxygen}"))]),
    "annotation-alone-is-no-fraction": Case(
        {"oxygen_saturation": None}, [reading("59408-5", quantity(0.93, "{fraction}"))]
    ),
    "unknown-unit": Case({"heart_rate": None}, [reading("8867-4", quantity(88, "furlong"))]),
    "no-unit": Case({"heart_rate": None}, [reading("8867-4", quantity(88, None))]),
    "unit-written-out": Case(
        {"heart_rate": 77.0}, [reading("8867-4", {"valueQuantity": {"value": 77, "unit": "/min"}})]
    ),
    "fahrenheit-called-celsius-is-not-guessed": Case(
        {"temperature_c": 98.6}, [reading("8310-5", quantity(98.6, "Cel"))]
    ),
    "saturation-of-either-code": Case({"oxygen_saturation": 93.0}, [reading("2708-6", quantity(93, "%"))]),
    "latest-saturation-of-both-codes": Case(
        {"oxygen_saturation": 91.0},
        [reading("59408-5", quantity(97, "%"), "12:04"), reading("2708-6", quantity(91, "%"), "12:06")],
    ),
    "latest-unknown-unit-hides-an-older-reading": Case(
        {"heart_rate": None},
        [reading("8867-4", quantity(70, "/min"), "12:04"), reading("8867-4", quantity(75, "unk"), "12:06")],
    ),
    # Scores and levels
    "level-integer": Case({"triage_level": 2}, [level(2)]),
    "level-quantity": Case({"triage_level": 4}, [reading("75636-1", quantity(4, "{level}"))]),
    "level-coded": Case({"triage_level": 3}, [reading("75636-1", {"valueCodeableConcept": concept(SNOMED, "3")})]),
    "level-coded-otherwise": Case(
        {"triage_level": None}, [reading("75636-1", {"valueCodeableConcept": concept(SNOMED, "713011005")})]
    ),
    "level-as-loincs-answer": Case(
        {"triage_level": 2}, [reading("75636-1", {"valueCodeableConcept": concept(LOINC, "LA21752-3")})]
    ),
    "level-as-an-answer-of-another-list": Case(
        {"triage_level": None}, [reading("75636-1", {"valueCodeableConcept": concept(LOINC, "LA6113-0")})]
    ),
    "level-as-text-is-not-landed-and-not-read": Case(
        {"triage_level": None}, [reading("75636-1", {"valueString": "3"})]
    ),
    "level-between-two-levels": Case(
        {"triage_level": None, "heart_rate": None},
        [reading("75636-1", quantity(2.5, "{level}"), "12:04"), reading("8867-4", quantity(90, "/min"), "12:05")],
    ),
    "level-written-as-a-decimal": Case({"triage_level": 2}, [reading("75636-1", quantity(2.0, "{level}"))]),
    "level-of-the-second-coding-is-not-read": Case(
        {"triage_level": None},
        [reading("75636-1", {"valueCodeableConcept": {"coding": [{"display": "two"}, {"code": "2"}]}})],
    ),
    "pain-annotated": Case({"pain_score": 7}, [reading("72514-3", quantity(7, "{score}"))]),
    "pain-without-unit": Case({"pain_score": 6}, [reading("72514-3", {"valueInteger": 6})]),
    "pain-half-up-to-even": Case({"pain_score": 4}, [reading("72514-3", quantity(4.5, "1"))]),
    "pain-half-down-to-even": Case({"pain_score": 6}, [reading("72514-3", quantity(5.5, "1"))]),
    # What was known at triage
    "after-triage": Case(
        {"heart_rate": 90.0, "triage_level": 3},
        [reading("8867-4", quantity(90, "/min"), "12:09"), level(3), reading("8867-4", quantity(130, "/min"), "12:11")],
    ),
    "at-triage-itself": Case({"heart_rate": 101.0}, [level(3), reading("8867-4", quantity(101, "/min"), "12:10")]),
    "before-arrival": Case({"heart_rate": None}, [level(3), reading("8867-4", quantity(99, "/min"), "11:59")]),
    "at-arrival-itself": Case({"heart_rate": 99.0}, [level(3), reading("8867-4", quantity(99, "/min"), "12:00")]),
    "without-level-one-hour-counts": Case(
        {"heart_rate": 81.0, "triage_level": None},
        [reading("8867-4", quantity(81, "/min"), "13:00"), reading("8867-4", quantity(140, "/min"), "13:01")],
    ),
    "second-level-comes-too-late": Case({"triage_level": 4}, [level(4, "12:10"), level(2, "12:40")]),
    "level-before-arrival-does-not-close-triage": Case(
        {"triage_level": None, "heart_rate": 82.0},
        [level(1, "11:50"), reading("8867-4", quantity(82, "/min"), "12:30")],
    ),
    "later-issue-of-the-same-minute": Case(
        {"heart_rate": 84.0},
        [
            reading("8867-4", quantity(84, "/min"), issued=at("12:07")),
            reading("8867-4", quantity(83, "/min"), issued=at("12:06")),
        ],
    ),
    "other-time-zone": Case(
        {"heart_rate": 85.0},
        [level(3), reading("8867-4", quantity(85, "/min"), effectiveDateTime="2026-03-01T07:05:00-05:00")],
    ),
    "only-issued": Case(
        {"heart_rate": 86.0},
        [{**reading("8867-4", quantity(86, "/min")), "effectiveDateTime": None, "issued": at("12:05")}],
    ),
    "effective-period": Case(
        {"heart_rate": 87.0},
        [
            {
                **reading("8867-4", quantity(87, "/min")),
                "effectiveDateTime": None,
                "effectivePeriod": {"start": at("12:03"), "end": at("12:20")},
            }
        ],
    ),
    # Values that nobody alive has: the contract quarantines the record, and no model may see the value
    "impossible": Case(
        {"temperature_c": 37.0},
        [reading("8310-5", quantity(37, "Cel")), reading("8867-4", quantity(4137, "/min"))],
        quarantined=RANGE,
    ),
    "impossible-after-a-possible-one": Case(
        {"triage_level": 3},
        [
            level(3),
            reading("8867-4", quantity(88, "/min"), "12:04"),
            reading("8867-4", quantity(4137, "/min"), "12:06"),
        ],
        quarantined=RANGE,
    ),
    "impossible-component": Case(
        {"systolic_bp": None, "diastolic_bp": None, "temperature_c": 37.0},
        [panel(131, 4077), reading("8310-5", quantity(37, "Cel"))],
        quarantined=RANGE_OF_COMPONENT,
    ),
    "impossible-component-after-a-possible-one": Case(
        {"systolic_bp": 120.0, "diastolic_bp": 80.0},
        [{**panel(120, 80), "effectiveDateTime": at("12:01")}, panel(1310, 77)],
        quarantined=RANGE_OF_COMPONENT,
    ),
    "impossible-level": Case(
        {"temperature_c": 37.0},
        [
            level(9, "12:02"),
            reading("8867-4", quantity(88, "/min"), "12:20"),
            reading("8310-5", quantity(37, "Cel"), "12:01"),
        ],
        quarantined=RANGE,
    ),
    "implausible-but-landed": Case({"heart_rate": 400.0}, [reading("8867-4", quantity(400, "/min"))]),
    "number-as-text": Case(
        {"heart_rate": None},
        [reading("8867-4", {"valueQuantity": {"value": "80", "code": "/min"}})],
        quarantined="Observation.value_number.type",
    ),
    "number-as-text-after-a-number": Case(
        {"heart_rate": 70.0},
        [
            reading("8867-4", quantity(70, "/min"), "12:04"),
            reading("8867-4", {"valueQuantity": {"value": "80", "code": "/min"}}, "12:06"),
        ],
        quarantined="Observation.value_number.type",
    ),
    "number-as-text-in-a-component": Case(
        {"systolic_bp": None, "diastolic_bp": None},
        [
            {
                **panel(120, 80),
                "component": [
                    {"code": concept(LOINC, "8480-6"), **quantity(120, "mm[Hg]")},
                    {"code": concept(LOINC, "8462-4"), "valueQuantity": {"value": "80", "code": "mm[Hg]"}},
                ],
            }
        ],
        quarantined="Observation.components.value_number.type",
    ),
    # A number that is only a bound is a finding and no reading (decision record 0058)
    "saturation-below-what-is-measured": Case(
        {"oxygen_saturation": None, "heart_rate": 121.0},
        [reading("59408-5", bound("<", 70, "%")), reading("8867-4", quantity(121, "/min"))],
    ),
    "bound-of-a-component": Case(
        {"systolic_bp": 70.0, "diastolic_bp": None},
        [
            reading(
                "85354-9",
                {
                    "component": [
                        {"code": concept(LOINC, "8480-6"), **quantity(70, "mm[Hg]")},
                        {"code": concept(LOINC, "8462-4"), **bound("<=", 30, "mm[Hg]")},
                    ]
                },
            )
        ],
    ),
    "latest-bound-hides-an-older-reading": Case(
        {"temperature_c": None},
        [reading("8310-5", quantity(36, "Cel"), "12:04"), reading("8310-5", bound(" >= ", 42, "Cel"), "12:06")],
    ),
    "reading-after-a-bound": Case(
        {"temperature_c": 39.5},
        [reading("8310-5", bound(">", 42, "Cel"), "12:04"), reading("8310-5", quantity(39.5, "Cel"), "12:06")],
    ),
    "comparator-that-is-empty": Case({"heart_rate": 80.0}, [reading("8867-4", bound("", 80, "/min"))]),
    "bound-of-a-level-closes-triage-and-is-none": Case(
        {"triage_level": None, "heart_rate": None},
        [reading("75636-1", bound(">", 2, "{level}"), "12:04"), reading("8867-4", quantity(90, "/min"), "12:05")],
    ),
    "comparator-of-r5-after-a-reading": Case(
        {"heart_rate": 70.0},
        [reading("8867-4", quantity(70, "/min"), "12:04"), reading("8867-4", bound("ad", 80, "/min"), "12:06")],
        quarantined="Observation.value_comparator.codes",
    ),
    "comparator-of-a-tab-is-none-that-is-known": Case(
        {"heart_rate": 70.0},
        [reading("8867-4", quantity(70, "/min"), "12:04"), reading("8867-4", bound("\t<", 80, "/min"), "12:06")],
        quarantined="Observation.value_comparator.codes",
    ),
    "comparator-that-is-blank": Case(
        {"heart_rate": None},
        [reading("8867-4", bound(" ", 80, "/min"))],
        quarantined="Observation.value_comparator.type",
    ),
    "comparator-that-is-no-text-in-a-component": Case(
        {"systolic_bp": None, "diastolic_bp": None},
        [
            reading(
                "85354-9",
                {
                    "component": [
                        {"code": concept(LOINC, "8480-6"), **quantity(120, "mm[Hg]")},
                        {"code": concept(LOINC, "8462-4"), **bound(["<"], 80, "mm[Hg]")},
                    ]
                },
            )
        ],
        quarantined="Observation.components.value_comparator.type",
    ),
    # Withdrawn
    "entered-in-error": Case(
        {"heart_rate": 71.0},
        [
            reading("8867-4", quantity(71, "/min"), "12:04"),
            reading("8867-4", quantity(170, "/min"), "12:06", status="entered-in-error"),
        ],
    ),
    "cancelled": Case({"heart_rate": None}, [reading("8867-4", quantity(72, "/min"), status="cancelled")]),
    "level-entered-in-error-does-not-close-triage": Case(
        {"heart_rate": 73.0, "triage_level": None},
        [{**level(1, "12:02"), "status": "entered-in-error"}, reading("8867-4", quantity(73, "/min"), "12:20")],
    ),
    # Codes
    "loinc-among-other-codings": Case(
        {"heart_rate": 74.0},
        [
            reading(
                "8867-4",
                quantity(74, "/min"),
                code={"coding": [{"system": "urn:local", "code": "HR"}, {"system": LOINC, "code": "8867-4"}]},
            )
        ],
    ),
    "a-code-of-another-system-is-not-loinc": Case(
        {"heart_rate": None}, [reading("8867-4", quantity(75, "/min"), code=concept("urn:local", "8867-4"))]
    ),
    "loinc-by-its-oid": Case(
        {"heart_rate": 76.0},
        [reading("8867-4", quantity(76, "/min"), code=concept("urn:oid:2.16.840.1.113883.6.1", "8867-4"))],
    ),
    # Complaint
    "complaint": Case(
        {"complaint_chest_pain": True, "complaint_shortness_of_breath": True, "is_injury": False},
        [complaint("SOB, CP since a.m.")],
    ),
    "complaint-of-an-injury": Case({"is_injury": True}, [complaint("injury to hand")]),
    "complaint-matches-whole-words": Case({"complaint_chest_pain": False}, [complaint("cpap machine needed")]),
    "complaint-denied": Case(
        {"complaint_chest_pain": False, "complaint_shortness_of_breath": True}, [complaint("denies chest pain but sob")]
    ),
    "complaint-denied-in-another-clause": Case(
        {"complaint_chest_pain": False, "complaint_fever": True}, [complaint("No CP, fever")]
    ),
    "complaint-of-the-past": Case(
        {"complaint_seizure": False, "complaint_shortness_of_breath": True}, [complaint("hx of seizure sob")]
    ),
    "complaint-to-be-ruled-out": Case({"complaint_chest_pain": False}, [complaint("r/o chest pain")]),
    "complaint-that-begins-with-a-cue": Case(
        {"complaint_cardiac_arrest": True, "complaint_unconscious": True}, [complaint("not breathing unresponsive")]
    ),
    "complaint-with-a-name-in-it": Case(
        {"complaint_chest_pain": False, "complaint_fever": True}, [complaint("chest Smith pain, fever Smith")]
    ),
    "complaint-after-line-breaks": Case({"complaint_chest_pain": False}, [complaint("\n" * 196 + "chest pain")]),
    "blank-text-hides-a-concepts-text": Case(
        {"complaint_fever": None},
        [reading("8661-1", {"valueString": "\t", "valueCodeableConcept": {"text": "fever"}})],
    ),
    "no-complaint": Case({"complaint_chest_pain": None, "is_injury": None}, [level(3)]),
    "blank-complaint": Case({"complaint_chest_pain": None, "is_injury": None}, [complaint("   ")]),
    "blank-complaint-of-line-breaks": Case({"complaint_chest_pain": None}, [complaint("\n\t")]),
    "complaint-with-a-dotted-capital-i": Case({"complaint_fever": True}, [complaint("\u0130 fever")]),
    "complaint-after-triage": Case({"complaint_chest_pain": None}, [level(3), complaint("chest pain", "12:30")]),
    "complaint-in-capitals-and-punctuation": Case({"complaint_chest_pain": True}, [complaint("**CHEST-PAIN!!")]),
    "complaint-cut-at-200": Case({"complaint_chest_pain": False}, [complaint("x" * 195 + " chest pain")]),
    "complaint-of-accented-text": Case({"complaint_fever": True}, [complaint("Möglich FEVER – naïve")]),
    "two-complaints": Case(
        {"complaint_chest_pain": True, "complaint_fever": True},
        [complaint("chest pain", "12:06"), complaint("fever", "12:07")],
    ),
    "complaint-as-a-concepts-text": Case(
        {"complaint_fever": True}, [reading("8661-1", {"valueCodeableConcept": {"text": "fever"}})]
    ),
    # History
    "old-condition": Case(
        {"history_heart_failure": True, "history_diabetes": False, "history_count": 1},
        conditions=[condition("I50.9", recordedDate="2020-01-01")],
    ),
    "old-onset-recorded-during-the-visit": Case(
        {"history_heart_failure": False, "history_count": 0},
        conditions=[condition("I50.9", onsetDateTime="2015-01-01", recordedDate=at("12:20"))],
    ),
    "onset-alone": Case({"history_heart_failure": True}, conditions=[condition("I50.9", onsetDateTime="2015-01-01")]),
    "onset-period-alone": Case(
        {"history_heart_failure": True}, conditions=[condition("I50.9", onsetPeriod={"start": "2015"})]
    ),
    "recorded-at-arrival-itself": Case(
        {"history_heart_failure": False}, conditions=[condition("I50.9", recordedDate=ARRIVED)]
    ),
    "without-any-date": Case({"history_heart_failure": False}, conditions=[condition("I50.9")]),
    "condition-entered-in-error": Case(
        {"history_heart_failure": False, "history_diabetes": True, "history_count": 1},
        conditions=[
            condition("I50.9", recordedDate="2020-01-01", **_status("entered-in-error")),
            condition("E11.9", recordedDate="2020-01-01", **_status("confirmed")),
        ],
    ),
    "condition-refuted": Case(
        {"history_heart_failure": False}, conditions=[condition("I50.9", recordedDate="2020", **_status("refuted"))]
    ),
    "same-group-twice-counts-once": Case(
        {"history_count": 1},
        conditions=[condition("I50.9", recordedDate="2020"), condition("I50.1", recordedDate="2021")],
    ),
    "snomed-condition": Case(
        {"history_heart_failure": True},
        conditions=[{"code": concept(SNOMED, "84114007"), "recordedDate": "2020-01-01"}],
    ),
    "first-coding-without-a-code": Case(
        {"history_heart_failure": False},
        conditions=[
            {
                "code": {"coding": [{"system": SNOMED, "display": "?"}, {"system": ICD10, "code": "I50.9"}]},
                "recordedDate": "2020-01-01",
            }
        ],
        quarantined="Condition.code.required",
    ),
    "second-coding-is-not-read": Case(
        {"history_heart_failure": False},
        conditions=[
            {
                "code": {"coding": [{"system": "urn:local", "code": "HF"}, {"system": ICD10, "code": "I50.9"}]},
                "recordedDate": "2020-01-01",
            }
        ],
    ),
    "no-conditions": Case({"history_count": 0, "history_heart_failure": False}),
    # Registration
    "birthday-today": Case({"age_years": 18}, patient={"birthDate": "2008-03-01"}),
    "birthday-tomorrow": Case({"age_years": 17}, patient={"birthDate": "2008-03-02"}, against="under 18"),
    "born-on-a-leap-day-the-day-before": Case(
        {"age_years": 17},
        patient={"birthDate": "2008-02-29"},
        encounter={"period": {"start": "2026-02-28T12:00:00Z"}},
        against="under 18",
    ),
    "born-on-a-leap-day-the-day-after": Case({"age_years": 18}, patient={"birthDate": "2008-02-29"}),
    "born-in-a-month": Case({"age_years": 46}, patient={"birthDate": "1980-03"}),
    "born-in-a-year": Case({"age_years": 46}, patient={"birthDate": "1980"}),
    "born-tomorrow": Case({"age_years": None}, patient={"birthDate": "2026-03-02"}, against="age not known"),
    "birth-date-unknown": Case({"age_years": None}, patient={"birthDate": None}, against="age not known"),
    "born-120-years-ago": Case({"age_years": 120}, patient={"birthDate": "1905-03-02"}),
    "born-121-years-ago": Case({"age_years": None}, patient={"birthDate": "1905-03-01"}, against="age not known"),
    "born-before-1875": Case(
        {"age_years": None},
        patient={"birthDate": "1874-12-31", "gender": None},  # quarantined with the whole record
        quarantined="Patient.birth_date.range",
        against="age not known",
    ),
    # Alive
    "died-the-day-before": Case({}, patient={"deceasedDateTime": "2026-02-28"}, against="dead on arrival"),
    "died-a-minute-before": Case({}, patient={"deceasedDateTime": at("11:59")}, against="dead on arrival"),
    "dies-after-the-request": Case({}, patient={"deceasedDateTime": at("12:31")}),
    "dies-on-a-later-day": Case({}, patient={"deceasedDateTime": "2026-03-05"}),
    "recorded-as-dead-the-day-before": Case(
        {},
        patient={"deceasedBoolean": True, "meta": {"lastUpdated": "2026-02-28T09:00:00Z"}},
        against="dead on arrival",
    ),
    "recorded-as-alive": Case({}, patient={"deceasedBoolean": False}),
    # In summer, half an hour after Dublin's midnight: still the day before in UTC (decision record 0061)
    "summer-night-is-of-its-own-day": Case(
        {"arrival_hour": 0, "history_heart_failure": True},
        conditions=[condition("I50.9", recordedDate="2026-06-11")],
        encounter={"period": {"start": SUMMER_NIGHT}},
        asked_at=IN_SUMMER,
    ),
    "summer-night-after-a-death-of-the-day-before": Case(
        {},
        patient={"deceasedDateTime": "2026-06-10"},
        encounter={"period": {"start": SUMMER_NIGHT}},
        against="dead on arrival",
        asked_at=IN_SUMMER,
    ),
    # Arrival
    "no-start": _without_arrival("arrival time not known", None),
    "no-period": Case({}, encounter={"period": None}, against="arrival time not known", is_in_mart=False),
    "start-without-a-time-zone": _without_arrival(
        "arrival time not known", "2026-03-01T12:00:00", quarantined="Encounter.started_at.type"
    ),
    "start-in-the-year-1": _without_arrival(
        "arrival time lies too long ago", "0001-01-01T00:00:00Z", quarantined="Encounter.started_at.range"
    ),
    "start-in-the-future": _without_arrival("arrival time lies in the future", "2026-07-02T06:05:01Z"),
    "gender-other": Case({"sex": None}, patient={"gender": "other"}),
    "male": Case({"sex": "male"}, patient={"gender": "male"}),
    "summer-time": Case(
        {"arrival_hour": 0},
        encounter={"period": {"start": "2026-06-30T23:30:00Z"}},
        asked_at=datetime(2026, 7, 1, tzinfo=UTC),
    ),
    "arrival-with-an-offset": Case({"arrival_hour": 1}, encounter={"period": {"start": "2026-02-28T20:30:00-05:00"}}),
    "readmitted": Case(
        {"seen_72h": True},
        encounter={"hospitalization": {"reAdmission": concept("http://terminology.hl7.org/CodeSystem/v2-0092", "R")}},
    ),
    "not-readmitted": Case({"seen_72h": False}),
    "ambulance": Case(
        {"arrived_by_ambulance": True},
        [reading("11459-5", {"valueCodeableConcept": concept(SNOMED, "44613004")}, "12:00")],
    ),
    "ambulance-by-loincs-answer": Case(
        {"arrived_by_ambulance": True},
        [reading("11459-5", {"valueCodeableConcept": concept(LOINC, "LA9318-2")}, "12:00")],
    ),
    "on-foot": Case(
        {"arrived_by_ambulance": False},
        [reading("11459-5", {"valueCodeableConcept": concept(SNOMED, "373062007")}, "12:00")],
    ),
    "transport-not-recorded": Case({"arrived_by_ambulance": None}, [level(3)]),
}

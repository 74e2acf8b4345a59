"""What was known at triage, read from a CDS Hooks prefetch."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from serving_homes import ARRIVED, NOW, VOCABULARY, condition, observation, prefetch, quantity, searchset

from ml.features import ColumnUnknown
from ml.features.observed import Note, only_bounds
from ml.features.request import RequestFeatures, RequestRefused, TriageRules, features_from_request
from ml.usecases import load_use_case

NEW_YORK = ZoneInfo("America/New_York")
USE_CASE = load_use_case("triage")
MINUTE = timedelta(minutes=1)


def read(sent: object, zone: ZoneInfo = NEW_YORK) -> RequestFeatures:
    return features_from_request(USE_CASE, sent, VOCABULARY, NOW, zone)


def with_vitals(*resources: dict[str, Any], triage: Any = None) -> dict[str, Any]:
    return prefetch(vitals=searchset(*resources), triage=triage)


def reading(name: str, *resources: dict[str, Any], triage: Any = None) -> object:
    return read(with_vitals(*resources, triage=triage)).values[name]


def changed(key: str, **members: Any) -> dict[str, Any]:
    sent = prefetch()
    return {**sent, key: {**sent[key], **members}}


def test_a_whole_visit_reads_as_every_declared_feature_and_nothing_else() -> None:
    found = read(prefetch(saturation=97))
    assert found.notes == ()
    assert found.eligible
    assert (found.patient_id, found.encounter_id, found.unit) == ("p1", "e1", "ED")
    assert found.triaged_at == ARRIVED + 9 * MINUTE
    assert {name: value for name, value in found.values.items() if value is not None} == {
        "age_years": 75,
        "sex": "female",
        "arrival_hour": 6,
        "arrived_by_ambulance": True,
        "temperature_c": 37.0,
        "heart_rate": 92,
        "respiratory_rate": 18,
        "oxygen_saturation": 97,
        "systolic_bp": 131,
        "diastolic_bp": 77,
        "pain_score": 6,
        "triage_level": 3,
        "seen_72h": False,
        "is_injury": True,
        "history_count": 2,
        "complaint_chest_pain": True,
        "complaint_shortness_of_breath": False,
        "history_copd": True,
        "history_diabetes": True,
    }
    assert list(found.values) == [feature.name for feature in USE_CASE.expand(VOCABULARY.groups())]


def test_a_declared_feature_that_no_rule_fills_is_refused_at_once() -> None:
    with pytest.raises(ColumnUnknown, match="No rule fills shoe_size"):
        TriageRules.of(["age_years", "shoe_size"], VOCABULARY, 18, NEW_YORK)


@pytest.mark.parametrize(
    ("code", "value", "unit", "name", "expected"),
    [
        ("8310-5", 98.6, "[degF]", "temperature_c", 37.0),
        ("8310-5", 310.15, "K", "temperature_c", 37.0),
        ("8310-5", 37.0, "Cel", "temperature_c", 37.0),
        ("8310-5", 37.0, "C", "temperature_c", None),
        ("8310-5", 98.6, None, "temperature_c", None),
        ("8867-4", 80, "/min", "heart_rate", 80),
        ("8867-4", 80, "{beats}/min", "heart_rate", 80),
        ("8867-4", 80, "/min{beats}", "heart_rate", 80),
        ("8867-4", 1.5, "/s", "heart_rate", 90),
        ("9279-1", 0.3, "{breaths}/s", "respiratory_rate", 18),
        ("8867-4", 80, "bpm", "heart_rate", None),
        ("8867-4", 80, None, "heart_rate", None),
        ("2708-6", 97, "%", "oxygen_saturation", 97),
        ("2708-6", 97, "%{oxygen}", "oxygen_saturation", 97),
        ("59408-5", 0.97, "1", "oxygen_saturation", 97),
        ("59408-5", 0.97, "{fraction}", "oxygen_saturation", None),
        ("8480-6", 16, "kPa", "systolic_bp", 16 * 1000 / 133.322),
        ("8480-6", 120, "mm[Hg]", "systolic_bp", 120),
        ("8480-6", 120, "mmHg", "systolic_bp", None),
        ("72514-3", 7, "{score}", "pain_score", 7),
        ("72514-3", 7, None, "pain_score", 7),
        ("72514-3", 7, "%", "pain_score", None),
    ],
)
def test_units_are_converted_and_never_assumed(
    code: str, value: float, unit: str | None, name: str, expected: float | None
) -> None:
    found = read(with_vitals(observation(code, quantity(value, unit))))
    assert found.values[name] == (None if expected is None else pytest.approx(expected, abs=1e-9))
    assert any(note.feature == name for note in found.notes) == (expected is None)


def test_the_unit_in_words_counts_only_where_there_is_no_code() -> None:
    assert reading("heart_rate", observation("8867-4", {"valueQuantity": {"value": 80, "unit": "/min"}})) == 80
    both = {"valueQuantity": {"value": 80, "unit": "/min", "code": "Hz"}}
    assert reading("heart_rate", observation("8867-4", both)) is None


@pytest.mark.parametrize("comparator", ["<", "<=", ">=", ">", " < "])
def test_a_bound_is_no_reading_and_hides_an_older_one_and_is_noted(comparator: str) -> None:
    sent = {"valueQuantity": {"value": 70, "code": "%", "comparator": comparator}}
    older = observation("59408-5", quantity(97, "%"), ARRIVED + MINUTE)
    found = read(with_vitals(older, observation("59408-5", sent, ARRIVED + 2 * MINUTE)))
    assert found.values["oxygen_saturation"] is None
    assert only_bounds(found.notes) == ["oxygen_saturation"]


@pytest.mark.parametrize("comparator", ["ad", "=", "<>", " ", "\t<", 5, 0, False, ["<"], {}])
def test_an_unknown_comparator_makes_it_no_observation(comparator: object) -> None:
    sent = {"valueQuantity": {"value": 70, "code": "%", "comparator": comparator}}
    older = observation("59408-5", quantity(97, "%"), ARRIVED + MINUTE)
    found = read(with_vitals(older, observation("59408-5", sent, ARRIVED + 2 * MINUTE)))
    assert found.values["oxygen_saturation"] == 97
    assert Note("observations", "an observation with an unknown comparator is ignored") in found.notes


def test_the_most_recent_reading_known_at_triage_counts() -> None:
    first, second = ARRIVED + 2 * MINUTE, ARRIVED + 8 * MINUTE
    level = searchset(observation("75636-1", {"valueInteger": 2}, ARRIVED + 8 * MINUTE))
    later = observation("8867-4", quantity(120, "/min"), second + timedelta(seconds=1))
    found = [observation("8867-4", quantity(80, "/min"), first), observation("8867-4", quantity(100, "/min"), second)]
    assert reading("heart_rate", later, *found, triage=level) == 100


def test_without_a_triage_level_the_first_hour_counts_to_its_last_second() -> None:
    at_the_hour = observation("8867-4", quantity(90, "/min"), ARRIVED + 60 * MINUTE)
    after = observation("8867-4", quantity(150, "/min"), ARRIVED + 60 * MINUTE + timedelta(seconds=1))
    assert reading("heart_rate", at_the_hour, after) == 90
    assert reading("heart_rate", after) is None


def test_a_reading_before_arrival_is_another_visit_s() -> None:
    assert reading("heart_rate", observation("8867-4", quantity(90, "/min"), ARRIVED)) == 90
    early = observation("8867-4", quantity(90, "/min"), ARRIVED - timedelta(seconds=1))
    assert reading("heart_rate", early) is None


def test_the_first_triage_level_closes_triage_and_a_later_one_is_not_known_yet() -> None:
    levels = searchset(
        observation("75636-1", {"valueInteger": 2}, ARRIVED + 30 * MINUTE),
        observation("75636-1", {"valueInteger": 4}, ARRIVED + 10 * MINUTE),
    )
    found = read(with_vitals(triage=levels))
    assert (found.triaged_at, found.values["triage_level"]) == (ARRIVED + 10 * MINUTE, 4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueInteger": 2}, 2),
        ({"valueQuantity": {"value": 2, "code": "{score}"}}, 2),
        ({"valueQuantity": {"value": 2}}, 2),
        ({"valueCodeableConcept": {"coding": [{"code": "2"}]}}, 2),
        ({"valueCodeableConcept": {"coding": [{"code": "6"}]}}, None),
        ({"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA21752-3"}]}}, 2),
        ({"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA6113-0"}]}}, None),
        ({"valueCodeableConcept": {"coding": [{"display": "?"}, {"code": "2"}]}}, None),
        ({"valueQuantity": {"value": 2.5}}, None),
        ({"valueQuantity": {"value": 2.0}}, 2),
        ({"valueCodeableConcept": {"text": "2"}}, None),
        ({"valueString": "2"}, None),
        ({"valueInteger": True}, None),
        ({}, None),
    ],
)
def test_a_triage_level_is_a_whole_number_or_a_code_of_one(value: dict[str, Any], expected: int | None) -> None:
    assert read(with_vitals(triage=searchset(observation("75636-1", value)))).values["triage_level"] == expected


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_an_observation_taken_back_is_ignored(status: str) -> None:
    taken_back = {**observation("8867-4", quantity(90, "/min")), "status": status}
    assert reading("heart_rate", taken_back) is None


def test_a_level_between_two_levels_is_none_and_says_so_and_still_closes_triage() -> None:
    found = read(with_vitals(triage=searchset(observation("75636-1", quantity(2.5, "1"), ARRIVED + 4 * MINUTE))))
    assert (found.values["triage_level"], found.triaged_at) == (None, ARRIVED + 4 * MINUTE)
    assert "it lies between two levels" in {note.reason for note in found.notes if note.feature == "triage_level"}


def component(code: str, value: float, unit: str = "mm[Hg]", system: str = "http://loinc.org") -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": code}]}, **quantity(value, unit)}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([component("8480-6", 120), component("8462-4", 80)], (120, 80)),
        ([component("8480-6", 400), component("8462-4", 0)], (400, 0)),
        ([component("8480-6", 400.1), component("8462-4", 80)], (None, None)),
        ([component("8480-6", 120), component("8462-4", -0.1)], (None, None)),
        ([component("8480-6", 120), component("8867-4", 4137, system="urn:local")], (None, None)),
        ([component("8480-6", 120), component("local", 4137, system="urn:local")], (120, None)),
    ],
)
def test_a_component_beyond_what_is_possible_makes_the_whole_observation_no_reading(
    parts: list[dict[str, Any]], expected: tuple[float | None, float | None]
) -> None:
    found = read(with_vitals(observation("85354-9", {"component": parts})))
    assert (found.values["systolic_bp"], found.values["diastolic_bp"]) == expected
    said = "an observation with an impossible value is ignored" in {note.reason for note in found.notes}
    assert said == (expected == (None, None))


def test_readings_that_all_lie_outside_arrival_to_triage_are_not_dropped_in_silence() -> None:
    early = observation("8867-4", quantity(170, "/min"), ARRIVED - MINUTE)
    level = observation("75636-1", {"valueInteger": 3}, ARRIVED + 9 * MINUTE)
    inside = observation("9279-1", quantity(18, "/min"), ARRIVED + 9 * MINUTE)
    late = [observation(code, quantity(30, "/min"), ARRIVED + 10 * MINUTE) for code in ("8867-4", "9279-1")]
    found = read(with_vitals(early, inside, *late, triage=searchset(level)))
    noted = [note.feature for note in found.notes if note.reason == "it was measured before arrival or after triage"]
    assert noted == ["heart_rate"]


def test_observations_of_another_patient_or_visit_are_ignored() -> None:
    mine = observation("8867-4", quantity(90, "/min"))
    stranger = {**mine, "id": "x", "subject": {"reference": "Patient/other"}}
    earlier = {**mine, "id": "y", "encounter": {"reference": "https://ehr.example/fhir/Encounter/other"}}
    found = read(with_vitals(stranger, earlier))
    assert found.values["heart_rate"] is None
    assert [note.reason for note in found.notes] == [
        "an observation of another patient, or of one on another FHIR server, is ignored"
    ]
    absolute = {**mine, "subject": {"reference": "https://ehr.example/fhir/Patient/p1/_history/3"}}
    assert reading("heart_rate", absolute) == 90
    assert reading("heart_rate", {**mine, "subject": {"reference": "urn:uuid:other"}}) is None


EHR, OTHER = "https://ehr.example/fhir", "https://other.example/fhir"


@pytest.mark.parametrize(
    ("called_from", "address", "patient", "expected"),
    [
        (EHR, None, "Patient/p1", 90),
        (EHR, None, f"{EHR}/Patient/p1", 90),
        (f"{EHR}/", None, f"{EHR}/Patient/p1/_history/2", 90),
        (EHR, None, f"{OTHER}/Patient/p1", None),
        (EHR, f"{EHR}/Observation/o1", f"{OTHER}/Patient/p1", None),
        (EHR, f"{OTHER}/Observation/o1", f"{OTHER}/Patient/p1", 90),  # it says itself where it is from
        (EHR, f"{OTHER}/Observation/o1", f"{EHR}/Patient/p1", 90),
        (None, f"{EHR}/Observation/o1", f"{OTHER}/Patient/p1", None),
        (None, f"{EHR}/Observation/o1", f"{EHR}/Patient/p1", 90),
        (None, "urn:uuid:6f1c1a0e-0000-4000-8000-000000000000", f"{OTHER}/Patient/p1", 90),  # nobody says a server
        (None, None, f"{OTHER}/Patient/p1", 90),
        ("HTTPS://EHR.example:443/fhir/", None, f"{EHR}/Patient/p1", 90),
        (EHR, None, "https://EHR.example:443/fhir/Patient/p1", 90),
        (EHR, None, "http://ehr.example/fhir/Patient/p1", None),
        (EHR, None, "https://ehr.example:99999/fhir/Patient/p1", None),
        (None, "https://ids.example/x/y/observation-1", f"{EHR}/Patient/p1", 90),  # no address of a resource
        (None, f"{OTHER}/Observation/o1/", f"{EHR}/Patient/p1", 90),
    ],
)
def test_the_patient_of_that_id_on_another_server_is_another(
    called_from: str | None, address: str | None, patient: str, expected: int | None
) -> None:
    one = {**observation("8867-4", quantity(90, "/min")), "subject": {"reference": patient}}
    sent = with_vitals(one)
    if address:
        sent["vitals"]["entry"][0]["fullUrl"] = address
    found = read({**sent, "fhirServer": called_from})
    assert found.values["heart_rate"] == expected
    assert ("observations" in {note.feature for note in found.notes}) == (expected is None)


def test_a_record_of_anothers_hides_none_of_the_patients_own_with_the_same_id() -> None:
    own = observation("8867-4", quantity(90, "/min"))
    others = {**own, **quantity(150, "/min"), "subject": {"reference": f"{OTHER}/Patient/p1"}}
    found = read({**with_vitals(others, others, own, own), "fhirServer": EHR})
    assert found.values["heart_rate"] == 90
    assert [note.feature for note in found.notes].count("observations") == 1


def test_a_visit_of_a_patient_on_another_server_is_refused() -> None:
    sent = with_vitals()
    sent["encounter"] = {**sent["encounter"], "subject": {"reference": f"{OTHER}/Patient/p1"}}
    read(sent)
    with pytest.raises(RequestRefused, match="another server than the call's fhirServer"):
        read({**sent, "fhirServer": EHR})


def test_an_observation_sent_in_both_searchsets_counts_once_and_issue_time_breaks_a_tie() -> None:
    first = observation("8867-4", quantity(90, "/min"), issued=(ARRIVED + 5 * MINUTE).isoformat())
    second = observation("8867-4", quantity(110, "/min"), issued=(ARRIVED + 6 * MINUTE).isoformat())
    assert reading("heart_rate", second, first) == 110


@pytest.mark.parametrize(
    ("effective", "expected"),
    [
        ({"effectivePeriod": {"start": ARRIVED.isoformat()}}, 90),
        ({"effectiveInstant": ARRIVED.isoformat()}, 90),
        ({"issued": ARRIVED.isoformat()}, 90),
        ({"effectiveDateTime": "2026-03-02T06:20:00-05:00"}, 90),
        ({"effectiveDateTime": "2026-03-02T11:20:00"}, None),
        ({"effectiveDateTime": "2026-03-02T25:20:00Z"}, None),
        ({"effectiveDateTime": 5}, None),
        ({}, None),
    ],
)
def test_a_reading_needs_a_time_with_a_zone(effective: dict[str, Any], expected: int | None) -> None:
    resource = {**observation("8867-4", quantity(90, "/min"))}
    del resource["effectiveDateTime"]
    assert reading("heart_rate", {**resource, **effective}) == expected


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Chest pain since 2h", {"chest_pain"}),
        ("CP/SOB", set()),
        ("c/p", set()),
        ("CP, SOB!", {"chest_pain", "shortness_of_breath"}),
        ("cpr", set()),
        ("x" * 195 + " cp", {"chest_pain"}),
        ("x" * 199 + " cp", set()),
        ("...", set()),
        ("denies chest pain", set()),
        ("no cp, sob", {"shortness_of_breath"}),
    ],
)
def test_terms_match_whole_in_the_normalised_first_200_characters(text: str, groups: set[str]) -> None:
    triage = searchset(observation("8661-1", {"valueString": text}))
    values = read(with_vitals(triage=triage)).values
    assert {name for name in ("chest_pain", "shortness_of_breath") if values[f"complaint_{name}"]} == groups


def test_a_coded_complaint_matches_by_prefix_in_its_own_system() -> None:
    def complaint(system: str, code: str) -> object:
        coded = {"valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}
        return read(with_vitals(triage=searchset(observation("8661-1", coded)))).values["complaint_chest_pain"]

    assert complaint("NHAMCS-RFV", "10501") is True
    assert complaint("NHAMCS-RFV", "1049") is False
    assert complaint("urn:other", "10501") is False


def test_without_a_complaint_every_complaint_is_unknown_and_none_is_false() -> None:
    values = read(with_vitals(triage=searchset())).values
    assert {values["is_injury"], values["complaint_chest_pain"]} == {None}


@pytest.mark.parametrize(
    ("codings", "expected"),
    [
        ([{"system": "http://snomed.info/sct", "code": "44613004"}], True),
        ([{"system": "http://loinc.org", "code": "LA9318-2"}], True),
        ([{"system": "http://loinc.org", "code": "LA9319-0"}], False),
        ([], None),
    ],
)
def test_transport_mode_says_ambulance_other_or_nothing(codings: list[Any], expected: bool | None) -> None:
    triage = searchset(observation("11459-5", {"valueCodeableConcept": {"coding": codings}}))
    assert read(with_vitals(triage=triage)).values["arrived_by_ambulance"] is expected


BEFORE, AFTER = (ARRIVED - MINUTE).isoformat(), ARRIVED.isoformat()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"recordedDate": BEFORE}, True),
        ({"recordedDate": AFTER}, False),
        ({"recordedDate": AFTER, "onsetDateTime": "2019"}, False),
        ({"recordedDate": BEFORE, "onsetDateTime": AFTER}, True),
        ({"recordedDate": None, "onsetDateTime": "2019"}, True),
        ({"recordedDate": None, "onsetDateTime": AFTER}, False),
        ({"recordedDate": None, "onsetPeriod": {"start": "2019-05"}}, True),
        ({"recordedDate": None}, False),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "provisional"}]}}, True),
        ({"subject": {"reference": "Patient/other"}}, False),
    ],
)
def test_a_condition_counts_when_it_was_known_before_arrival(more: dict[str, Any], expected: bool) -> None:
    values = read(prefetch(conditions=searchset(condition("E11.9", **more)))).values
    assert (values["history_diabetes"], values["history_count"]) == (expected, int(expected))


def test_history_is_unknown_when_conditions_were_not_sent_and_empty_when_there_are_none() -> None:
    unsent = read(prefetch(conditions=None))
    assert {unsent.values["history_diabetes"], unsent.values["history_count"]} == {None}
    assert [note.feature for note in unsent.notes] == ["history_count"]
    none = read(prefetch(conditions=searchset()))
    assert (none.values["history_diabetes"], none.values["history_count"]) == (False, 0)


def test_two_conditions_of_one_group_count_once() -> None:
    both = searchset(condition("E11.9"), condition("44054006", "http://snomed.info/sct"))
    assert read(prefetch(conditions=both)).values["history_count"] == 1


def test_the_hour_is_that_of_the_site_s_clock() -> None:
    assert read(prefetch(), ZoneInfo("Europe/Dublin")).values["arrival_hour"] == 11
    assert read(prefetch(), ZoneInfo("America/Chicago")).values["arrival_hour"] == 5


def test_a_readmission_is_known_at_registration() -> None:
    coded = {"reAdmission": {"coding": [{"code": "R"}]}}
    assert read(changed("encounter", hospitalization=coded)).values["seen_72h"] is True


@pytest.mark.parametrize(
    ("location", "unit"),
    [
        ([{"location": {"identifier": {"value": "ED"}}}, {"location": {"identifier": {"value": "ICU"}}}], "ED"),
        ([{"location": {"reference": "#l"}}], "ED"),
        ([{"location": {"reference": "Location/ED"}}], None),
        (None, None),
    ],
)
def test_the_unit_is_the_site_s_own_id_of_the_first_place(location: Any, unit: str | None) -> None:
    contained = [{"resourceType": "Location", "id": "l", "identifier": [{"value": "ED"}]}]
    assert read(changed("encounter", location=location, contained=contained)).unit == unit


@pytest.mark.parametrize(
    ("sent", "is_missing"),
    [
        (None, True),
        ([], True),
        ({}, True),
        (prefetch(patient=None), True),
        (prefetch(encounter={"resourceType": "Patient", "id": "e1"}), True),
        (changed("patient", id=""), True),
        (changed("patient", id="x" * 257), True),
        (changed("patient", id=7), True),
        (changed("patient", id="p\0"), True),
        (changed("encounter", subject={"reference": "Patient/other"}), False),
        (changed("encounter", status="entered-in-error"), False),
        (changed("encounter", status="cancelled"), False),
    ],
)
def test_what_cannot_be_one_visit_of_one_patient_is_refused(sent: object, is_missing: bool) -> None:
    with pytest.raises(RequestRefused) as refusal:
        read(sent)
    assert refusal.value.is_missing is is_missing
    assert "stranger" not in str(refusal.value)

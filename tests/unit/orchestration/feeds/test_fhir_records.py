"""What becomes of single FHIR records: fields, references, clauses, versions, deletes."""

import json
import traceback
from datetime import UTC, date, datetime

import duckdb
import pytest

from orchestration.contracts import load_contract
from orchestration.feeds.relation import connection
from orchestration.feeds.vault import Vault


def test_a_patient_lands_with_pseudonyms_and_without_name_or_address(zone, ndjson, patient, known_as) -> None:
    record = patient(
        name=[{"family": "Zorro", "given": ["Diego"]}],
        telecom=[{"system": "phone", "value": "555-0199"}],
        address=[{"line": ["1 Hidden Lane"], "city": "Nowhere", "state": "KS", "postalCode": "66801"}],
        identifier=[
            {"system": "http://other", "value": "X9"},
            {"type": {"coding": [{"code": "MR"}]}, "system": "http://mrn", "value": "MRN-4711"},
        ],
        deceasedDateTime="2025-12",
        meta={"lastUpdated": "2026-02-01T00:00:00Z"},
    )
    receipt = zone.one("Patient.ndjson", ndjson(record))
    assert (receipt.feed, receipt.contract, receipt.received, receipt.landed) == (
        "ehr_fhir",
        load_contract("ehr_fhir").label,
        1,
        1,
    )
    columns = (
        "patient_key, mrn_key, identifier_key, birth_date, gender, state, is_deceased, deceased_at, _version_at, _key"
    )
    assert zone.rows("fhir_patient", columns) == [
        (
            known_as("Patient", "p1"),
            known_as("http://mrn", "MRN-4711"),
            known_as("http://other", "X9"),
            date(1950, 2, 3),
            "female",
            "KS",
            True,
            datetime(2025, 12, 1, tzinfo=UTC),
            datetime(2026, 2, 1, tzinfo=UTC),
            known_as("Patient", "p1"),
        )
    ]
    kept = {path: content for path, content in zone.files().items() if not path.startswith("raw/")}
    for secret in (b"Zorro", b"Diego", b"555-0199", b"Hidden", b"Nowhere", b"66801", b"4711", b"X9"):
        assert not [path for path, content in kept.items() if secret in content]


def test_raw_bytes_are_kept_unchanged_and_encrypted_under_their_digest_and_for_the_owner_only(zone) -> None:
    content = b'{"resourceType":"Patient","id":"1"}\r\n\r\n'
    receipt = zone.one("Patient.ndjson", content)
    raw = zone.home / "raw" / receipt.sha256[:2] / receipt.sha256
    assert Vault.of(zone.home).object(receipt.sha256).read_bytes() == content
    assert b"Patient" not in raw.read_bytes()
    assert raw.stat().st_mode & 0o077 == 0
    assert (zone.home / "raw").stat().st_mode & 0o077 == 0


def test_lake_files_lie_under_site_and_arrival_day_and_carry_their_provenance(zone, ndjson, patient) -> None:
    receipt = zone.one("Patient.ndjson", ndjson(patient("a"), patient("b")))
    path = zone.home / f"lake/fhir_patient/site=city/day=2026-03-01/{receipt.sha256[:16]}.parquet"
    assert path.exists()
    found = zone.rows(
        "fhir_patient", "_feed, _contract, _file, _line, _arrived_at, _is_deleted, site, cast(day as varchar)"
    )
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    same = ("ehr_fhir", load_contract("ehr_fhir").label, receipt.sha256)
    assert found == [(*same, n, noon, False, "city", "2026-03-01") for n in (1, 2)]


def test_a_reading_keeps_value_unit_time_and_components(zone, ndjson, observation) -> None:
    panel = observation(
        "bp",
        code={"coding": [{"system": "local", "code": "BP"}, {"system": "http://loinc.org", "code": "85354-9"}]},
        valueQuantity=None,
        component=[
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                "valueQuantity": {"value": 120.5, "unit": "mmHg"},
            }
        ],
    )
    zone.one("x.ndjson", ndjson(observation("hr"), panel))
    columns = "code, value_number, value_unit, effective_at, components"
    part = {"code": "8480-6", "code_system": "http://loinc.org", "value_number": 120.5, "value_unit": "mmHg"}
    part["value_code"] = part["value_comparator"] = None
    at = datetime(2026, 2, 28, 10, tzinfo=UTC)
    assert zone.rows("fhir_observation", columns) == [
        ("85354-9", None, None, at, [part]),
        ("8867-4", 80.0, "/min", at, None),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"valueBoolean": True}, "true"),
        ({"valueBoolean": False}, "false"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1:128"),
        (
            {
                "valueRatio": {
                    "numerator": {"value": 2.50, "unit": "milligram", "code": "mg"},
                    "denominator": {"value": 24, "unit": "h"},
                }
            },
            "2.5 mg:24 h",
        ),
        ({"valueRatio": {"denominator": {"value": 8}}}, ":8"),
        ({"valueRatio": {"numerator": {"value": 1, "comparator": "<"}, "denominator": {"value": 8}}}, "<1:8"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 1280, "comparator": ">="}}}, "1:>=1280"),
        ({"valueRatio": {"numerator": {"comparator": "<"}}}, None),
        ({"valueRange": {"low": {"value": 3}, "high": {"value": 5.5, "code": "/[HPF]"}}}, "3-5.5 /[HPF]"),
        ({"valueRange": {"low": {"value": -3, "unit": "a"}}}, ">=-3 a"),
        ({"valueRange": {"high": {"value": 5}}}, "<=5"),
        ({"valueRange": {}}, None),
        ({"valueRatio": {"numerator": {"unit": "mg"}}}, None),
        ({"valueRange": {"high": {"value": 5, "unit": "call 555-123-4567"}}}, "<=5"),
        ({"valuePeriod": {"start": "2026-01-01"}}, None),
        ({"valueQuantity": {"value": 5}}, None),
    ],
)
def test_a_value_that_is_no_single_number_lands_as_it_was_said(zone, ndjson, observation, value, said) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation("o", **{"valueQuantity": None, **value})))
    assert receipt.landed == 1
    assert zone.rows("fhir_observation", "value_unread", "_file is not null") == [(said,)]


@pytest.mark.parametrize(
    ("value", "clause"),
    [
        ({"valueBoolean": "yes"}, "Observation.value_flag.type"),
        ({"valueRatio": {"denominator": {"value": "128"}}}, "Observation.value_denominator.type"),
        ({"valueRange": {"low": {"value": True}}}, "Observation.value_low.type"),
        (
            {"valueRatio": {"numerator": {"value": 1, "comparator": "~"}}},
            "Observation.value_numerator_comparator.codes",
        ),
        ({"valueRatio": "1:128"}, "Observation.valueRatio.element_type"),
        ({"valueRange": {"low": {"value": 1, "unit": "x" * 65}}}, "Observation.value_part_unit.length"),
    ],
)
def test_such_a_value_of_another_kind_is_held_back(zone, ndjson, observation, value, clause) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation("o", **{"valueQuantity": None, **value}), observation("good")))
    assert (receipt.landed, dict(receipt.reasons)) == (1, {clause: 1})


def test_only_the_chief_complaint_keeps_its_text_and_no_more_than_200_characters(zone, ndjson, observation) -> None:
    complaint = {"coding": [{"system": "http://loinc.org", "code": "8661-1"}]}
    zone.one(
        "x.ndjson",
        ndjson(
            observation("a", code=complaint, valueQuantity=None, valueString="chest pain " * 30),
            observation("b", valueQuantity=None, valueString="Mrs Smith called"),
        ),
    )
    found = zone.rows("fhir_observation", "value_text")
    assert found == [("chest pain " * 18 + "xxx",), (None,)]  # the 200th character cuts a word, which is none then


HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
MARKS = {
    "label": ({"security": [{"code": "R"}, HTEST]}, "HTEST"),
    "tag": ({"tag": [HTEST]}, "HTEST"),
    "tag-beside-label": ({"tag": [HTEST], "security": [{"code": "N"}]}, "HTEST"),
    "other": ({"tag": [{"code": "HTESTS"}], "security": [{"display": "HTEST"}]}, None),
}


@pytest.mark.parametrize("of", ["ndjson", "bundle", "resource"])
def test_the_mark_of_what_was_made_up_for_a_test_lands_with_every_type(zone, ndjson, of: str) -> None:
    """However it comes: lines, the entries of a bundle, one resource."""
    records = [
        {"resourceType": kind, "id": f"{kind}-{name}", "meta": meta, "subject": {"reference": "Patient/1"}}
        for kind in ("Patient", "CarePlan")
        for name, (meta, _) in MARKS.items()
    ]
    if of == "ndjson":
        zone.one("all.ndjson", ndjson(*records))
    elif of == "bundle":
        entries = [{"resource": one, "request": {"method": "PUT", "url": one["id"]}} for one in records]
        zone.one("b.json", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode())
    else:
        zone.land({f"{n}.json": json.dumps(one, indent=1).encode() for n, one in enumerate(records)})
    expected = sorted(str(code) for _, code in MARKS.values())
    for table in ("fhir_patient", "fhir_resource"):
        assert sorted(str(code) for (code,) in zone.rows(table, "test_code")) == expected


def test_an_encounter_keeps_its_places_in_order(zone, ndjson, known_as) -> None:
    record = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"code": "EMER"},
        "subject": {"reference": "Patient/p1/_history/2"},
        "period": {"start": "2026-02-28T10:00:00+01:00", "end": "2026-02-28T12:00:00+01:00"},
        "location": [
            {"location": {"reference": "Location/ED"}, "period": {"start": "2026-02-28T09:00:00Z"}},
            {"location": {"reference": "Location?identifier=sys|ICU"}},
        ],
        "hospitalization": {"dischargeDisposition": {"coding": [{"code": "exp"}]}},
    }
    zone.one("Encounter.ndjson", ndjson(record))
    places = [
        {
            "location_key": known_as("Location", "ED"),
            "started_at": datetime(2026, 2, 28, 9, tzinfo=UTC),
            "ended_at": None,
        },
        {"location_key": known_as("sys", "ICU"), "started_at": None, "ended_at": None},
    ]
    columns = "patient_key, class_code, started_at, discharge_disposition_code, locations"
    assert zone.rows("fhir_encounter", columns) == [
        (known_as("Patient", "p1"), "EMER", datetime(2026, 2, 28, 9, tzinfo=UTC), "exp", places)
    ]


def test_any_other_r4_type_lands_with_type_and_patient(zone, ndjson, known_as) -> None:
    record = {"resourceType": "Goal", "id": "c", "subject": {"reference": "Patient/p1"}}
    assert zone.one("x.ndjson", ndjson(record)).landed == 1
    assert zone.rows("fhir_resource", "resource_type, resource_key, patient_key") == [
        ("Goal", known_as("Goal", "c"), known_as("Patient", "p1"))
    ]


WHERE_QUANTITIES = {
    "": lambda quantity: {"valueQuantity": quantity},
    "components.": lambda quantity: {"component": [{}, {"valueQuantity": quantity}]},
}
# `ad` is of R5, `=` and `<>` of HL7 v2, and what is no text must not read as if nothing stood there.
NO_COMPARATORS = [("ad", "codes"), ("=", "codes"), ("<>", "codes"), ("about", "codes"), (5, "type"), (["<"], "type")]
BROKEN = [
    ({"status": None}, "Observation.status.required"),
    ({"status": ""}, "Observation.status.required"),
    ({"status": 5}, "Observation.status.type"),
    ({"status": "done"}, "Observation.status.codes"),
    ({"subject": None}, "Observation.patient_key.required"),
    ({"subject": {"display": "Mrs Smith"}}, "Observation.patient_key.required"),
    ({"subject": "Patient/p1"}, "Observation.subject.element_type"),
    ({"subject": {"reference": "nonsense"}}, "Observation.patient_key.type"),
    ({"subject": {"reference": "#p"}}, "Observation.patient_key.required"),
    ({"code": "8867-4"}, "Observation.code.element_type"),
    ({"valueQuantity": {"value": "80"}}, "Observation.value_number.type"),
    ({"valueQuantity": {"value": True}}, "Observation.value_number.type"),
    ({"valueQuantity": {"value": 501}}, "Observation.value_number.range"),
    ({"valueQuantity": {"value": -1}}, "Observation.value_number.range"),
    *[
        ({**made({"value": 7, "comparator": sent})}, f"Observation.{where}value_comparator.{clause}")
        for where, made in WHERE_QUANTITIES.items()
        for sent, clause in NO_COMPARATORS
    ],
    ({"effectiveDateTime": "yesterday"}, "Observation.effective_at.type"),
    ({"effectiveDateTime": "2026-02-28T10:00:00"}, "Observation.effective_at.type"),
    ({"effectiveDateTime": 2026}, "Observation.effective_at.type"),
    ({"component": [{"valueQuantity": {"value": "x"}}]}, "Observation.components.value_number.type"),
    ({"id": None}, "Observation.observation_key.required"),
]


@pytest.mark.parametrize(("change", "clause"), BROKEN)
def test_a_record_that_breaks_a_clause_is_quarantined_with_it_and_the_next_one_lands(
    zone, ndjson, observation, change, clause
) -> None:
    receipt = zone.one("x.ndjson", ndjson({**observation("bad"), **change}, observation("good")))
    assert (receipt.landed, receipt.quarantined, dict(receipt.reasons)) == (1, 1, {clause: 1})
    ((line, stored, reason),) = zone.quarantine()
    assert (line, stored) == (1, clause)
    assert reason.endswith(".") and "Smith" not in reason


LOINC = "http://loinc.org"


def panel(**values: float | None) -> dict[str, object]:
    """What makes an observation a blood pressure panel."""
    codes = {"systolic": "8480-6", "diastolic": "8462-4", "other": "0000-0"}
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": codes[name]}]},
            "valueQuantity": {"value": value, "unit": "mm[Hg]"},
        }
        for name, value in values.items()
    ]
    return {"code": {"coding": [{"system": LOINC, "code": "85354-9"}]}, "valueQuantity": None, "component": parts}


@pytest.mark.parametrize(
    ("values", "is_possible"),
    [
        ({"systolic": 120, "diastolic": 80}, True),
        ({"systolic": 0, "diastolic": 400}, True),
        ({"systolic": 120, "diastolic": -1}, False),
        ({"systolic": 400.5, "diastolic": 80}, False),
        ({"systolic": None, "diastolic": 80}, True),
        ({"other": -5}, True),
    ],
)
def test_a_component_is_held_to_the_same_range_as_a_value_of_its_own(
    zone, ndjson, observation, values, is_possible
) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation(**panel(**values)), observation("good")))
    wrong = {} if is_possible else {"Observation.components.value_number.range": 1}
    assert (receipt.landed, dict(receipt.reasons)) == (2 if is_possible else 1, wrong)


@pytest.mark.parametrize("sent", ["<", "<=", ">=", ">", " < ", "", None])
def test_a_bound_lands_as_one_of_a_value_and_of_a_component(zone, ndjson, observation, sent) -> None:
    """FHIR calls the comparator a modifier element: without it the number means something else."""
    told = panel(systolic=70, diastolic=40)
    told["component"][1]["valueQuantity"]["comparator"] = sent
    lactate = observation("l", code={"coding": [{"system": LOINC, "code": "2524-7"}]},
                          valueQuantity={"value": 20, "comparator": sent, "code": "mmol/L"})  # fmt: skip
    assert zone.one("x.ndjson", ndjson(observation("p", **told), lactate)).landed == 2
    landed = (sent or "").strip() or None
    parts = [
        {"code": code, "code_system": LOINC, "value_number": number, "value_comparator": comparator}
        | {"value_unit": "mm[Hg]", "value_code": None}
        for code, number, comparator in (("8480-6", 70.0, None), ("8462-4", 40.0, landed))
    ]
    found = zone.rows("fhir_observation", "value_number, value_comparator, components", "_file is not null")
    assert found == [(20.0, landed, None), (None, None, parts)]


ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "EMER"}}


@pytest.mark.parametrize(
    ("time", "clause"),
    [
        ("1875-01-01T00:00:00Z", None),
        ("1874-12-31T23:59:59Z", "range"),
        ("0001-01-01T00:00:00Z", "range"),
        ("0000-01-01T00:00:00Z", "range"),
        ("0001-01-01", "range"),
        ("10000-01-01T00:00:00Z", "type"),
        ("-0001-01-01T00:00:00Z", "type"),
        ("2026-03-01T10:00:00+99:00", "type"),
        ("2026-03-01T24:00:00Z", "type"),
        ("2028-03-01T12:00:00Z", None),
        ("2028-03-01T12:00:01Z", "future"),
        ("9999-12-31T23:59:59Z", "future"),
    ],
)
def test_a_time_is_a_possible_one(zone, ndjson, time, clause) -> None:
    """The file arrives on 2026-03-01 at noon, UTC."""
    encounter = {**ENCOUNTER, "subject": {"reference": "Patient/p1"}}
    in_location = {
        **encounter,
        "id": "e2",
        "location": [{"location": {"reference": "Location/ED"}, "period": {"start": time}}],
    }
    started = {**encounter, "period": {"start": time}}
    receipt = zone.one("x.ndjson", ndjson(started, in_location))
    wrong = [f"Encounter.started_at.{clause}", f"Encounter.locations.started_at.{clause}"] if clause else []
    assert dict(receipt.reasons) == dict.fromkeys(wrong, 1)


@pytest.mark.parametrize(
    ("born", "clause"),
    [
        ("2026-03-01", None),
        ("2026-03-02", None),  # where the sun is up already
        ("2026-03-03", "Patient.birth_date.future"),
        ("2027", "Patient.birth_date.future"),
        ("1874", "Patient.birth_date.range"),
    ],
)
def test_nobody_is_born_after_the_day_of_arrival(zone, ndjson, patient, born, clause) -> None:
    receipt = zone.one("x.ndjson", ndjson(patient(birthDate=born)))
    assert dict(receipt.reasons) == ({clause: 1} if clause else {})
    assert [reason for _, _, reason in zone.quarantine() if "future" in str(clause)] == [
        "Patient.birth_date must be no later than it arrived." for _ in range(clause == "Patient.birth_date.future")
    ]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Group/1"},
        {"reference": "https://ehr/fhir/Group/1/_history/2"},
        {"reference": "Group?identifier=a|b"},
        {"reference": "urn:uuid:1", "type": "Group"},
        {"identifier": {"system": "a", "value": "b"}, "type": "Device"},
    ],
)
def test_a_reference_to_another_type_is_no_patient(zone, ndjson, observation, subject) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation(subject=subject)))
    ((_, clause, reason),) = zone.quarantine()
    assert receipt.quarantined == 1
    assert clause in ("Observation.patient_key.type", "Observation.patient_key.required")
    assert clause.endswith("required") or "Patient" in reason


def test_an_optional_reference_to_another_type_is_left_out(zone, ndjson, observation, known_as) -> None:
    flag = {"resourceType": "Flag", "id": "f", "subject": {"reference": "Group/1"}}
    care = {**observation(), "encounter": {"reference": "EpisodeOfCare/1"}}
    assert zone.one("x.ndjson", ndjson(flag, care)).landed == 2
    assert zone.rows("fhir_resource", "resource_key, patient_key") == [(known_as("Flag", "f"), None)]
    assert zone.rows("fhir_observation", "encounter_key") == [(None,)]


@pytest.mark.parametrize(("version", "is_kept"), [("2026-03-02T12:00:00Z", True), ("2026-03-02T12:00:01Z", False)])
def test_a_version_from_days_ahead_says_nothing(zone, ndjson, patient, version, is_kept) -> None:
    """It would stay the latest until then; the record is as new as its arrival."""
    zone.one("x.ndjson", ndjson(patient(meta={"lastUpdated": version})))
    assert zone.rows("fhir_patient", "_version_at is not null") == [(is_kept,)]


@pytest.mark.parametrize("value", [0, 500])
def test_the_ends_of_a_range_are_inside_it(zone, ndjson, observation, value) -> None:
    assert zone.one("x.ndjson", ndjson(observation(valueQuantity={"value": value}))).landed == 1


@pytest.mark.parametrize(
    "harmless",
    [
        {"_status": {"extension": [{"url": "x"}]}},
        {"category": None},
        {"category": [None]},
        {"code": {"coding": [None, {"system": "http://loinc.org", "code": "8867-4"}]}},
        {"component": None},
        {"component": [None]},
        {"component": []},
        {"_effectiveDateTime": {"id": "x"}, "effectiveDateTime": "2026"},
        {"encounter": {"reference": "#e"}},
        {"extension": [{"url": "http://x", "valueString": "\\u0000"}]},
        {"note": [{"text": 'a "quoted" \\ text\n'}]},
        {"code": {"text": "pulse"}},
    ],
)
def test_nulls_extensions_and_odd_shapes_do_not_stop_a_good_record(zone, ndjson, observation, harmless) -> None:
    assert zone.one("x.ndjson", ndjson({**observation(), **harmless})).landed == 1


def test_entered_in_error_lands_with_its_status(zone, ndjson, observation) -> None:
    assert zone.one("x.ndjson", ndjson(observation(status="entered-in-error"))).landed == 1
    assert zone.rows("fhir_observation", "status, _is_deleted") == [("entered-in-error", False)]


def test_the_same_content_in_another_spelling_is_a_duplicate(zone, ndjson, patient) -> None:
    zone.one(
        "Patient.ndjson",
        json.dumps(patient(name=[{"family": "Müller"}]), separators=(",", ":"), ensure_ascii=False).encode(),
    )
    receipt = zone.one("Patient.ndjson", json.dumps(patient(name=[{"family": "Müller"}]), indent=None).encode())
    assert (receipt.landed, receipt.duplicate) == (0, 1)


def test_other_content_under_the_same_key_supersedes_and_both_versions_stay(zone, ndjson, patient) -> None:
    zone.one("Patient.ndjson", ndjson(patient()))
    receipt = zone.one("Patient.ndjson", ndjson(patient(), patient(gender="male"), patient(gender="male")))
    assert (receipt.superseded, receipt.duplicate, receipt.landed) == (1, 2, 0)
    assert zone.rows("fhir_patient", "gender") == [("female",), ("male",)]


def test_repeats_within_one_file_count_once(zone, ndjson, patient) -> None:
    receipt = zone.one("Patient.ndjson", ndjson(patient(), patient(), patient(gender="other"), patient("p2")))
    assert (receipt.received, receipt.landed, receipt.duplicate, receipt.superseded) == (4, 2, 1, 1)


def test_the_same_id_of_two_types_is_two_records(zone, ndjson) -> None:
    records = [{"resourceType": t, "id": "1"} for t in ("Goal", "Flag")]
    assert zone.one("x.ndjson", ndjson(*records)).landed == 2


def test_a_conditional_reference_meets_the_location_that_carries_the_identifier(zone, ndjson, known_as) -> None:
    place = {"resourceType": "Location", "id": "l1", "identifier": [{"system": "sys", "value": "ICU"}]}
    zone.one("Location.ndjson", ndjson(place))
    assert zone.rows("fhir_location", "identifier_key, alias_code") == [(known_as("sys", "ICU"), "ICU")]


def test_an_error_of_the_engine_never_quotes_a_record(zone, ndjson, patient, monkeypatch) -> None:
    from orchestration.feeds import FeedError, run

    def broken(*_: object) -> None:
        raise duckdb.InvalidInputException('Malformed JSON. Input: "Zorro"')

    monkeypatch.setattr(run, "land_fhir", broken)
    with pytest.raises(FeedError) as raised:
        zone.one("Patient.ndjson", ndjson(patient()))
    assert "Zorro" not in "".join(traceback.format_exception(raised.value))
    assert "withheld" in str(raised.value)


def test_what_landing_puts_aside_on_disk_for_want_of_memory_is_encrypted() -> None:
    with connection(b"k" * 32) as db:
        found = db.execute("select current_setting('temp_file_encryption')").fetchone()
    assert found == (True,)

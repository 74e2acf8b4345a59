"""What is written where somebody has no number makes no person: NA, unknown, a dash."""

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.features.pseudonym import pseudonym
from orchestration.contracts import placeholders
from tests.unit.orchestration.feeds.conftest import KEY

PLACEHOLDERS = ["NA", "n/a", "Unknown", "NULL", "none", "-", "???", "xxx", "#N/A", "Not Available"]
NUMBERS = ["0", "0000", "7", "10", "1000", "99999", "A0", "NA1", "unknown-7", "x", "0x", "病001", "NANCY", "T-1"]


@pytest.fixture(scope="module")
def judged():
    with duckdb.connect() as db:
        db.execute(f"create macro {placeholders.macro()}")
        yield lambda text: db.execute("select issued(?) is null", [text]).fetchall() == [(True,)]


@pytest.mark.parametrize(("texts", "expected"), [(PLACEHOLDERS, True), (NUMBERS, False)])
def test_placeholders_are_told_from_numbers(judged, texts: list[str], expected: bool) -> None:
    assert {judged(text) for text in texts} == {placeholders.is_placeholder(text) for text in texts} == {expected}


@given(st.one_of(st.text(max_size=8), st.text("0xXnaNA/-_ ü病", max_size=6)))
@example("_")
@example("\0")
def test_python_judges_as_duckdb_does(judged, text: str) -> None:
    assert placeholders.is_placeholder(text) == judged(text)


def test_patients_without_a_number_do_not_become_one_person(zone, ndjson, patient) -> None:
    numbers = ["unknown", "-", "7"]
    people = [
        patient(f"p{n}", identifier=[{"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn", "value": number}])
        for n, number in enumerate(numbers)
    ]
    assert zone.one("Patient.ndjson", ndjson(*people)).landed == 3
    key = pseudonym(KEY, "urn:mrn", "7")
    columns = "mrn_key, identifier_key, identifiers[1].patient_key"
    assert zone.rows("fhir_patient", columns) == [(key, key, key), (None, None, None), (None, None, None)]


def test_a_subject_known_only_by_a_placeholder_is_held_back(zone, ndjson, observation) -> None:
    record = observation(subject={"identifier": {"system": "urn:mrn", "value": "NA"}})
    receipt = zone.one("Observation.ndjson", ndjson(record))
    assert dict(receipt.reasons) == {"Observation.patient_key.required": 1}


@pytest.mark.parametrize("number", ["unknown", "-", "NA"])
def test_nobody_is_asked_for_by_a_placeholder(zone, ndjson, observation, number: str) -> None:
    asked = [observation("a", subject={"reference": f"Patient?identifier=urn:mrn|{number}"}), observation("b")]
    assert dict(zone.one("Observation.ndjson", ndjson(*asked)).reasons) == {"Observation.patient_key.type": 1}


def test_a_placeholder_in_the_list_of_numbers_is_not_made_up_for_by_a_field_of_another_meaning(zone) -> None:
    head = "MSH|^~\\&|EHR|CITY|||20260228101500||ADT^A01|{}|P|2.5\rEVN|A01|20260228101500\r"
    rest = "PV1|1|I|W1||||||||||||||||V{}^^^CITY\r"
    for n, given_as in enumerate(["||17", "|17|NA", "|18|"]):
        zone.one(f"{n}.hl7", (head.format(n) + f"PID|1{given_as}\r" + rest.format(n)).encode())
    assert set(zone.rows("hl7v2_adt", "patient_key")) == {(pseudonym(KEY, "", n),) for n in ("17", "18")}
    assert [clause for _, clause, _ in zone.quarantine()] == ["ADT.patient_key.required"]


def test_many_rows_without_a_number_are_no_other_form(zone) -> None:
    header = "appointment_id,mrn,visit_number,status,start,clinic,booked_at,updated_at\n"
    cells = "booked,2026-03-02T10:00:00Z,c1,2026-02-01T10:00:00Z,2026-02-01T10:00:00Z"
    rows = [f"a{n},{'NA' if n else 7},1,{cells}\n" for n in range(40)]
    receipt = zone.one("appointments.csv", (header + "".join(rows)).encode(), feed="appointments")
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"Appointment.mrn_key.placeholder": 39})


def test_a_message_is_about_the_first_number_that_was_issued(zone) -> None:
    head = "MSH|^~\\&|EHR|CITY|||20260228101500||ADT^A01|{}|P|2.5\rEVN|A01|20260228101500\r"
    rest = "PV1|1|I|W1||||||||||||||||V{}^^^CITY\r"
    for number, given_as in enumerate(["UNKNOWN^^^CITY^MR~7^^^CITY^MR", "NA^^^CITY^MR"]):
        zone.one(f"{number}.hl7", (head.format(number) + f"PID|1||{given_as}\r" + rest.format(number)).encode())
    assert zone.rows("hl7v2_adt", "patient_key") == [(pseudonym(KEY, "CITY", "7"),)]
    assert [clause for _, clause, _ in zone.quarantine()] == ["ADT.patient_key.required"]


def test_rows_of_a_table_without_a_number_are_held_back_and_the_next_lands(zone) -> None:
    header = "appointment_id,mrn,visit_number,status,start,clinic,booked_at,updated_at\n"
    cells = "booked,2026-03-02T10:00:00Z,c1,2026-02-01T10:00:00Z,2026-02-01T10:00:00Z"
    rows = [
        f"a{n},{mrn},{visit},{cells}\n" for n, (mrn, visit) in enumerate([("NA", "1"), ("7", "unknown"), ("7", "2")])
    ]
    receipt = zone.one("appointments.csv", (header + "".join(rows)).encode(), feed="appointments")
    assert (receipt.received, receipt.landed) == (3, 2)
    assert dict(receipt.reasons) == {"Appointment.mrn_key.placeholder": 1}
    assert "placeholder" in str(zone.quarantine()[0][2])
    visits = {key for (key,) in zone.rows("clinic_appointment", "visit_number_key")}
    assert visits == {None, pseudonym(KEY, "visit", "2")}

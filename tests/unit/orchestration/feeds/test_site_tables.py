"""Appointments, staffing and triage notes as CSV and Parquet."""

import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BOOKED = "appointment_id,mrn,clinic,start,booked_at,status,updated_at\n"
ONE = "A1,M7,GIM,2026-03-09T09:00:00-05:00,2026-02-27T10:00:00-05:00,booked,2026-02-27T10:00:00-05:00\n"
NOTES = "note_id,encounter_id,visit_number,mrn,written_at,text\n"
HOURS = "unit,work_date,shift,census,rn_hours,lpn_hours\n"


def parquet(**columns: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_an_appointment_lands_with_pseudonyms_and_its_state_is_its_version(zone, known_as) -> None:
    earlier = ONE.replace("booked,2026-02-27", "cancelled,2026-02-28")
    (receipt,) = zone.land({"a.csv": (BOOKED + earlier + ONE).encode()})
    assert (receipt.feed, receipt.landed, receipt.superseded) == ("appointments", 1, 1)
    found = zone.rows("clinic_appointment", "appointment_key, mrn_key, clinic_code, status, _version_at")
    keys = known_as("appointment", "A1"), known_as("mrn", "M7")
    assert found == [
        (*keys, "GIM", "booked", datetime(2026, 2, 27, 15, tzinfo=UTC)),
        (*keys, "GIM", "cancelled", datetime(2026, 2, 28, 15, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("M7", "", "Appointment.mrn_key.required"),
        ("booked,2", "lost,2", "Appointment.status.codes"),
        ("2026-03-09", "2026-02-26", "Appointment.starts_at.order"),
        ("T09:00:00-05:00", "T09:00:00", "Appointment.starts_at.type"),
        (",2026-02-27T10:00:00-05:00\n", ",\n", "Appointment.updated_at.required"),
    ],
)
def test_an_appointment_that_breaks_a_clause_is_quarantined(zone, old, new, clause) -> None:
    receipt = zone.one("a.csv", (BOOKED + ONE.replace(old, new) + ONE.replace("A1", "A2")).encode())
    assert (receipt.landed, dict(receipt.reasons)) == (1, {clause: 1})


def test_times_of_a_typed_parquet_file_are_read_where_they_carry_a_zone(zone) -> None:
    at = [datetime(2026, 2, 28, 9, tzinfo=UTC)]
    content = parquet(
        appointment_id=["A1"], mrn=["M7"], clinic=["GIM"], start=pa.array(at, pa.timestamp("us", tz="America/Chicago")),
        booked_at=["2026-02-27T10:00:00Z"], status=["booked"], updated_at=pa.array(at, pa.timestamp("ms", tz="UTC")),
    )  # fmt: skip
    receipt = zone.one("appointments.parquet", content)
    assert (receipt.feed, receipt.landed) == ("appointments", 1)
    assert zone.rows("clinic_appointment", "starts_at") == [(at[0],)]


def test_of_a_note_only_listed_words_reach_the_lake(zone, known_as) -> None:
    row = 'N1,e-1,V5,M7,2026-03-01T09:00:00Z,"62F c/o chest pain. Daughter Ciara Byrne, 087 555 0101, rang."\n'
    receipt = zone.one("notes.csv", (NOTES + row).encode())
    assert (receipt.feed, receipt.landed) == ("triage_notes", 1)
    columns = "note_words, encounter_key, visit_number_key, mrn_key"
    [(words, *keys)] = zone.rows("triage_note", columns)
    assert "chest pain" in words and not {"Ciara", "Byrne", "087", "0101"} & set(words.replace(",", " ").split())
    assert keys == [known_as("Encounter", "e-1"), known_as("visit", "V5"), known_as("mrn", "M7")]
    lake = b"".join(path.read_bytes() for path in (zone.home / "lake").rglob("*.parquet"))
    assert b"Byrne" not in lake and b"555" not in lake


def test_hours_of_a_typed_parquet_file_land_with_their_date(zone) -> None:
    content = parquet(
        unit=["ICU", "ICU"], work_date=pa.array([date(2026, 2, 28)] * 2, pa.date32()), shift=["day", "night"],
        census=pa.array([9, 8], pa.int16()), rn_hours=pa.array(["40.25", "24"]).cast(pa.decimal128(9, 2)),
        lpn_hours=pa.array([None, 8.0]),
    )  # fmt: skip
    receipt = zone.one("staffing.parquet", content)
    assert (receipt.feed, receipt.landed) == ("staffing", 2)
    found = zone.rows("unit_staffing", "staffing_key, census, rn_hours, lpn_hours")
    assert found == [("ICU|2026-02-28|day", 9, 40.25, None), ("ICU|2026-02-28|night", 8, 24.0, 8.0)]


def test_more_contracted_hours_than_hours_are_refused(zone) -> None:
    head = HOURS.replace("lpn_hours", "lpn_hours,rn_contract_hours")
    receipt = zone.one("s.csv", (head + "A,2026-02-28,day,4,8,0,8\nA,2026-02-28,night,4,8,0,9\n").encode())
    assert dict(receipt.reasons) == {"Staffing.rn_contract_hours.order": 1}


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["2026-02-28", "2026-02-28T09:00:00Z", "8", "1e9", "-1", "NaN", "day", '"', "'", "x;y"]
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from([BOOKED, NOTES, HOURS]), rows=st.lists(st.lists(CELL, max_size=8), min_size=1, max_size=6))
def test_whatever_the_cells_hold_every_row_is_accounted_for(make_zone, head, rows) -> None:
    zone = make_zone()
    receipt = zone.one("t.csv", (head + "\n".join(",".join(row) for row in rows)).encode())
    assert receipt.received == receipt.landed + receipt.superseded + receipt.duplicate + receipt.quarantined >= 1

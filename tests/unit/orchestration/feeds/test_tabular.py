"""Rosters, census and the survey as CSV, Parquet and Stata."""

import io
from datetime import UTC, date, datetime

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.feeds import FeedStopped

HEAD = "shift_id,staff_id,unit,shift,date,starts_at,ends_at,role,skills,status\n"
ROW = "s1,n7,ED,night,2026-03-01,2026-03-01T23:00:00+01:00,2026-03-02T07:00:00+01:00,RN,triage;iv,planned\n"


def census(*rows: str, head: str = "unit_code,at,occupied,staffed_beds,closed") -> bytes:
    return "\n".join([head, *rows]).encode()


def test_a_roster_lands_with_pseudonyms_of_shift_and_staff(zone, known_as) -> None:
    receipt = zone.one("rosters.csv", (HEAD + ROW).encode())
    assert (receipt.feed, receipt.landed) == ("rosters", 1)
    columns = "shift_key, staff_key, unit_code, shift_date, starts_at, skill_codes, _key"
    key = known_as("roster shift", "s1")
    starts = datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert zone.rows("roster_shift", columns) == [
        (key, known_as("staff", "n7"), "ED", date(2026, 3, 1), starts, "triage;iv", key)
    ]


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("planned", "maybe", "Shift.status.codes"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01T23:00:00", "Shift.starts_at.type"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01", "Shift.starts_at.type"),
        ("2026-03-01T23:00:00+01:00", "2026-03", "Shift.starts_at.type"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01T23:0:0+01:00", "Shift.starts_at.type"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01T24:00:00+01:00", "Shift.starts_at.type"),
        (",2026-03-01,", ",2026-3-1,", "Shift.shift_date.type"),
        (",2026-03-01,", ",epoch,", "Shift.shift_date.type"),
        ("2026-03-02T07:00:00+01:00", "2026-03-01T07:00:00+01:00", "Shift.ends_at.order"),
        ("s1,", ",", "Shift.shift_key.required"),
        ("RN", "R" * 65, "Shift.role_code.length"),
        (",planned", "", "row.width"),
        ("RN", '"RN', "row.quotes"),
    ],
)
def test_a_row_that_breaks_a_clause_is_quarantined_and_the_next_one_lands(zone, old, new, clause) -> None:
    content = HEAD + ROW.replace(old, new, 1) + "\r\n" + ROW.replace("s1", "s2")
    receipt = zone.one("rosters.csv", content.encode())
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {clause: 1})


def test_a_row_that_is_not_utf8_is_quarantined_alone(zone) -> None:
    content = HEAD.encode() + ROW.replace("ED", "É").encode("latin-1") + ROW.replace("s1", "s2").encode()
    assert dict(zone.one("rosters.csv", content).reasons) == {"row.not_utf8": 1}


def test_quoted_cells_may_hold_delimiters_and_line_breaks(zone) -> None:
    content = HEAD + ROW.replace("triage;iv", '"triage,\niv ""x"""') + ROW.replace("s1", "s2")
    assert zone.one("rosters.csv", content.encode()).landed == 2
    assert ('triage,\niv "x"',) in zone.rows("roster_shift", "skill_codes")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(zone, delimiter) -> None:
    content = census("ED,2026-03-01T00:00:00Z,5,8,0").replace(b",", delimiter.encode())
    receipt = zone.one("census.csv", content)
    assert (receipt.feed, receipt.landed) == ("census", 1)


def test_census_counts_are_whole_and_not_negative(zone) -> None:
    at = "2026-03-01T00:00:00Z"
    rows = [f"A,{at},0,8,0", f"B,{at},-1,8,0", f"C,{at},1.5,8,0", f"D,{at},x,8,", f"E,{at},1000,8,", f"F,{at},1001,8,"]
    receipt = zone.one("census.csv", census(*rows))
    assert receipt.landed == 2
    assert dict(receipt.reasons) == {"Census.occupied.range": 2, "Census.occupied.type": 2}
    assert zone.rows("unit_census", "census_key, occupied, closed")[0] == ("A|2026-03-01T00:00:00Z", 0, 0)


@pytest.mark.parametrize("number", ["1_0", "0x10", "nan", "inf", "-infinity", "1e", "1,5", "+-1", "."])
def test_a_number_in_a_form_of_no_number_is_quarantined(zone, number) -> None:
    receipt = zone.one(
        "staffing.csv", f'unit,date,shift,census,rn_hours,lpn_hours\nW1,2026-02-10,day,5,"{number}",1'.encode()
    )
    assert (receipt.feed, dict(receipt.reasons)) == ("staffing", {"Staffing.rn_hours.type": 1})
    receipt = zone.one("census.csv", census(f'ED,2026-02-10T00:00:00Z,"{number}",8,0'))
    assert dict(receipt.reasons) == {"Census.occupied.type": 1}


@pytest.mark.parametrize(("number", "value"), [("7.5", 7.5), ("+7", 7.0), ("7.", 7.0), (".5", 0.5), ("75e-1", 7.5)])
def test_a_number_may_have_a_sign_a_point_and_an_exponent(zone, number, value) -> None:
    zone.one("staffing.csv", f"unit,date,shift,census,rn_hours,lpn_hours\nW1,2026-02-10,day,5,{number},1".encode())
    assert zone.rows("unit_staffing", "rn_hours") == [(value,)]


def test_the_same_day_corrected_supersedes(zone) -> None:
    zone.one("a.csv", census("ED,2026-03-01T00:00:00Z,5,8,0"))
    receipt = zone.one("b.csv", census("ED,2026-03-01T00:00:00Z,5,8,0", "ED,2026-03-01T01:00:00+01:00,6,8,0"))
    assert (receipt.superseded, receipt.duplicate) == (1, 1)


@pytest.mark.parametrize("feed", [None, "census"])
def test_a_missing_required_column_stops_the_feed_with_what_was_expected_and_what_came(zone, feed) -> None:
    files = {"bad.csv": census("ED,2026-03-01T00:00:00Z,5,0", head="unit_code,at,occupied,closed"),
             "good.csv": census("ED,2026-03-01T00:00:00Z,5,8,0")}  # fmt: skip
    with pytest.raises(FeedStopped, match=r"Expected: staffed_beds\. Came: unit_code, at, occupied, closed") as stopped:
        zone.land(files, feed)
    bad, good = stopped.value.receipts
    assert (bad.feed, bad.received, dict(bad.reasons)) == ("census", 1, {"file.missing_column": 1})
    assert good.landed == 1
    with pytest.raises(FeedStopped):
        zone.land({"bad.csv": files["bad.csv"]}, feed)


def test_a_header_without_rows_is_quarantined_whole(zone) -> None:
    assert dict(zone.one("rosters.csv", HEAD.encode()).reasons) == {"file.no_rows": 1}


def test_a_table_of_no_feed_is_unrecognised(zone) -> None:
    receipt = zone.one("prices.csv", b"sku,price\n1,2\n")
    assert (receipt.feed, dict(receipt.reasons)) == ("unrecognised", {"file.unrecognised": 1})


def test_parquet_keeps_its_types(zone) -> None:
    at = pa.array([datetime(2026, 3, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    table = pa.table(
        {"Unit": ["ED"], "AT": at, "occupied": [5.0], "staffed_beds": pa.array([8], pa.int8()), "extra": [1]}
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert zone.one("census.parquet", buffer.getvalue()).landed == 1
    assert zone.rows("unit_census", '"at", occupied, closed') == [(datetime(2026, 3, 1, tzinfo=UTC), 5, None)]


SURVEY = {
    "HOSPCODE": 1, "PATCODE": 2, "YEAR": 2018, "VMONTH": 1, "VDAYR": 7, "AGE": 44, "SEX": 1, "ARRTIME": "0930",
    "TEMPF": 986, "PULSE": 998, "IMMEDR": 7, "RFV1": 10501, "NOCHRON": 2, "CHF": 0, "ARREMS": 2, "ADMIT": -7,
    "PATWT": 10.5,
}  # fmt: skip


def stata(**changes: object) -> bytes:
    row = {k: v for k, v in {**SURVEY, **changes}.items() if v is not None}
    buffer = io.BytesIO()
    pandas.DataFrame([row]).to_stata(buffer, write_index=False, version=114)
    return buffer.getvalue()


def test_sentinels_of_the_survey_become_null_and_codes_keep_their_meaning(zone) -> None:
    assert zone.one("ed.dta", stata()).landed == 1
    columns = "survey_year, arrival_time, temperature_f, heart_rate, triage_level, triage_level_source, rfv1, chf"
    assert zone.rows("nhamcs_visit", columns) == [(2018, "0930", 98.6, None, None, 7, "10501", None)]
    assert zone.rows("nhamcs_visit", "arrived_by_ambulance, weight, seen_72h, admit_unit") == [(False, 10.5, None, -7)]


def test_another_year_of_the_survey_with_other_columns_lands_unchanged(zone) -> None:
    older = {
        k.lower(): v
        for k, v in {**SURVEY, "YEAR": 9, "DIABETES": 1, "NOCHRON": 0}.items()
        if k not in ("IMMEDR", "ADMIT")
    }
    buffer = io.BytesIO()
    pandas.DataFrame([older]).to_stata(buffer, write_index=False, version=114)
    assert zone.one("ed2009.dta", buffer.getvalue()).landed == 1
    assert zone.rows("nhamcs_visit", "survey_year, diabtyp0, triage_level, admit_unit") == [(2009, True, None, None)]


def test_a_file_without_a_year_takes_it_from_its_name(zone) -> None:
    assert zone.one("ed2011-stata.dta", stata(YEAR=None)).landed == 1
    assert zone.rows("nhamcs_visit", "survey_year") == [(2011,)]
    with pytest.raises(FeedStopped, match="YEAR"):
        zone.one("ed.dta", stata(YEAR=None, AGE=45))


def test_a_value_that_the_survey_cannot_hold_is_quarantined(zone) -> None:
    assert dict(zone.one("ed.dta", stata(SEX=3)).reasons) == {"Visit.sex.codes": 1}
    assert dict(zone.one("ed2.dta", stata(PULSE=700)).reasons) == {"Visit.heart_rate.range": 1}


@pytest.mark.parametrize("again", ["occupied", " OCCUPIED"])
def test_a_column_named_twice_stops_the_feed_and_is_named(zone, again) -> None:
    content = f"unit_code,at,occupied,staffed_beds,{again}\nED,2026-03-01T00:00:00Z,5,8,9".encode()
    with pytest.raises(FeedStopped, match=r"names a column twice .* Twice: occupied\.") as stopped:
        zone.one("census.csv", content)
    assert dict(stopped.value.receipts[0].reasons) == {"file.repeated_column": 1}
    with pytest.raises(FeedStopped):
        zone.one("census.csv", content)


@pytest.mark.parametrize("other", ["unit", " Unit"])
def test_two_columns_that_mean_the_same_stop_the_feed_and_are_both_named(zone, other) -> None:
    content = f"unit_code,at,occupied,staffed_beds,{other}\nED,2026-03-01T00:00:00Z,5,8,ICU".encode()
    told = rf"Keep one of them: unit_code is read from unit_code, {other.strip()}\."
    told += r" Or say in the site's mapping \(census\.yaml\) which one counts, "
    told += r"as in `columns: \{unit_code: \{from: unit_code\}\}`"
    with pytest.raises(FeedStopped, match=told) as stopped:
        zone.one("census.csv", content)
    assert dict(stopped.value.receipts[0].reasons) == {"file.rival_columns": 1}
    other_name = content.replace(b"unit_code,", b"ward,")
    assert zone.one("census-2.csv", other_name).landed == 1


TWO_UNITS = "unit_code,at,occupied,staffed_beds,unit"


def test_two_columns_that_mean_the_same_pass_where_they_agree_in_every_row(zone) -> None:
    rows = ["ED,2026-03-01T00:00:00Z,5,8,ED", "ICU,2026-03-01T00:00:00Z,5,8, ICU ", ",2026-03-01T00:00:00Z,5,8,"]
    receipt = zone.one("census.csv", census(*rows, head=TWO_UNITS))
    assert (receipt.landed, receipt.quarantined) == (2, 1)
    assert sorted(zone.rows("unit_census", "unit_code")) == [("ED",), ("ICU",)]


@pytest.mark.parametrize("other", ["ICU", "icu", ""])
def test_two_columns_that_differ_in_one_row_stop_the_feed(zone, other) -> None:
    rows = ["ED,2026-03-01T00:00:00Z,5,8,ED", f"ED,2026-03-02T00:00:00Z,5,8,{other}"]
    with pytest.raises(FeedStopped, match="several columns, which differ"):
        zone.one("census.csv", census(*rows, head=TWO_UNITS))
    assert zone.quarantine()[0][:2] == (None, "file.rival_columns")


@pytest.mark.parametrize(
    ("again", "is_held"),
    [
        (pa.array(["ED", None]), False),
        (pa.array(["ED", "7"]), True),
        (pa.array(["ED", None]).dictionary_encode(), False),
        (pa.array([["ED"], None]), True),
        (pa.array([b"\xff", None]), True),
    ],
    ids=["text", "other", "dictionary", "lists", "bytes"],
)
def test_rival_columns_of_parquet_are_compared_as_text(zone, again: pa.Array, is_held: bool) -> None:
    times, counts = pa.array(["2026-03-01T00:00:00Z"] * 2), pa.array([5, 5])
    columns = {
        "unit_code": pa.array(["ED", ""]),
        "at": times,
        "occupied": counts,
        "staffed_beds": counts,
        "unit": again,
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    if is_held:
        with pytest.raises(FeedStopped, match="which differ"):
            zone.one("census.parquet", buffer.getvalue())
    else:
        assert zone.one("census.parquet", buffer.getvalue()).landed == 1


def test_a_column_that_no_contract_reads_may_be_named_twice_or_as_landing_names_its_own(zone) -> None:
    head = "unit_code,at,occupied,staffed_beds,note,note,,,_file_no,_line,_content,_row"
    assert zone.one("census.csv", census("ED,2026-03-01T00:00:00Z,5,8,a,b,,,7,7,7,7", head=head)).landed == 1


def test_a_parquet_file_with_a_column_twice_is_stopped(zone) -> None:
    columns = [pa.array(["ED"]), pa.array(["2026-03-01T00:00:00Z"]), *(pa.array([n]) for n in (5, 8, 9))]
    buffer = io.BytesIO()
    names = ["unit_code", "at", "occupied", "staffed_beds", "Occupied"]
    pq.write_table(pa.Table.from_arrays(columns, names=names), buffer)
    with pytest.raises(FeedStopped, match="Twice: occupied"):
        zone.one("census.parquet", buffer.getvalue())


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("2026-03-01T23:00:00+01:00", "0900-03-01T23:00:00+01:00", "Shift.starts_at.range"),
        ("2026-03-02T07:00:00+01:00", "2999-03-02T07:00:00+01:00", "Shift.ends_at.future"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01T23:00:00+99:00", "Shift.starts_at.type"),
        (",2026-03-01,", ",1066-10-14,", "Shift.shift_date.range"),
        (",2026-03-01,", ",2126-03-01,", "Shift.shift_date.future"),
    ],
)
def test_a_time_in_a_table_is_a_possible_one(zone, old, new, clause) -> None:
    receipt = zone.one("rosters.csv", (HEAD + ROW.replace(old, new, 1)).encode())
    assert dict(receipt.reasons) == {clause: 1}


def test_a_header_below_blank_lines_is_found(zone) -> None:
    assert zone.one("census.csv", b"\n \r\n" + census("ED,2026-03-01T00:00:00Z,5,8,0")).landed == 1


def test_a_header_that_cannot_be_read_is_told_so(zone) -> None:
    assert dict(zone.one("a.csv", b'unit_code,"at,occupied\nED,x,5', feed="census").reasons) == {"file.header": 1}

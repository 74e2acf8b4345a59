"""From bytes to the latest version: by dbt's own order, over the lake and over all that came."""

import json
import re
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MACROS = Path(__file__).resolve().parents[4] / "dbt_project" / "macros" / "build" / "lake.sql"
ORDER = re.search(r"macro newest_first\(\) -%}(.+?){%-", MACROS.read_text(), re.DOTALL)
SITE_COLUMNS = "_key, _content, _version_at, _arrived_at, _line, _file, _is_deleted, gender"
STEP = timedelta(microseconds=1)
OUTCOMES = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")


def latest(zone) -> list[tuple[object, ...]]:
    """What dbt takes as the latest versions of the lake."""
    assert ORDER is not None
    newest = f"qualify row_number() over (partition by _key order by {ORDER[1]}) = 1"
    lake = f"read_parquet('{zone.home}/lake/fhir_patient/site=city/*/*.parquet')"
    with duckdb.connect() as db:
        return db.execute(f"select patient_key, _is_deleted, gender from {lake} {newest} order by all").fetchall()


# One record: which patient, what is said ("-" is a deletion), and the minute of its version. Patients `d...` are dated.
plain = st.tuples(st.sampled_from(["p1", "p2"]), st.sampled_from(["male", "female", "-"]), st.none())
dated = st.tuples(st.sampled_from(["d1", "d2"]), st.sampled_from(["male", "female", "other"]), st.integers(0, 5))
gone = st.tuples(st.sampled_from(["d1", "d2"]), st.just("-"), st.none())
Said = tuple[str, str, int | None]


def entry(said: Said) -> dict[str, object]:
    ident, what, minute = said
    if what == "-":
        return {"request": {"method": "DELETE", "url": f"Patient/{ident}"}}
    meta = {} if minute is None else {"meta": {"lastUpdated": f"2026-03-01T11:0{minute}:00Z"}}
    return {"resource": {"resourceType": "Patient", "id": ident, "gender": what, **meta}}


def bundle(file: list[Said]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [entry(said) for said in file]}).encode()


def expected(files: list[list[Said]], known_as) -> list[tuple[object, ...]]:
    """The latest of all that came: a version is as new as it says, else as its arrival, which is later than noon."""
    found: dict[str, tuple[tuple[object, ...], str]] = {}
    for n, file in enumerate(files):
        for line, (ident, what, minute) in enumerate(file):
            recency = (1 if minute is None else 0, n if minute is None else minute, n, line)
            found[ident] = max(found.get(ident, ((-1,), "")), (recency, what))
    rows = [
        (known_as("Patient", ident), what == "-", None if what == "-" else what) for ident, (_, what) in found.items()
    ]
    return sorted(rows)


@FEW
@given(files=st.lists(st.lists(st.one_of(plain, dated, gone), min_size=1, max_size=4), min_size=1, max_size=5))
@example([[("p1", "male", None)], [("p1", "female", None)], [("p1", "male", None)]])
@example([[("p1", "male", None)], [("p1", "-", None)], [("p1", "male", None)]])
@example([[("d1", "male", 1)], [("d1", "-", None)], [("d1", "-", None)], [("d1", "female", 5)]])
@example([[("p1", "male", None), ("p1", "female", None), ("p1", "male", None)]])
def test_the_latest_version_is_the_latest_of_all_that_came_at_once_or_file_by_file(make_zone, known_as, files) -> None:
    born = [[(ident, "other", 0) for ident in ("d1", "d2")]]  # who is dated was so from the beginning
    files = born + files
    named = {f"{n}.json": bundle(file) for n, file in enumerate(files)}
    at_once, alone = make_zone(), make_zone()
    from_one = at_once.land(named)
    from_many = [alone.land({name: named[name]}, at=alone.noon + n * STEP)[0] for n, name in enumerate(named)]
    assert [[getattr(r, name) for name in OUTCOMES] for r in from_one] == [
        [getattr(r, name) for name in OUTCOMES] for r in from_many
    ]
    assert [r.received for r in from_one] == [len(file) for file in files]
    assert at_once.rows("fhir_patient", SITE_COLUMNS) == alone.rows("fhir_patient", SITE_COLUMNS)
    assert latest(at_once) == expected(files, known_as)


HOURS = st.lists(st.sampled_from("-abc"), min_size=2, max_size=5)  # newest last; "-" is a deletion


def told_at(hour: int, what: str) -> dict[str, object]:
    """An entry of a history: the version, or the deletion, of an hour."""
    at = f"2026-03-01T0{hour}:30:00Z"
    answer = {"response": {"status": "200", "etag": f'W/"{hour}"', "lastModified": at}}
    if what == "-":
        return {"request": {"method": "DELETE", "url": "Patient/h1"}, **answer}
    resource = {"resourceType": "Patient", "id": "h1", "gender": "male", "meta": {"lastUpdated": at}}
    resource["address"] = [{"state": what}]
    return {"resource": resource, "request": {"method": "PUT", "url": "Patient/h1"}, **answer}


@FEW
@given(said=HOURS, data=st.data())
@example(said=["a", "-", "b"], data=None)
@example(said=["a", "b", "-"], data=None)
def test_deletions_and_versions_of_a_history_count_by_their_time_in_any_order(make_zone, said, data) -> None:
    """Newest first in one bundle, or shuffled over entries, files and loads: the newest is the state."""
    entries = [told_at(hour, what) for hour, what in enumerate(said)][::-1]
    if data:
        entries = data.draw(st.permutations(entries))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=5, max_size=5)) if data else [len(entries)]
    zone, begun = make_zone(), 0
    for n, size in enumerate(sizes):
        part = {"resourceType": "Bundle", "type": "history", "entry": entries[begun : begun + size]}
        begun += size
        if part["entry"]:
            zone.land({f"{n}.json": json.dumps(part).encode()}, at=zone.noon + n * STEP)
    found = zone.rows("fhir_patient", "_version_at, _is_deleted, state", "true")
    assert max(found)[1:] == ((True, None) if said[-1] == "-" else (False, said[-1]))
    assert [is_deleted for _, is_deleted, _ in latest(zone)] == [said[-1] == "-"]


CENSUS = "unit_code,at,occupied,staffed_beds,closed\n"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_table_that_goes_back_to_what_it_said_before_is_believed(zone, at_once) -> None:
    rows = {f"{n}.csv": f"{CENSUS}ED,2026-03-01T00:00:00Z,{beds},8,0".encode() for n, beds in enumerate([5, 6, 5])}
    for part in [rows] if at_once else [{name: rows[name]} for name in rows]:
        receipts = zone.land(part)
    assert receipts[-1].superseded == 1
    found = zone.rows("unit_census", "occupied, _arrived_at")
    assert max(found, key=lambda row: row[1])[0] == 5


@pytest.mark.parametrize("is_long_first", [True, False])
def test_files_with_other_columns_between_them_keep_their_order_and_their_columns(zone, is_long_first) -> None:
    """They are of two kinds, and settled apart."""
    long = "unit_code,at,occupied,staffed_beds,closed\nED,2026-03-01T00:00:00Z,{},8,1\n"
    short = "unit_code,at,occupied,staffed_beds\nED,2026-03-01T00:00:00Z,{},8\n"
    heads = (long, short, long) if is_long_first else (short, long, short)
    files = {f"{n}.csv": (head.format(5 + n % 2) + "\n" * n).encode() for n, head in enumerate(heads)}
    assert [(r.landed, r.superseded) for r in zone.land(files)] == [(1, 0), (0, 1), (0, 1)]
    found = zone.rows("unit_census", "_arrived_at, occupied, closed")
    assert [row[1:] for row in found] == [(5 + n % 2, 1 if head is long else None) for n, head in enumerate(heads)]


def test_the_same_bytes_under_the_same_name_are_a_repeated_delivery(zone) -> None:
    first, second = (f"{CENSUS}ED,2026-03-01T00:00:00Z,{beds},8,0".encode() for beds in (5, 6))
    zone.one("a.csv", first)
    zone.one("b.csv", second)
    before = zone.files()
    assert zone.one("a.csv", first).duplicate == 1
    assert zone.files() == before
    assert zone.one("c.csv", first).superseded == 1
    assert zone.one("c.csv", first).duplicate == 1


def test_files_of_a_drop_arrive_one_after_another_on_the_drops_day(zone, ndjson, patient) -> None:
    end = zone.noon.replace(hour=23, minute=59, second=59, microsecond=999_999)
    zone.land({f"{n}.ndjson": ndjson(patient(f"p{n}")) for n in range(3)}, at=end)
    found = zone.rows("fhir_patient", "_arrived_at, cast(day as varchar)")
    assert found == [(end + n * STEP, "2026-03-01") for n in range(3)]


def test_a_drop_that_is_landed_again_comes_after_what_it_brought_before(zone) -> None:
    files = {f"{n}.csv": f"{CENSUS}U{n},2026-03-01T00:00:00Z,5,8,0".encode() for n in range(3)}
    zone.land(files)
    corrected = {**files, "0.csv": f"{CENSUS}U0,2026-03-01T00:00:00Z,7,8,0".encode()}
    assert [(r.superseded, r.duplicate) for r in zone.land(corrected)] == [(1, 0), (0, 1), (0, 1)]
    found = zone.rows("unit_census", "_arrived_at, occupied", "unit_code = 'U0'")
    assert found == [(zone.noon, 5), (zone.noon + 3 * STEP, 7)]


def test_a_drop_that_is_landed_late_is_judged_by_what_had_arrived_before_it(zone) -> None:
    """Days may be landed in any order; what arrived on the third stays the latest."""
    for day, beds in [(1, 5), (3, 6), (2, 6)]:
        content = f"{CENSUS}ED,2026-03-01T00:00:00Z,{beds},8,0".encode() + b"\n" * day
        receipt = zone.land({f"{day}.csv": content}, at=zone.noon + timedelta(days=day))[0]
    assert receipt.superseded == 1
    assert zone.rows("unit_census", "occupied", "_arrived_at > timestamptz '2026-03-04 00:00:00+00'") == [(6,)]

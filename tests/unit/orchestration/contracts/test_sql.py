"""The macros, against Python's own implementations."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, date, datetime

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.pseudonym import pseudonym
from orchestration.contracts import sql
from orchestration.contracts.errors import InvalidContract
from orchestration.contracts.path import alternatives, coalesced

KEY = b"\x00\x01secret"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    sql.install(connection, KEY)
    yield connection
    connection.close()


def one(db: duckdb.DuckDBPyConnection, query: str, *values: object) -> object:
    found = db.execute(f"select {query}", list(values)).fetchone()
    assert found is not None
    return found[0]


@given(authority=TEXT, identifier=TEXT)
def test_a_pseudonym_in_sql_is_the_hmac_that_serving_computes(
    db: duckdb.DuckDBPyConnection, authority: str, identifier: str
) -> None:
    made = one(db, "pseudonym_of(? || chr(31) || ?)", authority, identifier)
    message = f"{authority}\x1f{identifier}".encode()
    assert made == hmac.new(KEY, message, hashlib.sha256).hexdigest()[:32] == pseudonym(KEY, authority, identifier)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_pseudonyms_agree_for_keys_around_the_block_size(length: int) -> None:
    key = bytes(range(1, 1 + length % 200)) or b"x"
    with duckdb.connect() as db:
        sql.install(db, key)
        assert one(db, "pseudonym_of(? || chr(31) || ?)", "Patient", "1") == pseudonym(key, "Patient", "1")


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("2020", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-02", datetime(2020, 2, 1, tzinfo=UTC)),
        ("2020-02-29", datetime(2020, 2, 29, tzinfo=UTC)),
        ("2020-02-29T23:30:00-05:00", datetime(2020, 3, 1, 4, 30, tzinfo=UTC)),
        ("2020-02-29T23:30:00.123Z", datetime(2020, 2, 29, 23, 30, 0, 123000, tzinfo=UTC)),
        ("2020-02-29 23:30:00+00", datetime(2020, 2, 29, 23, 30, tzinfo=UTC)),
        ("2020-02-29T23:30:00+14:00", datetime(2020, 2, 29, 9, 30, tzinfo=UTC)),
        ("2020-02-29T23:30:00-1400", datetime(2020, 3, 1, 13, 30, tzinfo=UTC)),
        ("2020-02-29T23:30:00+14:01", None),
        ("2020-02-29T23:30:00+99:00", None),
        ("2020-02-29T23:30:00+9900", None),
        ("2020-02-29T23:30:00-15", None),
        ("2020-02-29T23:30:00+05:75", None),
        ("2020-02-29T24:00:00Z", None),
        ("12020-02-29T23:30:00Z", None),
        ("-2020-02-29T23:30:00Z", None),
        ("2020-02-29T23:30:00", None),
        ("2021-02-29", None),
        ("2020-13", None),
        ("20200229", None),
        ("infinity", None),
        ("now", None),
    ],
)
def test_instants_may_be_partial_but_never_without_a_zone(
    db: duckdb.DuckDBPyConnection, given_text: str, expected: datetime | None
) -> None:
    made = one(db, "epoch_us(instant(?))", given_text)
    assert made == (None if expected is None else round(expected.timestamp() * 1_000_000))


@pytest.mark.parametrize(
    ("given_text", "expected"), [("1950", date(1950, 1, 1)), ("1950-06", date(1950, 6, 1)), ("1950-06-31", None)]
)
def test_a_partial_date_means_its_first_day(
    db: duckdb.DuckDBPyConnection, given_text: str, expected: date | None
) -> None:
    assert one(db, "calendar_date(?)", given_text) == expected


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("Patient/1", "Patient\x1f1"),
        ("Patient/1/_history/3", "Patient\x1f1"),
        ("https://ehr.example.org/fhir/Patient/1", "Patient\x1f1"),
        ("urn:uuid:0b-1", "Patient\x1f0b-1"),
        ("Patient?identifier=http://mrn|77", "http://mrn\x1f77"),
        ("Patient?active=true&identifier=http://mrn%7C77", "http://mrn\x1f77"),
        ("Patient?identifier=http%3A%2F%2Fmrn|7%2F7", "http://mrn\x1f7/7"),
        ("Patient?name=x", None),
        ("?identifier=http://mrn|77", "http://mrn\x1f77"),
        ("Group/1", None),
        ("Patient/1/Group/2", None),
        ("https://ehr.example.org/fhir/Group/1/_history/2", None),
        ("Group?identifier=http://mrn|77", None),
        ("MyPatient/1", None),
        ("#contained", None),
        ("nonsense", None),
    ],
)
def test_references_resolve_to_what_the_resource_itself_is_known_by(
    db: duckdb.DuckDBPyConnection, reference: str, message: str | None
) -> None:
    assert (
        one(db, "resolved_reference(?, null, 'Patient', null, null, 'https://ehr.example.org/fhir')", reference)
        == message
    )


def test_a_logical_reference_resolves_to_its_identifier(db: duckdb.DuckDBPyConnection) -> None:
    assert (
        one(db, "resolved_reference(null, null, 'Patient', 'http://mrn', '7', 'https://ehr.example.org/fhir')")
        == "http://mrn\x1f7"
    )
    assert one(db, "resolved_reference(null, null, 'Patient', null, null, 'https://ehr.example.org/fhir')") is None


@pytest.mark.parametrize(
    ("named", "is_resolved"),
    [
        ("Patient", True),
        ("http://hl7.org/fhir/StructureDefinition/Patient", True),
        ("Group", False),
        ("x/Group", False),
    ],
)
def test_a_reference_that_says_its_type_is_held_to_it(
    db: duckdb.DuckDBPyConnection, named: str, is_resolved: bool
) -> None:
    made = one(db, "resolved_reference('urn:uuid:1', ?, 'Patient', null, null, 'https://ehr.example.org/fhir')", named)
    assert made == ("Patient\x1f1" if is_resolved else None)
    made = one(db, "resolved_reference(null, ?, 'Patient', 'http://mrn', '7', 'https://ehr.example.org/fhir')", named)
    assert made == ("http://mrn\x1f7" if is_resolved else None)


@pytest.mark.parametrize(
    ("reference", "type_", "named"),
    [
        ("Group/1", None, "Group"),
        ("https://x/fhir/Group/1/_history/2", None, "Group"),
        ("Group?identifier=a|b", None, "Group"),
        ("urn:uuid:1", "Group", "Group"),
        ("urn:uuid:1", None, None),
        ("nonsense", None, None),
        (None, None, None),
    ],
)
def test_a_reference_names_a_type(
    db: duckdb.DuckDBPyConnection, reference: str | None, type_: str | None, named: str | None
) -> None:
    assert one(db, "named_type(?::varchar, ?::varchar)", reference, type_) == named


@pytest.mark.parametrize(
    ("fragment", "number"),
    [("98.6", 98.6), ("-1", -1.0), ('"98.6"', None), ("true", None), ("1e999", None), ("NaN", None)],
)
def test_a_number_is_a_json_number_and_finite(
    db: duckdb.DuckDBPyConnection, fragment: str, number: float | None
) -> None:
    assert one(db, "json_number(?)", fragment) == number


@given(TEXT)
def test_a_json_string_is_read_back_trimmed(db: duckdb.DuckDBPyConnection, value: str) -> None:
    read = one(db, "json_text(to_json(?::varchar))", value)
    assert str(read or "").strip() == value.strip()


@pytest.mark.parametrize(
    ("value", "whole"), [("12", 12), ("12.0", 12), ("12.5", None), ("1e2", 100), ("x", None), ("-7", -7)]
)
def test_a_whole_number_is_never_rounded_to(db: duckdb.DuckDBPyConnection, value: str, whole: int | None) -> None:
    assert one(db, "whole_text(?)", value) == whole


@pytest.mark.parametrize("path", ["", "a..b", "a[b]", "a[?x=y].z", "a b", "[0]", "a[0"])
def test_what_is_no_path_is_refused(path: str) -> None:
    if path == "":
        assert alternatives(path) == ((),)
        return
    with pytest.raises(InvalidContract):
        alternatives(path)


def test_a_filter_takes_the_first_match_and_else_the_first_entry_where_told(db: duckdb.DuckDBPyConnection) -> None:
    struct = "{'x': [{'s': json('\"a\"'), 'v': json('1')}, {'s': json('\"b\"'), 'v': json('2')}]}"
    for path, expected in [("x[?s=='b'].v", "2"), ("x[?s=='c'].v", None), ("x[?s=='c'|0].v", "1"), ("x[1].v", "2")]:
        assert db.execute(f"select {coalesced('r', path)}::varchar from (select {struct} as r)").fetchone() == (
            expected,
        )


@pytest.mark.parametrize(
    ("code", "country", "told"),
    [
        ("02138", None, "021"),
        ("02138-1234", "us", "021"),
        ("021381234", "USA", "021"),
        ("03601", "US", "000"),
        ("021", "US", "021"),
        ("036", None, "000"),
        ("87901", None, "000"),
        ("10115", "DE", None),
        ("W1A 1AA", None, None),
        ("2138", "US", None),
        ("021-38", "US", None),
        (None, "US", None),
    ],
)
def test_of_a_us_zip_code_three_digits_are_told_and_none_where_few_live(db, code, country, told):
    assert one(db, "zip3(?, ?)", code, country) == told


def test_the_list_of_small_areas_is_the_regulators():
    assert len(sql.SMALL_ZIP_PREFIXES) == len(set(sql.SMALL_ZIP_PREFIXES)) == 17
    assert all(len(prefix) == 3 and prefix.isdigit() for prefix in sql.SMALL_ZIP_PREFIXES)

"""Two connections to a landing's database: the second reads as the first does, beside it."""

import duckdb
import pytest

from orchestration.feeds.relation import another, connection, rows

AUTHORITIES = {"patient": {"OLD": "HOSP"}}
SAYINGS = [
    "pseudonym_of('Patient' || chr(31) || 'p1')",
    "content_of('{}')",
    "known_authority('patient', 'OLD' || chr(31) || '4711')",
    "hl7_instant('20260701120000')",
    "hl7_code('Acute pain of Zorro')",
    "current_setting('TimeZone')",
    "current_setting('threads')",
    "current_setting('preserve_insertion_order')",
    "current_setting('temp_file_encryption')",
]


@pytest.mark.parametrize("saying", SAYINGS)
def test_a_second_connection_says_what_the_first_says(saying: str) -> None:
    terms = (b"k" * 32, "America/New_York", AUTHORITIES)
    with connection(*terms) as db, another(db, *terms) as second:
        assert rows(second, f"select {saying}") == rows(db, f"select {saying}")


def test_a_second_connection_has_temporary_tables_of_its_own_and_ends_by_itself() -> None:
    with connection(b"k" * 32) as db:
        db.execute("create temp table piece as select 1 as n")
        with another(db, b"k" * 32) as second:
            second.execute("create temp table piece as select 2 as n")
            assert rows(db, "from piece") == [(1,)]
            assert rows(second, "from piece") == [(2,)]
        with pytest.raises(duckdb.ConnectionException):
            second.execute("from piece")
        assert rows(db, "from piece") == [(1,)]

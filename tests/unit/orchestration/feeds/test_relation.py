"""Databases of a landing: one for a hand reads as the landing's own does, beside it."""

import pytest

from orchestration.feeds.closed import Closed
from orchestration.feeds.landing import connection_of_a_hand
from orchestration.feeds.relation import connection, rows, threads_of

AUTHORITIES = {"patient": {"OLD": "HOSP"}}
SAYINGS = [
    "pseudonym_of('Patient' || chr(31) || 'p1')",
    "content_of('{}')",
    "known_authority('patient', 'OLD' || chr(31) || '4711')",
    "hl7_instant('20260701120000')",
    "hl7_code('Acute pain of Zorro')",
    "current_setting('TimeZone')",
    "current_setting('preserve_insertion_order')",
    "current_setting('temp_file_encryption')",
]


@pytest.mark.parametrize("saying", SAYINGS)
def test_a_hand_reads_as_the_landing_does(saying: str, tmp_path) -> None:
    terms = (b"k" * 32, "America/New_York", AUTHORITIES)
    with connection(*terms) as db, connection_of_a_hand(terms, Closed.of(tmp_path, "city")) as second:
        assert rows(second, f"select {saying}") == rows(db, f"select {saying}")


def test_one_thread_works_with_the_database_of_a_hand(tmp_path) -> None:
    with connection_of_a_hand((b"k" * 32, "UTC", {}), Closed.of(tmp_path, "city")) as db:
        assert threads_of(db) == 1
    with connection(b"k" * 32) as db:
        assert threads_of(db) == 2

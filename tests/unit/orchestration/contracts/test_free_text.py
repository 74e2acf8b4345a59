"""What a chief complaint may carry out of the landing zone."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.features.complaint import Matcher, Pattern, normalised
from orchestration.contracts.free_text import MARK, clinical_words, install

SEED = Path(__file__).parents[4] / "dbt_project/seeds/complaint_groups.csv"
CATALOGUE = Path(__file__).parents[4] / "orchestration/simulator/catalogue.yaml"


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        install(opened, clinical_words())
        yield opened


def scrubbed(db: duckdb.DuckDBPyConnection, texts: list[str | None]) -> list[str | None]:
    """Scrub many texts in one query: the list of words is compiled once per query."""
    found = db.execute(
        "select list(clinical_text(t) order by n) from (select unnest(?) as t, unnest(?) as n)",
        [texts, list(range(len(texts)))],
    ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("CP x3d, SOB", "CP x3d, SOB"),
        ("chest Smith pain", "chest xxx pain"),
        ("fell at 12 Elm Street", "fell at xxx xxx xxx"),
        ("JOHN SMITH 45yo M c/o CP", "xxx xxx 45yo M c/o CP"),
        ("93yo fall, 92 years", "xxx fall, xxx years"),
        ("call 555-1234 or a.b@example.org", "xxx xxx-xxx or a.xxx@xxx.xxx"),
        ("SSN 123-45-6789, DOB 12/05/1934", "xxx xxx-xxx-xxx, DOB xxx"),
        ("mrn 12 345, seen 12-05-24", "xxx xxx xxx, seen xxx-xxx-xxx"),
        ("O'Brien: n/v/d x 4 h since 2 am", "xxx'xxx: n/v/d x 4 h since 2 am"),
        ("José's knee, Müller, 田中", "xxx's knee, xxx, xxx"),
        ("snake_case_name https://x.example/?id=7", "xxx xxx:xxx.xxx?id=xxx"),
        ("", ""),
        (None, None),
    ],
)
def test_only_listed_words_durations_and_ages_stay(
    db: duckdb.DuckDBPyConnection, written: str | None, kept: str | None
) -> None:
    assert scrubbed(db, [written]) == [kept]


def test_no_word_of_the_vocabulary_is_lost(db: duckdb.DuckDBPyConnection) -> None:
    with SEED.open(encoding="utf-8") as stream:
        terms = [row["pattern"] for row in csv.DictReader(stream) if row["kind"] == "term"]
    assert scrubbed(db, [*terms]) == terms


def matcher() -> Matcher:
    with SEED.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] == "term"]
    return Matcher(Pattern(row["group"], "", row["pattern"]) for row in rows)


GROUPS = matcher()
NAMES = ["Smith", "O'Brien", "chestpain", "Garcia-Lopez", "12/05/1934", "555-1234", "MRN00123", "93", "xxx"]
PIECES = st.one_of(
    st.sampled_from(sorted(clinical_words().words)), st.sampled_from(NAMES), st.text(" ,.-/'", max_size=2)
)


TEXTS = st.lists(st.lists(PIECES, max_size=12).map(" ".join), min_size=1, max_size=40)


@settings(max_examples=25)
@given(TEXTS)
@example(["chest Smith pain"])
def test_the_groups_of_a_complaint_are_those_of_the_text_as_typed(
    db: duckdb.DuckDBPyConnection, written: list[str]
) -> None:
    kept = scrubbed(db, [text[:200] for text in written])
    for text, left in zip(written, kept, strict=True):
        assert left is not None
        assert GROUPS.in_text(left) == GROUPS.in_text(text)
    assert normalised(MARK) == MARK


@settings(max_examples=25)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=40))
def test_nothing_but_listed_words_numbers_and_marks_comes_out(
    db: duckdb.DuckDBPyConnection, written: list[str]
) -> None:
    listed = clinical_words()
    allowed = listed.words | listed.duration_units | {MARK}
    for left in scrubbed(db, [*written]):
        assert left is not None
        assert [word for word in re.findall(r"[a-z]{4,}", left.lower()) if word not in allowed] == []
        assert re.findall(r"[0-9]{3,}", left.replace("5150", "")) == []

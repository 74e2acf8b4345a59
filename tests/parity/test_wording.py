"""What a complaint's text states: the mart's SQL and the request's code read the same words, clauses and cues alike."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.features.complaint import Matcher, Pattern
from ml.features.wording import REACH, Phrase
from orchestration.contracts.free_text import clinical_words, install

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
TRIAGE = PROJECT / "models" / "intermediate" / "triage"
PHRASES, TEXTS = "int_triage_complaint_phrase", "int_triage_complaint_text"

with (PROJECT / "seeds" / "complaint_groups.csv").open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
TERMS = [row for row in ROWS if row["kind"] == "term"]
CUES = [row for row in ROWS if row["kind"] not in ("term", "code")]
MATCHER = Matcher(
    (Pattern(row["group"], row["system"], row["pattern"]) for row in ROWS if row["group"]),
    (Phrase(row["kind"], row["pattern"]) for row in CUES),
)


def compiled(model: str) -> str:
    """A model of the dbt project as SQL over tables of the same names."""
    module = jinja2.Environment().from_string((PROJECT / "macros" / "codes.sql").read_text()).module
    names = {name: getattr(module, name) for name in ("clauses_of", "normalised_text")}
    template = jinja2.Environment().from_string((TRIAGE / f"{model}.sql").read_text())
    return template.render(ref=lambda name: name, **names)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The two models as views over the seed, and landing's own rule for free text."""
    with duckdb.connect() as connection:
        seed = PROJECT / "seeds" / "complaint_groups.csv"
        columns = "{'group': 'varchar', 'kind': 'varchar', 'system': 'varchar', 'pattern': 'varchar'}"
        connection.execute(f"create table complaint_groups as from read_csv('{seed}', columns={columns}, header=true)")
        connection.execute("create table int_triage_reading (feature varchar, value_text varchar)")
        for model in (PHRASES, TEXTS):
            connection.execute(f"create view {model} as {compiled(model)}")
        install(connection, clinical_words())
        yield connection


def of_mart(warehouse: duckdb.DuckDBPyConnection, texts: list[str]) -> dict[str, set[str]]:
    """The groups that the mart finds in each text, which are landed cut."""
    warehouse.execute("delete from int_triage_reading")
    warehouse.execute("insert into int_triage_reading select 'complaint', unnest(?)", [texts])
    found: dict[str, set[str]] = {text: set() for text in texts}
    for text, group in warehouse.execute(f"select * from {TEXTS}").fetchall():
        found[text].add(group)
    return found


def landed(warehouse: duckdb.DuckDBPyConnection, texts: list[str]) -> list[str]:
    query = "select list(clinical_text(left(t, 200)) order by n) from (select unnest(?) as t, unnest(?) as n)"
    [[kept]] = warehouse.execute(query, [texts, list(range(len(texts)))]).fetchall()
    return kept


@pytest.mark.parametrize(
    ("text", "stated", "not_stated"),
    [
        ("denies chest pain", set(), {"chest_pain"}),
        ("no sob", set(), {"shortness_of_breath"}),
        ("without fever", set(), {"fever"}),
        ("neg for cp", set(), {"chest_pain"}),
        ("negative for chest pain", set(), {"chest_pain"}),
        ("r/o chest pain", set(), {"chest_pain"}),
        ("hx of chest pain", set(), {"chest_pain"}),
        ("H/O seizure", set(), {"seizure"}),
        ("denies chest pain but sob", {"shortness_of_breath"}, {"chest_pain"}),
        ("denies chest pain, sob", {"shortness_of_breath"}, {"chest_pain"}),
        ("no chest pain; fever", {"fever"}, {"chest_pain"}),
        ("No chest pain. Fever", {"fever"}, {"chest_pain"}),
        ("no fever - chest pain", {"chest_pain"}, {"fever"}),
        ("no fever\nchest pain", {"chest_pain"}, {"fever"}),
        ("head inj no loc +cp", {"chest_pain"}, {"unconscious"}),
        ("chest pain no sob", {"chest_pain"}, {"shortness_of_breath"}),
        ("chest pain, denies chest pain radiating", {"chest_pain"}, set()),
        ("denies fever chills nausea vomiting chest pain", set(), {"fever", "nausea_vomiting", "chest_pain"}),
        ("no fever cough nausea vomiting rash chest pain", {"chest_pain"}, {"fever", "cough"}),
        ("denies loc c/o chest pain", {"chest_pain"}, {"unconscious"}),
        ("hx of chf sob", {"shortness_of_breath"}, {"heart_disease"}),
        ("r/o cva", {"stroke_signs"}, set()),
        ("not breathing, unresponsive", {"cardiac_arrest", "unconscious"}, set()),
        ("not breathing unresponsive", {"cardiac_arrest", "unconscious"}, set()),
        ("no relief chest pain", {"chest_pain"}, set()),
        ("not feeling well chest pain", {"weakness_fatigue", "chest_pain"}, set()),
        ("nosebleed", {"ear_nose_throat"}, set()),
        ("no", set(), {"chest_pain"}),
        ("", set(), {"chest_pain"}),
    ],
)
def test_what_a_text_states_and_what_it_takes_back(
    warehouse: duckdb.DuckDBPyConnection, text: str, stated: set[str], not_stated: set[str]
) -> None:
    for found in (MATCHER.in_text(text), of_mart(warehouse, [text])[text]):
        assert stated <= found
        assert not found & not_stated


WORDS = sorted({word for row in TERMS + CUES for word in row["pattern"].split(" ") if not word.isdigit()})
TERM, CUE = sorted({row["pattern"] for row in TERMS}), sorted({row["pattern"] for row in CUES})
TYPED = ["Smith", "O'Brien", "Müller", "田中", "___", "x_y", "555-1234", "47", "12/05/1934", "xxx", "²", "chest²"]
SIGNS = [",", ".", ";", " - ", "-", "+", "\n", "/", "–", "(", ")", "  ", "'", "&", "\t"]


def note(chance: random.Random) -> str:
    """A note as a nurse in a hurry might type it: cues, terms, names, numbers and signs in any order."""
    kinds = [TERM, CUE, WORDS, TYPED, SIGNS]
    return " ".join(chance.choice(chance.choice(kinds)) for _ in range(chance.randint(1, 12)))


def check(warehouse: duckdb.DuckDBPyConnection, notes: list[str]) -> None:
    """Both sides agree on a note as it was typed (cut, as landing cuts it) and as it is landed."""
    cut = [note[:200] for note in notes]
    kept = landed(warehouse, notes)
    found = of_mart(warehouse, [*cut, *kept])
    asked = {note: MATCHER.in_text(note) for note in notes}
    wrong = [
        (typed, left)
        for typed, short, left in zip(notes, cut, kept, strict=True)
        if not asked[typed] == found[short] == found[left]
    ]
    assert wrong == []


@pytest.mark.parametrize("seed", range(4))
def test_both_sides_read_a_note_alike_and_a_name_that_landing_takes_out_changes_nothing(
    warehouse: duckdb.DuckDBPyConnection, seed: int
) -> None:
    chance = random.Random(seed)
    notes = [note(chance) for _ in range(4000)]
    without_cues = Matcher(Pattern(row["group"], row["system"], row["pattern"]) for row in ROWS if row["group"])
    assert sum(without_cues.in_text(text) != MATCHER.in_text(text) for text in notes) > 400, "cues hardly mattered"
    check(warehouse, notes)


ASSIGNED = st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\0")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet=ASSIGNED), min_size=1))
@example(["no Smith 47 Smith-Jones Smith chest pain", "chest 田中 pain", "chest² pain", "V\u0130P cp"])
@example(["x" * 198 + " cp", "x" * 197 + " cp"])
def test_both_sides_read_any_text_alike(warehouse: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    check(warehouse, texts)


def test_every_word_of_a_cue_stays_in_the_text_that_is_landed(warehouse: duckdb.DuckDBPyConnection) -> None:
    cues = [row["pattern"] for row in CUES]
    kept = landed(warehouse, cues)
    assert [cue for cue, left in zip(cues, kept, strict=True) if left != cue] == []


def test_both_sides_reach_as_far() -> None:
    head = (TRIAGE / f"{TEXTS}.sql").read_text().split("with", 1)[0]
    assert jinja2.Environment().from_string(head).module.reach == dict(REACH)  # type: ignore[attr-defined]

"""How an answer is printed: one JSON document, or text that a person can read; and what the exit code says."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from orchestration.answers import COLUMN_WIDTH_LIMIT, answers, as_text, progress
from orchestration.feeds import FeedStopped
from orchestration.sites import UnknownSite
from orchestration.steps.answer import Answer

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def invoke(does: Callable[[], Answer], *arguments: str) -> Result:
    @click.command()
    @answers
    def command() -> Answer:
        """Do something."""
        return does()

    return CliRunner().invoke(command, arguments)


@given(documents)
def test_json_is_one_document_and_nothing_else(document: object) -> None:
    ran = invoke(lambda: Answer(document), "--json")
    assert json.loads(ran.stdout) == document and ran.stderr == ""


def test_json_keeps_letters_and_writes_paths_and_dates_as_text() -> None:
    ran = invoke(lambda: Answer({"name": "Ærø", "on": date(2026, 3, 1), "at": Path("a/b")}), "--json")
    assert "Ærø" in ran.stdout
    assert json.loads(ran.stdout) == {"name": "Ærø", "on": "2026-03-01", "at": "a/b"}


def test_people_get_the_text_where_there_is_one_and_the_document_otherwise() -> None:
    assert invoke(lambda: Answer({"ok": True}, text="All is well.")).stdout == "All is well.\n"
    assert invoke(lambda: Answer({"ok": True})).stdout == "ok: True\n"
    assert json.loads(invoke(lambda: Answer({"ok": True}, text="All is well."), "--json").stdout) == {"ok": True}


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_the_answers(code: int) -> None:
    assert invoke(lambda: Answer({}, exit_code=code)).exit_code == code


def _raise(error: Exception) -> Callable[[], Answer]:
    def command() -> Answer:
        raise error

    return command


def test_a_known_error_is_a_sentence_with_its_kind_and_exit_code_1() -> None:
    ran = invoke(_raise(UnknownSite("There is no site 'x'.")), "--json")
    assert (ran.exit_code, json.loads(ran.stdout)) == (1, {"error": "There is no site 'x'.", "kind": "UnknownSite"})
    assert invoke(_raise(UnknownSite("There is no site 'x'."))).stdout == "UnknownSite: There is no site 'x'.\n"


def test_a_stopped_feed_exits_3() -> None:
    assert invoke(_raise(FeedStopped("A column is missing.", ())), "--json").exit_code == 3


def test_a_defect_is_not_dressed_up_as_a_refusal() -> None:
    ran = invoke(_raise(KeyError("lost")), "--json")
    assert isinstance(ran.exception, KeyError) and ran.stdout == ""


def test_progress_goes_to_standard_error() -> None:
    def command() -> Answer:
        progress("landing  city")
        return Answer({})

    ran = invoke(command, "--json")
    assert (ran.stderr, json.loads(ran.stdout)) == ("landing  city\n", {})


def test_nested_documents_are_indented_by_what_they_are_in() -> None:
    document = {"site": "city", "omop": {"person": 2, "by": {"sex": {"f": 1}}}, "reasons": ["one", "two"]}
    assert as_text(document).splitlines() == [
        "site: city",
        "omop:",
        "  person: 2",
        "  by:",
        "    sex:",
        "      f: 1",
        "reasons:",
        "  - one",
        "  - two",
    ]


def test_records_are_a_table_with_aligned_columns_and_a_dash_for_what_is_missing() -> None:
    rows = [{"site": "city", "stage": "shadow"}, {"site": "nhamcs", "stage": None, "drift": 0.123456}]
    assert as_text({"releases": rows}).splitlines() == [
        "releases:",
        "  site    stage   drift",
        "  city    shadow  –",
        "  nhamcs  –       0.1235",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "True"),
        (0, "0"),
        (0.0, "0"),
        (1234567.0, "1.235e+06"),
        ({}, "{}"),
        ([], "[]"),
        ("x" * COLUMN_WIDTH_LIMIT, "x" * COLUMN_WIDTH_LIMIT),
        ("x" * (COLUMN_WIDTH_LIMIT + 1), "x" * (COLUMN_WIDTH_LIMIT - 1) + "…"),
    ],
)
def test_one_value_is_one_short_line(value: object, text: str) -> None:
    assert as_text({"value": value}) == f"value: {text}"
    assert as_text([{"value": value}]).splitlines() == ["value", text]


def test_a_list_within_a_record_stays_in_its_cell() -> None:
    assert as_text([{"clause": "a", "needs": ["x", 1]}]).splitlines() == ["clause  needs", 'a       ["x", 1]']


@given(documents)
def test_any_document_can_be_said_in_text(document: object) -> None:
    assert isinstance(as_text(document), str)

"""How an answer is printed: one JSON document, or text that a person can read; and what the exit code says."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from orchestration.answers import COLUMN_WIDTH_LIMIT, Commands, answers, as_text, progress
from orchestration.feeds import FeedStopped
from orchestration.sites import UnknownSite
from orchestration.steps.answer import Answer
from orchestration.steps.errors import WrongUsage

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


@pytest.mark.parametrize("arguments", [("--json",), ()], ids=["json", "text"])
def test_a_defect_is_a_sentence_with_its_log_and_never_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path))
    ran = invoke(_raise(KeyError("MRN 4711")), *arguments)
    [log] = (tmp_path / "logs" / "errors").iterdir()
    assert ran.exit_code == 1 and str(log) in ran.stdout and "test_answers.py" in log.read_text()
    assert "Traceback" not in ran.output and "MRN" not in ran.output + log.read_text()
    if arguments:
        assert json.loads(ran.stdout).keys() == {"error", "kind", "log"}


def test_wrong_usage_that_a_step_finds_is_like_any_other() -> None:
    ran = invoke(_raise(WrongUsage("'soon' is not a time.")))
    assert (ran.exit_code, ran.stdout) == (2, "") and "Error: 'soon' is not a time." in ran.stderr


def test_what_must_be_told_comes_first_and_uncut() -> None:
    sentence = "The pointer of triage at city differs from the ledger. " * 4
    document = {"releases": [{"site": "city"}], "problems": [sentence, "another"], "warnings": ["a third"]}
    lines = invoke(lambda: Answer(document)).stdout.splitlines()
    assert lines[:3] == ["WARNING: a third", f"WARNING: {sentence}", "WARNING: another"]
    assert lines[3:] == ["releases:", "  site", "  city"]
    assert json.loads(invoke(lambda: Answer(document), "--json").stdout) == document


def test_letters_that_a_terminal_does_not_know_are_escaped() -> None:
    ran = invoke(lambda: Answer({}, text="a \udcff b"))
    assert (ran.exit_code, ran.stdout) == (0, "a \\udcff b\n")


@pytest.mark.parametrize(
    ("code", "told"), [(errno.EPIPE, ""), (errno.ENOSPC, "The answer could not be written: No space")]
)
def test_where_nothing_can_be_written_any_more_it_ends_without_a_traceback(code: int, told: str) -> None:
    program = f"""
import click, os, sys
from orchestration.answers import answers
from orchestration.steps.answer import Answer
def full(*_, err=False):
    if not err: raise OSError({code}, os.strerror({code}))
    sys.stderr.write(_[0])
click.echo = full
click.command()(answers(lambda: Answer({{}})))()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and ran.stderr.startswith(told) and "Traceback" not in ran.stderr


class TestGroup:
    """Wrong usage of a group of commands, with and without `--json`."""

    @staticmethod
    def run(*arguments: str) -> Result:
        @click.group(cls=Commands)
        def group() -> None:
            """A group."""

        @group.command()
        @click.option("--site", required=True)
        @answers
        def show(site: str) -> Answer:
            """Show a site."""
            if site == "abort":
                raise click.Abort
            return _raise(WrongUsage(f"{site!r} is no site."))() if site == "odd" else Answer({"site": site})

        return CliRunner().invoke(group, arguments)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("show", "--json"), "Missing option '--site'"),
            (("show", "--site", "a", "--odd", "--json"), "No such option"),
            (("--json", "show"), "No such option"),
            (("nosuch", "--json"), "No such command 'nosuch'"),
            (("show", "--site", "a", "b", "--json"), "unexpected extra argument"),
            (("show", "--site", "a", "--json=yes"), "--json"),
            (("show", "--site", "odd", "--json"), "'odd' is no site."),
        ],
    )
    def test_wrong_usage_is_one_document_where_json_was_asked_for(self, arguments: tuple[str, ...], words: str) -> None:
        ran = self.run(*arguments)
        document = json.loads(ran.stdout)
        assert (ran.exit_code, document.keys(), ran.stderr) == (2, {"error", "usage"}, "")
        assert words in document["error"] and document["usage"].startswith("group")

    def test_without_it_usage_goes_to_standard_error_as_ever(self) -> None:
        ran = self.run("show")
        assert (ran.exit_code, ran.stdout) == (2, "") and "Missing option" in ran.stderr

    def test_no_command_at_all_is_wrong_usage(self) -> None:
        assert (self.run().exit_code, self.run("--json").exit_code) == (2, 2)

    def test_done_is_done_and_help_is_help(self) -> None:
        assert json.loads(self.run("show", "--site", "a", "--json").stdout) == {"site": "a"}
        assert self.run("show", "--json", "--help").stdout.startswith("Usage: group show")

    def test_an_interruption_is_one_document_too(self) -> None:
        ran = self.run("show", "--site", "abort", "--json")
        assert (ran.exit_code, json.loads(ran.stdout)) == (1, {"error": "Interrupted."})


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
    whole = text if not text.endswith("…") else value
    assert as_text({"value": value}) == f"value: {whole}"
    assert as_text([{"value": value}]).splitlines() == ["value", text]


def test_a_list_within_a_record_stays_in_its_cell() -> None:
    assert as_text([{"clause": "a", "needs": ["x", 1]}]).splitlines() == ["clause  needs", 'a       ["x", 1]']


@given(documents)
def test_any_document_can_be_said_in_text(document: object) -> None:
    assert isinstance(as_text(document), str)

"""What nobody expected: one sentence, and a log of kinds and places without a value that was being read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.steps.unexpected import unexpected_answer

SECRET = "MRN 4711 Ada Lovelace"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def raised(secret: str = SECRET) -> Exception:
    """An error with a cause and a context, each quoting a record; and a value in a frame."""
    try:
        try:
            {}[secret]
        except KeyError as error:
            raise ValueError(f"cannot convert {secret}") from error
    except ValueError as error:
        return error


def test_the_sentence_names_the_kind_and_the_log_and_quotes_nothing(home: Path) -> None:
    answer = unexpected_answer(raised())
    [log] = (home / "logs" / "errors").iterdir()
    assert answer.exit_code == 1 and answer.document["kind"] == "UnexpectedError"
    assert answer.document["log"] == str(log) and str(log) in answer.document["error"]
    assert "ValueError" in str(answer.text) and "Lovelace" not in str(answer.document)


def test_the_log_names_kinds_and_places_from_the_first_cause_on(home: Path) -> None:
    unexpected_answer(raised())
    [log] = (home / "logs" / "errors").iterdir()
    text = log.read_text()
    assert text.index("KeyError") < text.rindex("ValueError") and text.count("test_unexpected.py:") == 2
    assert " in raised" in text


@given(st.text(min_size=3).filter(lambda one: one.strip()))
def test_no_value_reaches_the_log(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    marked = f"<<{secret}>>"
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("PILOTHOUSE_HOME", str(folder))
        unexpected_answer(raised(marked))
        [log] = (folder / "logs" / "errors").iterdir()
    assert marked not in log.read_text(encoding="utf-8")


def test_a_file_that_the_system_refused_says_why_and_not_which() -> None:
    answer = unexpected_answer(PermissionError(13, "Permission denied", SECRET))
    assert "Permission denied" in answer.document["error"] and "Lovelace" not in answer.document["error"]


def test_where_no_log_can_be_written_the_sentence_says_so(home: Path) -> None:
    home.write_text("a file where the home should be")
    answer = unexpected_answer(raised())
    assert answer.document["log"] is None and "could not be logged" in answer.document["error"]
    assert answer.exit_code == 1


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert unexpected_answer(first).exit_code == 1

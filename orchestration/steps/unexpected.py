"""What nobody expected: said in one sentence, kept in a log without anything that could identify a patient.

The log names the kinds of the errors and the places in the code. Their messages stay out of it, since they are not
written for people and may quote what was being read. What does not belong here: errors that are raised on purpose.
"""

import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from orchestration.settings import PROJECT_ROOT, SettingsError, load_settings
from orchestration.steps.answer import FAILED, Answer
from orchestration.steps.machine import causes

FOLDER = Path("logs") / "errors"


def unexpected_answer(error: Exception) -> Answer:
    """Return the sentence, with the path of the log where one could be written; exit code 1. Never raises."""
    log = _write(error)
    place = (
        f" Where it happened is written in {log}." if log else " It could not be logged: the home cannot be written."
    )
    sentence = (
        f"Pilothouse met an error that it did not expect ({_kind(error)}).{place} "
        "Nothing more is said here, since the message might quote a record. Please report it with that file."
    )
    document = {"error": sentence, "kind": "UnexpectedError", "log": None if log is None else str(log)}
    return Answer(document, text=f"UnexpectedError: {sentence}", exit_code=FAILED)


def _kind(error: BaseException) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {strerror}" if strerror else type(error).__name__


def _write(error: Exception) -> Path | None:
    at = datetime.now(UTC)
    try:
        folder = load_settings().home / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{at:%Y%m%dT%H%M%S%f}-{os.getpid()}.log"
        path.write_text("\n".join([f"{at.isoformat()} {_kind(error)}", *_places(error), ""]), encoding="utf-8")
    except (OSError, SettingsError):
        return None
    return path


def _places(error: BaseException) -> Iterator[str]:
    """The chain of errors, the first cause first: kinds and places, no messages and no values."""
    for one in reversed(list(causes(error))):
        yield _kind(one)
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"  {_shown(frame.filename)}:{frame.lineno} in {frame.name}"


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else path.name

"""What the machine could not give: room on its disk, leave to write, memory. Known causes, said as such.

An error of a library is looked at through all its causes, since each wraps the system's own in another. Messages are
compared with what the system says and never quoted. What does not belong here: errors of ours (`errors.py`), and what
nobody expected (`unexpected.py`).
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from orchestration.settings import SettingsError, load_settings
from orchestration.steps.answer import FAILED, Answer

FULL, READ_ONLY, MEMORY = "DiskFull", "HomeReadOnly", "OutOfMemory"
_NUMBERS = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY, errno.ENOMEM: MEMORY}
_WORDS = {
    "no space left on device": FULL,
    "disk quota exceeded": FULL,
    "database or disk is full": FULL,  # SQLite, code 13
    "read-only file system": READ_ONLY,
    "readonly database": READ_ONLY,  # SQLite, code 8
    "cannot allocate memory": MEMORY,
}
_LIBRARIES = ("duckdb", "sqlite3", "sqlalchemy", "pyarrow")
"""Whose errors carry the system's words without its number."""


def machine_answer(error: BaseException) -> Answer | None:
    """Say in a sentence what the machine lacked, exit code 1; None where it was something else. Never raises."""
    kind = next((found for one in causes(error) if (found := _lacking(one))), None)
    if kind is None:
        return None
    sentence = f"{_sentence(kind)} What a receipt told as landed is kept; run the command again, and the rest is done."
    return Answer({"error": sentence, "kind": kind}, text=f"{kind}: {sentence}", exit_code=FAILED)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, the last first, each once."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _lacking(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return _NUMBERS[error.errno]
    if isinstance(error, PermissionError) and _is_in_home(error.filename):
        return READ_ONLY
    if type(error).__module__.partition(".")[0].lstrip("_") not in _LIBRARIES:
        return None
    said = str(error).lower()
    return next((kind for words, kind in _WORDS.items() if words in said), None)


def _is_in_home(filename: object) -> bool:
    home = _home()
    return home is not None and isinstance(filename, str) and Path(filename).absolute().is_relative_to(home)


def _home() -> Path | None:
    try:
        return load_settings().home.absolute()
    except SettingsError:
        return None


def _sentence(kind: str) -> str:
    home = _home()
    if kind == FULL:
        places = [one for one in (home, Path(tempfile.gettempdir())) if one is not None]
        return f"A disk is full: {', '.join(map(_room, places))}. Make room."
    if kind == READ_ONLY:
        return f"The home {home} cannot be written. Let this user write there, or name another in PILOTHOUSE_HOME."
    return "The machine has no memory left. Stop what else runs on it, or give it more."


def _room(place: Path) -> str:
    there = next((one for one in (place, *place.parents) if one.exists()), None)
    return f"{place} has {shutil.disk_usage(there).free // 1_000_000} MB left" if there else f"{place} is not there"

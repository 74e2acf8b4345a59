"""Reads the sections and fields of a benchmark's text, and says in which line something is wrong.

What does not belong here: what the fields mean (`nrp24.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ml.rostering.errors import ProblemNotUnderstood

LONGEST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Line:
    """One line that says something: its fields, its number in the file, and the file."""

    file: str
    number: int
    fields: tuple[str, ...]

    def wrong(self, what: str) -> NoReturn:
        """Raise `ProblemNotUnderstood` about this line."""
        raise ProblemNotUnderstood(f"{self.file}, line {self.number}: {what}")

    def count(self, wanted: int, what: str) -> None:
        """Refuse a line with another number of fields."""
        if len(self.fields) != wanted:
            self.wrong(f"{len(self.fields)} fields; expected {wanted}: {what}.")

    def whole(self, index: int, what: str, *, least: int = 0, most: int = 10_000_000) -> int:
        """Return a field as a whole number within bounds."""
        text = self.fields[index]
        if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 9:
            self.wrong(f"{what} is {text!r}; expected a whole number.")
        number = int(text)
        if not least <= number <= most:
            self.wrong(f"{what} is {number}; expected {least} to {most}.")
        return number


def read_text(path: Path) -> str:
    """Return a file's text. Raises `ProblemNotUnderstood` where it is too long, not UTF-8, or not readable."""
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise ProblemNotUnderstood(f"{path.name}: longer than {LONGEST_FILE} bytes; this is no roster problem.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProblemNotUnderstood(f"{path.name}: byte {error.start} is not UTF-8 text.") from error
    except OSError as error:
        raise ProblemNotUnderstood(f"{path.name}: cannot be read: {error.strerror}.") from error


def sections_of(text: str, file: str, known: tuple[str, ...]) -> dict[str, list[Line]]:
    """Return the lines of each section. Raises `ProblemNotUnderstood` for an unknown, doubled or missing one."""
    found: dict[str, list[Line]] = {}
    section = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = Line(file, number, tuple(field.strip() for field in raw.strip().split(",")))
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        if raw.startswith("SECTION_"):
            section = raw.strip()
            if section not in known:
                line.wrong(f"{section} is no section of this format; expected {', '.join(known)}.")
            if section in found:
                line.wrong(f"{section} stands twice.")
            found[section] = []
        elif section is None:
            line.wrong("stands before the first section; a file begins with SECTION_HORIZON.")
        else:
            found[section].append(line)
    missing = [name for name in known[:3] if not found.get(name)]
    if missing:
        raise ProblemNotUnderstood(
            f"{file}: nothing in {' and '.join(missing)}; a problem needs days, shifts and staff."
        )
    return found

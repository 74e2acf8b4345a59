"""Reading a calendar file. What a calendar is belongs in ``rules.py``."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from evaluation import EvaluationError
from evaluation.calendar.rules import Calendar
from evaluation.strict_yaml import first_fault, read_one

SHIPPED = Path(__file__).parent / "calendar.yaml"


class CalendarError(EvaluationError):
    """A calendar that nothing can be planned by: the message names the file, the field and what was expected."""


def read_calendar(path: Path = SHIPPED) -> Calendar:
    """Read and check one calendar file. Raises :class:`CalendarError`."""
    try:
        return parse_calendar(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise CalendarError(f"{path.name}: cannot be read as UTF-8 text ({error}).") from error


def parse_calendar(text: str, name: str) -> Calendar:
    """Parse the text of a calendar called ``name`` in messages. Raises :class:`CalendarError`."""
    try:
        return Calendar.model_validate(read_one(text))
    except yaml.YAMLError as error:
        raise CalendarError(f"{name}: is not YAML: {error}") from error
    except ValidationError as error:
        raise CalendarError(f"{name}: {first_fault(error)} ({error.error_count()} such in all).") from error

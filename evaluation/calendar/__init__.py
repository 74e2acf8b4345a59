"""The release calendar: change freezes and windows as data, planned changes, and what came of them.

Here belong the shape of a calendar, its arithmetic in a site's own time, and plans derived from the ledger. Refusing a
step belongs in ``gates/``, drawing in ``reports/``.

::

    EvaluationError
    └── CalendarError    a calendar that is missing, is not YAML, or breaks the model (names file and field)
"""

from evaluation.calendar.load import SHIPPED, CalendarError, parse_calendar, read_calendar
from evaluation.calendar.planned import KINDS, RECORDED, Changes, Outcome, Planned, Step, changes_of, touching
from evaluation.calendar.rules import Calendar, Place, Rule, Scope, told_when
from evaluation.calendar.when import Once, Span, Weekly, Yearly, spans

__all__ = [
    "KINDS",
    "RECORDED",
    "SHIPPED",
    "Calendar",
    "CalendarError",
    "Changes",
    "Once",
    "Outcome",
    "Place",
    "Planned",
    "Rule",
    "Scope",
    "Span",
    "Step",
    "Weekly",
    "Yearly",
    "changes_of",
    "parse_calendar",
    "read_calendar",
    "spans",
    "told_when",
    "touching",
]

"""The calendar that is in force in this home, and what the ledger says was planned.

A home's own `calendar.yaml` takes the place of the shipped one, whole: a hospital sees all that holds on one page. What
does not belong here: what a calendar means (evaluation/calendar), refusing by it (evaluation/gates).
"""

from evaluation.calendar import KINDS, SHIPPED, Calendar, CalendarError, Changes, changes_of, read_calendar
from evaluation.ledger import Readable
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites

FILE = "calendar.yaml"


def calendar_in_force(settings: Settings) -> Calendar:
    """Return the home's calendar, or the shipped one. Raises `CalendarError`, also for a site that nobody knows."""
    own = settings.home / FILE
    calendar = read_calendar(own if own.exists() else SHIPPED)
    rules = (*calendar.freezes, *calendar.windows)
    for named, known, what in (
        ({one for rule in rules for one in rule.scope.sites}, list_sites(), "site"),
        ({one for rule in rules for one in rule.scope.use_cases}, use_case_names(), "use case"),
    ):
        if strange := sorted(named - set(known)):
            raise CalendarError(f"{FILE}: names the {what} {strange[0]!r}; known are {', '.join(known)}.")
    return calendar


def changes_on_record(records: Readable) -> Changes:
    """Return every planned change and every step that a ledger holds."""
    return changes_of(records.entries(kinds=KINDS))

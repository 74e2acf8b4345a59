"""Writing the page of the release calendar and its iCalendar file from what is on record.

What does not belong here: what they show and how (evaluation/reports).
"""

from pathlib import Path

from evaluation.calendar import CalendarError
from evaluation.ledger import Readable
from evaluation.reports import ReportModel
from evaluation.reports.calendar import FILE, PAGE, Where, calendar_file, calendar_view, render_calendar
from evaluation.reports.pages import write_page
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.record.changes import calendar_in_force, changes_on_record


def write_calendar(settings: Settings, model: ReportModel, records: Readable) -> list[Path]:
    """Write `reports/calendar.html` and `reports/calendar.ics`; a calendar that cannot be read is said on the page."""
    calendar, problem = None, ""
    try:
        calendar = calendar_in_force(settings)
    except CalendarError as error:
        problem = str(error)
    places, changes, at = places_of(model), changes_on_record(records), model.generated_at
    view = calendar_view(calendar, changes, places, at, version=model.version, problem=problem)
    page = write_page(settings.reports / PAGE, render_calendar(view))
    return [page, write_page(settings.reports / FILE, calendar_file(calendar, changes, places, at))]


def places_of(model: ReportModel) -> list[Where]:
    """Every use case at every site that the reports show, the sites together."""
    found = [
        Where(use_case.name, use_case.title, site.site, load_site(site.site).name, load_site(site.site).zone)
        for use_case in model.use_cases
        for site in use_case.sites
    ]
    return sorted(found, key=lambda one: (one.label, one.title))

"""Writing the report pages: the index of all releases, model cards, and a board pack for each place.

What does not belong here: filling them from the stores (views, board_facts), how a page looks (evaluation/reports).
"""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from evaluation.reports import LedgerView, Link, ReportModel, SiteView, UseCaseView, write_reports
from evaluation.reports.calendar import PAGE as CALENDAR
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.record.records import believed_records, now
from orchestration.steps.watching.board_packs import linked, write_packs
from orchestration.steps.watching.calendar_page import write_calendar
from orchestration.steps.watching.status import overview
from orchestration.steps.watching.views import use_case_view

OPERATIONS = "operations.html"


def write_all_reports(settings: Settings) -> list[Path]:
    """Write `reports/index.html`, the release calendar, model cards and board packs from what is on record.

    Returns the paths.

    A site whose state cannot be read or trusted has a page that says so, beside the others.
    """
    verdict, records = believed_records(settings)
    rows = overview(settings).rows
    model = ReportModel(
        generated_at=now(),
        version=version("pilothouse"),
        use_cases=tuple(use_case_view(settings, records, name, rows) for name in use_case_names()),
        ledger=LedgerView(verdict.ok, verdict.entries, verdict.first_bad),
        links=_beside(settings),
    )
    calendar = write_calendar(settings, model, records)
    packs = write_packs(settings, model, records, settings.reports)
    shown = replace(model, use_cases=tuple(_with_packs(settings, one) for one in model.use_cases))
    return [*write_reports(settings.reports, shown), *calendar, *packs]


def _beside(settings: Settings) -> tuple[Link, ...]:
    """The release calendar; and the page of operations, where one was published: model, workflow and outcomes."""
    operations = (Link("Operations", OPERATIONS),) if (settings.reports / OPERATIONS).exists() else ()
    return (Link("Release calendar", CALENDAR), *operations)


def _with_packs(settings: Settings, use_case: UseCaseView) -> UseCaseView:
    return replace(use_case, sites=tuple(_with_pack(settings, use_case, one) for one in use_case.sites))


def _with_pack(settings: Settings, use_case: UseCaseView, site: SiteView) -> SiteView:
    links = [Link(name, str(path)) for name, path in linked(settings.reports, use_case.name, site.site)]
    return replace(site, pack=tuple(links))

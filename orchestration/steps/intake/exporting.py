"""`export`: a FHIR server's bulk export, fetched and landed as one drop; and which sites are due for one.

What does not belong here: speaking with the server (orchestration/feeds/bulk_export).
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.feeds import Receipt, land, problems
from orchestration.feeds.bulk_export import Asked, Exporter
from orchestration.feeds.bulk_export.journal import Job, Journal
from orchestration.feeds.bulk_export.outcomes import SEVERE, count_issues
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.sites.bulk_export import BulkExport
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import StepError
from orchestration.steps.intake.landing import site_terms
from orchestration.steps.locks import exclusive
from orchestration.steps.record.records import now

FEED = "ehr_fhir"
NOT_TAKEN = frozenset(
    problem.clause
    for problem in (
        problems.ARCHIVE_BOMB,
        problems.DAMAGED,
        problems.LINE_NOT_JSON,
        problems.LINE_NOT_UTF8,
        problems.NOT_JSON,
        problems.NOT_UTF8,
        problems.LINE_NESTING,
        problems.LINE_TOO_LONG,
        problems.NESTED_ARCHIVE,
        problems.NO_FILE,
        problems.TOO_LARGE,
        problems.TRUNCATED,
        problems.TRUNCATED_ARCHIVE,
        problems.UNREADABLE,
    )
)  # what is wrong with bytes, not with what the server says in them
Progress = Callable[[str], None]


class NoServer(StepError):
    """The site's file names no FHIR server to export from."""


def export_site(settings: Settings, site: str, asked: Asked, progress: Progress, *, restart: bool = False) -> Answer:
    """Fetch what a site's server has and land it; resume what was begun, or drop that first (`restart`).

    Exit code 1 where the server says that it could not export everything, or a file of it could not be taken as it
    came: what could be is landed, and the next export begins where this one did. Raises `NoServer`, `ExportError`, and
    as `land`.
    """
    terms = _terms(site)
    with (
        exclusive(settings.home, f"export-{site}"),
        Exporter.opened(terms, settings.home, site, lambda words: progress(f"export    {site}: {words}")) as exporter,
    ):
        if restart:
            exporter.restart()
        job = exporter.fetch(asked)
        folder = exporter.journal.files
        receipts = _land(settings, site, folder) if job.files else []
        issues = _issues(job, exporter)
        unread = _unread(job, receipts)
        is_whole = not unread and not any(severity in SEVERE for severity, _ in issues)
        exporter.close(job, is_whole=is_whole)
    document = _document(site, job, receipts, issues, unread, is_whole=is_whole)
    return Answer(document, exit_code=DONE if is_whole else FAILED)


def _land(settings: Settings, site: str, folder: Path) -> list[Receipt]:
    return land([folder], feed=FEED, arrived_at=now(), is_waiting=True, **site_terms(settings, site))


def _unread(job: Job, receipts: list[Receipt]) -> list[str]:
    """Return what the server listed and of which no receipt says that all of its records were looked at."""
    told = [
        f"{receipt.file} could not be taken as it came: {', '.join(sorted(receipt.reasons))}."
        for receipt in receipts
        if not NOT_TAKEN.isdisjoint(receipt.reasons)
    ]
    missing = len(job.files or []) - len(receipts)
    return [*told, f"{missing} of the server's files have no receipt."] if missing > 0 else told


def _terms(site: str) -> BulkExport:
    terms = load_site(site).bulk_export
    if terms is None:
        raise NoServer(
            f"{site} has no server to export from: describe it as bulk_export (base_url, client_id, key_file, key_id, "
            f"scopes) in orchestration/sites/{site}.yaml."
        )
    return terms


def _issues(job: Job, exporter: Exporter) -> Counter[tuple[str, str]]:
    """Count what the server's files of problems say, by severity and code; their texts may quote records."""
    found = Counter[tuple[str, str]]()
    for file in job.files or []:
        if file.kind == "error":
            with exporter.vault.receive(exporter.journal.files / file.name) as stream:
                found += count_issues(stream.read())
    return found


def _document(
    site: str, job: Job, receipts: list[Receipt], issues: Counter[tuple[str, str]], unread: list[str], *, is_whole: bool
) -> dict[str, Any]:
    files = job.files or []
    told = [f"The server says {severity}, {code}: {count} times." for (severity, code), count in issues.items()]
    told += unread
    if not is_whole:
        told.append("Something could not be exported: the next export begins where this one did.")
    return {
        "site": site,
        "scope": job.scope,
        "since": job.since,
        "transaction_time": job.transaction_time,
        "complete": is_whole,
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "problems": told,
        "receipts": [receipt.to_json() for receipt in receipts],
    }


def due_exports(settings: Settings, at: datetime) -> list[str]:
    """Return the sites whose file asks for unattended exports and whose last one ended a full span ago, or never."""
    return [site for site in list_sites() if _is_due(settings, site, at)]


def _is_due(settings: Settings, site: str, at: datetime) -> bool:
    terms = load_site(site).bulk_export
    if terms is None or terms.span is None:
        return False
    ended = Journal(settings.home / "exports" / site).last_ended
    return ended is None or at.timestamp() - ended >= terms.span / timedelta(seconds=1)

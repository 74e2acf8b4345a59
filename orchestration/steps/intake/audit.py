"""The data audit of a site: receipts, lake and tables counted, and written as a page.

What does not belong here: the counting in SQL (audit_lake.py), how the page looks and what it concludes
(evaluation/reports).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.reports.audit import AuditPage, FeedFacts, write_audit
from evaluation.reports.audit_findings import findings
from orchestration.contracts import Contract, load_contracts
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.reread import read_receipt
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.answer import Answer
from orchestration.steps.intake.audit_lake import AuditLake, looking
from orchestration.steps.intake.freshness import Freshness, present_of, site_freshness
from orchestration.steps.record.records import now
from orchestration.vocabulary import mounted_vocabulary

FATES = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")


def audit_sites(settings: Settings, site: str | None, out: Path | None, clock: datetime | None = None) -> Answer:
    """Write the audit page of one site, or of all; the document holds the same facts as the pages.

    Freshness is judged at `clock`, else at each site's own present. Raises `UnknownSite`.
    """
    sites = [load_site(site)] if site else [load_site(one) for one in list_sites()]
    pages = {one.id: audit_page(settings, one, clock or present_of(settings, one.id, now())) for one in sites}
    paths = {one: write_audit(out or settings.reports, page) for one, page in pages.items()}
    document = {
        "sites": [_document(page, paths[one]) for one, page in pages.items()],
        "reports": [str(path) for path in paths.values()],
    }
    return Answer(document, text=_words(pages, paths))


def audit_page(settings: Settings, site: Site, clock: datetime) -> AuditPage:
    """Return the facts of a site as they lie in its home, its feeds as fresh as they are at `clock`.

    Works before tables are built and on an empty site.
    """
    contracts = load_contracts()
    fresh = {one.feed: one for one in site_freshness(settings, site.id, clock)}
    receipts = _receipts(settings.home / "receipts" / site.id)
    named = [*site.feeds, *sorted(set(receipts) - set(site.feeds))]
    mounted = mounted_vocabulary(settings.vocabulary)
    with looking(settings, site.id) as lake:
        feeds = tuple(
            _feed(lake, contracts[name], receipts.get(name, []), fresh.get(name), is_agreed=name in site.feeds)
            for name in named
            if name in contracts
        )
        tables = [item for feed in feeds for item in contracts[feed.feed].objects]
        coding, links, quality = lake.coding(tables), lake.links(tables), lake.quality()
    return AuditPage(
        site=site.id,
        name=site.name,
        as_of=clock,
        generated_at=now(),
        version=version("pilothouse"),
        vocabulary=(mounted.version or "mounted, of no stated version") if mounted else "starter",
        feeds=feeds,
        coding=coding,
        links=links,
        quality=quality,
        findings=findings(feeds, coding, links, quality),
        standard=site.deidentification.standard.says,
    )


def _receipts(folder: Path) -> dict[str, list[StoredReceipt]]:
    found: dict[str, list[StoredReceipt]] = {}
    for path in sorted(folder.glob("*/*.json")):
        receipt = read_receipt(path)
        found.setdefault(receipt.feed, []).append(receipt)
    return found


def _feed(
    lake: AuditLake,
    contract: Contract,
    receipts: Sequence[StoredReceipt],
    fresh: Freshness | None,
    *,
    is_agreed: bool,
) -> FeedFacts:
    arrivals = [datetime.fromisoformat(one.arrived_at) for one in receipts]
    last = max(arrivals, default=None)
    reasons: Counter[str] = Counter()
    endings: Counter[str] = Counter()
    days: Counter[date] = Counter()
    for one, arrived in zip(receipts, arrivals, strict=True):
        reasons.update(one.reasons)
        endings[_ending(one.file)] += 1
        days[arrived.date()] += one.received
    columns = [column for item in contract.objects for column in item.properties]
    return FeedFacts(
        feed=contract.feed,
        is_agreed=is_agreed,
        contract=contract.full_version,
        contracts_seen=tuple(sorted({one.contract.partition("@")[2] for one in receipts})),
        owner=contract.owner,
        reader=contract.reader.value,
        formats_seen=tuple(endings.most_common()),
        files=len(receipts),
        records={fate: sum(getattr(one, fate) for one in receipts) for fate in FATES},
        reasons=dict(reasons.most_common()),
        last_arrival=last,
        age_hours=_hours(fresh.clock - fresh.last) if fresh and fresh.last else None,
        due_hours=_hours(fresh.due - fresh.last) if fresh and fresh.last and fresh.due else None,
        classified=dict(Counter(column.classification.value for column in columns)),
        volume=tuple(sorted(days.items())),
        tables=tuple(found for item in contract.objects if (found := lake.table(item)) is not None),
    )


def _ending(name: str) -> str:
    """The ending of a file's name, which is all of the name that a page may show."""
    ending = Path(name).suffix.lower()
    return ending if ending and len(ending) <= 9 and ending[1:].isalnum() and not ending[1:].isdigit() else "none"


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


def findings_by_site(answer: Answer) -> dict[str, list[str]]:
    """Return what must be mended, most pressing first, by site."""
    return {one["site"]: list(one["findings"]) for one in answer.document["sites"]}


def _document(page: AuditPage, path: Path) -> dict[str, Any]:
    facts = asdict(page)
    facts["findings"] = [one.says for one in page.findings]
    return {**facts, "report": str(path)}


def _words(pages: Mapping[str, AuditPage], paths: Mapping[str, Path]) -> str:
    lines: list[str] = []
    for site, page in pages.items():
        lines.append(f"{page.name} ({site}): {page.records:,} records received; {paths[site]}")
        lines += [f"  {n}. {one.says}" for n, one in enumerate(page.findings, start=1)] or ["  Nothing to mend."]
    return "\n".join(lines)

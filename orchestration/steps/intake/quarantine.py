"""`quarantine list` and `quarantine replay`: what is held back and why, and taking it again after a fix.

What does not belong here: why a record is held (contracts) and how it is taken (feeds).
"""

from collections import Counter
from typing import Any

from orchestration.feeds import FeedStopped, Receipt, replay
from orchestration.feeds.quarantine import Held, held_files
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.answer import FEED_STOPPED, Answer
from orchestration.steps.intake.landing import site_terms
from orchestration.steps.record.records import now

SHOWN_LINES = 20


def list_quarantine(settings: Settings, site: str | None, feed: str | None) -> Answer:
    """Return every file with records in quarantine: clauses with counts and reasons, and the first lines of each."""
    sites = [load_site(site).id] if site else list_sites()
    found = held_files(settings.home, sites, feed)
    total = sum(len(held.lines) for held in found)
    document = {"quarantined": total, "files": [_document(held) for held in found]}
    lines = [line for held in found for line in _text(held)]
    return Answer(document, text="\n".join([f"{total} records of {len(found)} files are in quarantine.", *lines]))


def _document(held: Held) -> dict[str, Any]:
    receipt = held.receipt
    return {
        "site": held.site,
        "feed": receipt.feed,
        "contract": receipt.contract,
        "file": receipt.file,
        "sha256": receipt.sha256,
        "arrived_at": receipt.arrived_at,
        "attempt": receipt.attempt,
        "clauses": [_clause(held, clause, count) for clause, count in _clauses(held).most_common()],
    }


def _clauses(held: Held) -> Counter[str]:
    return Counter(clause for _, clause, _ in held.lines)


def _clause(held: Held, clause: str, count: int) -> dict[str, Any]:
    lines = [line for line, broken, _ in held.lines if broken == clause]
    reason = next(reason for _, broken, reason in held.lines if broken == clause)
    return {"clause": clause, "records": count, "reason": reason, "lines": lines[:SHOWN_LINES]}


def _text(held: Held) -> list[str]:
    head = f"{held.site} {held.receipt.feed} {held.receipt.file} ({held.receipt.sha256[:12]})"
    return [head, *(f"  {one['records']:>6} {one['clause']}: {one['reason']}" for one in _document(held)["clauses"])]


def replay_quarantine(settings: Settings, site: str, feed: str | None, *, as_of_then: bool = False) -> Answer:
    """Take a site's held records again; what was taken before counts duplicate.

    They are judged by the contracts as they are now, or by those of the time when they first arrived (`as_of_then`).
    """
    terms = site_terms(settings, site)
    held = held_files(settings.home, [site], feed)
    try:
        receipts = replay(held, arrived_at=now(), as_of_then=as_of_then, **terms)
    except FeedStopped as stopped:
        document = {**_replayed(held, stopped.receipts), "stopped": str(stopped)}
        return Answer(document, exit_code=FEED_STOPPED)
    return Answer(_replayed(held, receipts))


def _replayed(held: list[Held], receipts: list[Receipt] | tuple[Receipt, ...]) -> dict[str, Any]:
    return {
        "held": sum(len(one.lines) for one in held),
        "taken": sum(receipt.stored for receipt in receipts),
        "still_quarantined": sum(receipt.quarantined for receipt in receipts),
        "receipts": [receipt.to_json() for receipt in receipts],
    }

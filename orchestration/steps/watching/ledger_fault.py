"""Whether the ledger can be believed while releases are served, and from when on they step down because it cannot.

A broken chain closes at once, and so does a ledger that does not know the release that a pointer serves: it is another
one, or an older one that was put back. A store that cannot be read may be a database that starts again, and a pointer
that is ahead by a step may be one whose order is just being recorded: they are waited for.
What does not belong here: stepping down (trigger_watch).
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evaluation.ledger import Readable
from orchestration.settings import Settings
from orchestration.steps.files import write_json
from orchestration.steps.record.agreement import Agreement, agreements
from orchestration.steps.record.records import believed_records, broken

PATIENCE = timedelta(minutes=5)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LedgerFault:
    """What is wrong, for people; `closes` where what is served is no longer left to the model."""

    sentence: str
    closes: bool


def ledger_fault(settings: Settings, wall: datetime) -> LedgerFault | None:
    """Verify the ledger, and that it knows what is served; None where it is sound. Never raises."""
    verdict, records = believed_records(settings)
    found = _behind(settings, records) if verdict.ok else LedgerFault(broken(verdict), verdict.first_bad is not None)
    mark = settings.home / "state" / "ledger-unverified.json"
    if found is None:
        mark.unlink(missing_ok=True)
        return None
    since = _since(mark, wall)
    return replace(found, closes=found.closes or not since <= wall < since + PATIENCE)


def _behind(settings: Settings, records: Readable) -> LedgerFault | None:
    """Whether a pointer serves what a ledger that verifies, and the orders that wait for it, do not know yet.

    The ledger precedes every pointer that serves another release, so that no moment of a promotion looks like this.
    """
    ahead = [one for one in agreements(settings, records) if _is_ahead(one)]
    if not ahead:
        return None
    is_unknown = any(one.ordered is None or one.ordered.release != _served(one) for one in ahead)
    what = " ".join(one.problem for one in ahead)
    return LedgerFault(f"THE LEDGER IS BROKEN: it is empty, or an older one, and lacks orders. {what}", is_unknown)


def _is_ahead(place: Agreement) -> bool:
    known = 0 if place.ordered is None else place.ordered.generation
    return _served(place) is not None and place.present.generation > known


def _served(place: Agreement) -> str | None:
    return None if place.present.pointer is None else place.present.pointer.release


def _since(mark: Path, wall: datetime) -> datetime:
    """When it was first seen; long ago where that can be neither read nor remembered."""
    try:
        if not mark.exists():
            write_json(mark, {"since": wall.isoformat()})
        return datetime.fromisoformat(json.loads(mark.read_bytes())["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return LONG_AGO

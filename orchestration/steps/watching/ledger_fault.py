"""Whether the ledger can be believed while releases are served, and from when on they step down because it cannot.

A broken chain closes at once; a store that cannot be read may be a database that starts again: it is waited for.
What does not belong here: stepping down (trigger_watch).
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.settings import Settings
from orchestration.steps.files import write_json
from orchestration.steps.record.records import believed_records, broken

PATIENCE = timedelta(minutes=5)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LedgerFault:
    """What is wrong, for people; `closes` where what is served is no longer left to the model."""

    sentence: str
    closes: bool


def ledger_fault(settings: Settings, wall: datetime) -> LedgerFault | None:
    """Verify the ledger; None where it is sound. Never raises."""
    verdict, _ = believed_records(settings)
    mark = settings.home / "state" / "ledger-unverified.json"
    if verdict.ok:
        mark.unlink(missing_ok=True)
        return None
    since = _since(mark, wall)
    return LedgerFault(broken(verdict), verdict.first_bad is not None or not since <= wall < since + PATIENCE)


def _since(mark: Path, wall: datetime) -> datetime:
    """When it was first seen; long ago where that can be neither read nor remembered."""
    try:
        if not mark.exists():
            write_json(mark, {"since": wall.isoformat()})
        return datetime.fromisoformat(json.loads(mark.read_bytes())["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return LONG_AGO

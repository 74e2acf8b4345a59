"""What the ledger holds about releases since it was looked at last: to be shown where people follow the graph.

The command line and the watches never wait for Dagster; what they did is shown from the record. What does not belong
here: how it is shown (defs/releases).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.ledger import Entry, proof_of
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.record.records import believed_records, broken, entry_document, has_ledger, who

CHANGES = ("break_glass", "rollback", "tier_change")
"""What moves a release, beside a promotion, which shows itself when it is made."""
TOLD = (*CHANGES, "promotion_refused", "approval", "refusal", "change_planned", "change_cancelled")
MOST = 100


class LedgerNotBelieved(StepError):
    """Nothing is shown from a ledger that does not verify."""


@dataclass(frozen=True)
class ReleaseEvent:
    """One entry about a release. `is_change` says that it moved it; `reasons` are those of a step that was refused."""

    seq: int
    use_case: str
    site: str
    is_change: bool
    sentence: str
    stands: Mapping[str, str]
    reasons: tuple[Mapping[str, str], ...]
    document: Mapping[str, Any]


def release_events(settings: Settings, after: int) -> list[ReleaseEvent]:
    """Return what came on the ledger after entry `after`, oldest first, a hundred at the most.

    Raises `LedgerNotBelieved`.
    """
    if not has_ledger(settings):
        return []
    verdict, records = believed_records(settings)
    if not verdict.ok:
        raise LedgerNotBelieved(broken(verdict))
    new = [entry for entry in records.entries(kinds=TOLD) if entry.seq > after]
    return [_event(entry) for entry in new[:MOST]]


def _event(entry: Entry) -> ReleaseEvent:
    about: Any = entry.payload.get("statement") or entry.payload
    stands = {name: str(about[name]) for name in ("kind", "stage", "tier", "release") if about.get(name)}
    by = who(entry.actor, proof_of(entry))
    why = about.get("reason") or about.get("note") or ""
    to = about.get("stage") or about.get("tier") or about.get("change")
    if entry.kind == "change_planned":
        stands |= {"from": str(about["starts_at"]), "until": str(about["until"])}
    return ReleaseEvent(
        seq=entry.seq,
        use_case=str(about["use_case"]),
        site=str(about["site"]),
        is_change=entry.kind in CHANGES,
        sentence=f"{entry.kind.replace('_', ' ')}: {to}, by {by}. {why}".strip(),
        stands={**stands, "by": by, "at": entry.effective_at.isoformat()},
        reasons=tuple(about.get("reasons", ())),
        document=entry_document(entry),
    )

"""Schema drift inside a file: so many of its records break the same clause of form that the form itself has changed.

A record with a wrong type is held back alone. When most records of an object have the same wrong type, or lack the same
required element, the source changed its schema: nothing of the file is taken row by row, the file is held whole and the
feed stops. What does not belong here: columns (opening.py), and codes and ranges, which change without the form.
"""

from collections import Counter

from orchestration.contracts import Contract
from orchestration.feeds.naming import told_name
from orchestration.feeds.outcome import Outcome
from orchestration.feeds.problems import SCHEMA_DRIFT

FORM = ("type", "required")


def schema_drift(outcome: Outcome, fewest: int) -> str | None:
    """Return what changed in the form of a file, as a detail for people, or null where it is as agreed.

    Fewer than `fewest` records of an object say nothing; nor does a replay, which is about what was held back before.
    """
    contract = outcome.prepared.contract
    if contract is None or outcome.prepared.arrival.first_arrived_at is not None:
        return None
    broken = Counter(r.clause for r in outcome.rejects if r.line is not None and r.clause.endswith(FORM))
    for clause, count in broken.most_common():
        judged = _judged(outcome, contract, clause.split(".")[0])
        if judged >= fewest and count / judged >= contract.drift_share:
            reason = next(r.reason for r in outcome.rejects if r.clause == clause)
            return f"{count} of {judged} records break {clause} ({reason})"
    return None


def _judged(outcome: Outcome, contract: Contract, item: str) -> int:
    """Return how many records of an object the file had: those stored, those held back, and all duplicates, whose
    object is not told apart: so the share is never larger than it is."""
    tables = [one.table for one in contract.objects if one.name == item]
    stored = sum(outcome.counts.get(table, 0) for table in tables)
    held = sum(1 for reject in outcome.rejects if reject.clause.split(".")[0] == item)
    return stored + held + outcome.receipt.duplicate


def drift_message(outcome: Outcome, detail: str) -> str:
    """Return why the feed stops, for people."""
    prepared = outcome.prepared
    return (
        f"The contract {prepared.label} stopped {told_name(prepared.arrival.name)}: {SCHEMA_DRIFT.reason} {detail}. "
        "Ask the source what changed, and have it send the file again, or agree on a new version of the contract."
    )

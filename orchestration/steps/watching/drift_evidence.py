"""What one look over drift says, as evidence: how many causes, alarms and jumps, and the largest shifts with the rule.

What does not belong here: looking (`drift_watch`), and incidents (`drift_telling`).
"""

from dataclasses import asdict, dataclass
from typing import Any

from evaluation.drift.causes import size_of
from evaluation.drift.jumps import Jump
from evaluation.drift.segments import Look, Shift
from evaluation.drift.watch_policy import WatchPolicy
from evaluation.evidence import Evidence, Figure
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.watching.drift_telling import Told

SHOWN = 40


@dataclass(frozen=True)
class Jumped:
    """What jumped, and how many columns were judged; 0 where there were too few days or rows, and then why."""

    jumps: tuple[Jump, ...]
    columns: int
    why_not: str = ""


def evidence_of(
    record: CandidateRecord, look: Look, jumped: Jumped, causes: tuple[Told, ...], policy: WatchPolicy
) -> Evidence:
    """Alarms first, then by effect; the largest effect is that of an alarm: what chance may have made is none.

    A figure of what was not judged has no value, so that no gate takes it for none found.
    """
    moved = sorted(look.shifts, key=lambda one: (one.is_alarm, size_of(one)), reverse=True)
    n = len(look.shifts)
    largest = max(look.alarms, key=size_of, default=None)
    effect = size_of(largest) if largest else 0.0
    figures = {
        "segment_drift.causes": Figure(float(len(causes)) if n or causes else None, n=n),
        "segment_drift.alarms": Figure(float(len(look.alarms)) if n else None, n=n),
        "segment_drift.jumps": Figure(float(len(jumped.jumps)) if jumped.columns else None, n=jumped.columns),
        "segment_drift.largest_effect": Figure(effect if n else None, n=n),
    }
    detail = {
        "compared": n,
        "too_few_rows": look.too_few,
        "causes": [one.to_json() for one in causes],
        "largest": [_row(one) for one in moved[:SHOWN]],
        **({"jumps_not_judged": jumped.why_not} if jumped.why_not else {}),
        "rule": policy.model_dump(mode="json", by_alias=True),
    }
    return head_of(record, {"reference_until": record.train_until}).evidence("segment_drift", figures, detail)


def _row(one: Shift) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(one).items() if name not in ("watched", "segment")}
    by, value = one.segment
    about = {"column": one.watched.name, "role": one.watched.role, "by": by, "value": value}
    return {**about, **kept, "missing_moved": one.missing_moved}

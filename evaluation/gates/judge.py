"""One clause against one document of evidence.

Here belongs the comparison and every way it can fail. Which document counts is for ``selection.py``.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluation.evidence import Evidence, Figure
from evaluation.gates.decision import ClauseResult
from evaluation.gates.selection import Selection
from evaluation.policies.clause import Bound, Clause, OtherFigure

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class _Finding:
    observed: float | None
    reason: str


def judge(clause: Clause, selection: Selection, now: datetime) -> ClauseResult:
    """Hold the evidence that counts against one clause. Whatever cannot be read as met is not met."""
    evidence = selection.chosen.get(clause.kind)
    if evidence is None:
        return _result(clause, _Finding(None, selection.why_missing(clause.kind)))
    figure = evidence.figures.get(clause.figure)
    return _result(clause, _find(clause, evidence, figure, now), evidence, figure)


def _find(clause: Clause, evidence: Evidence, figure: Figure | None, now: datetime) -> _Finding:
    if figure is None:
        return _Finding(None, f"the {clause.kind} evidence does not hold this figure")
    observed = cautious(figure, clause.bound)
    age = now - evidence.created_at
    if age > timedelta(days=clause.max_age_days):
        reason = f"the evidence is {age / timedelta(days=1):.1f} days old, at most {clause.max_age_days:g} count"
        return _Finding(observed, reason)
    too_few = _too_few(clause, figure)
    if observed is None or too_few:
        return _Finding(observed, too_few or _why_unknown(clause.bound))
    return _Finding(observed, _why_not(clause, evidence, observed))


def cautious(figure: Figure, bound: Bound) -> float | None:
    """The number that counts, or ``None`` where there is none or it is not finite.

    A confidence bound on the hopeful side of its own estimate is not believed: then the estimate counts.
    """
    if figure.value is None or not math.isfinite(figure.value):
        return None
    limit = {"lower": figure.lower, "upper": figure.upper, "value": figure.value}[bound]
    if limit is None or not math.isfinite(limit):
        return None
    return max(limit, figure.value) if bound == "upper" else min(limit, figure.value)


def _too_few(clause: Clause, figure: Figure) -> str:
    for counted, least, what in (
        (figure.n, clause.min_n, "rows"),
        (figure.n_events, clause.min_events, "events"),
    ):
        if least is not None and (counted is None or counted < least):
            number = "an unknown number of" if counted is None else counted
            return f"rests on {number} {what}, at least {least} count"
    return ""


def _why_unknown(bound: Bound) -> str:
    return "it could not be estimated" if bound == "value" else f"it has no {bound} confidence bound"


def _why_not(clause: Clause, evidence: Evidence, observed: float) -> str:
    """Why the observed number does not meet the threshold; empty when it does."""
    if clause.comparison == "present":
        return ""
    threshold = clause.threshold
    if isinstance(threshold, OtherFigure):
        other = evidence.figures.get(threshold.figure)
        limit = None if other is None else cautious_limit(other, threshold)
        if limit is None:
            return f"there is no {threshold.figure} to compare it with"
    else:
        limit = threshold
    if limit is None or not _COMPARE[clause.comparison](observed, limit):
        return f"is not {clause.comparison} {limit:.4g}"
    return ""


def cautious_limit(other: Figure, threshold: OtherFigure) -> float | None:
    """The measured threshold with its margin, or ``None`` where the other figure has no such number."""
    numbers = {"lower": other.lower, "upper": other.upper, "value": other.value}
    number = numbers[threshold.bound]
    return None if number is None or not math.isfinite(number) else number + threshold.plus


def _result(
    clause: Clause, finding: _Finding, evidence: Evidence | None = None, figure: Figure | None = None
) -> ClauseResult:
    return ClauseResult(
        clause=clause.id,
        kind=clause.kind,
        figure=clause.figure,
        bound=clause.bound,
        observed=finding.observed,
        threshold=clause.requirement,
        met=finding.reason == "" and finding.observed is not None,
        reason=finding.reason,
        to_meet=clause.to_meet,
        owner=clause.owner,
        evidence=None if evidence is None else evidence.digest,
        n=None if figure is None else figure.n,
        n_events=None if figure is None else figure.n_events,
    )

"""Discrimination and overall accuracy: AUROC, AUPRC, Brier score, prevalence.

Here belong figures of how well a score ranks and how far it is off. Whether its level is right is in
``calibration``; whether it helps a decision, in ``net_benefit``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.sample import (
    CurrentPractice,
    FloatArray,
    MetricInputError,
    NotEstimableError,
    checked,
    require_both_classes,
)

BOOTSTRAP_REPLICATES = 500
"""Enough for a 95 % percentile interval to be stable to about a tenth of its width."""


def prevalence(y: ArrayLike) -> Figure:
    """Share of events, with Wilson's interval."""
    outcome, _ = checked(y, np.zeros(np.shape(y)))
    n, events = outcome.size, int(outcome.sum())
    return Figure(events / n, *intervals.wilson(events, n), n, events)


def auroc(y: ArrayLike, p: ArrayLike) -> Figure:
    """Area under the ROC curve, ties counted half, with DeLong's interval made on the logit scale.

    Raises :class:`NotEstimableError` with one class only.
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837; ranks as in Sun & Xu (2014).
    """
    outcome, score = checked(y, p)
    return _auroc_figure(outcome, score)


def auroc_of_practice(y: ArrayLike, practice: CurrentPractice) -> Figure:
    """AUROC of the current practice's urgency, on the rows where it was recorded."""
    outcome, _ = checked(y, np.zeros(np.shape(y)))
    known = practice.recorded
    if not known.any():
        raise NotEstimableError("the current practice is recorded on no row.")
    return _auroc_figure(outcome[known], practice.urgency[known])


def auroc_and_variance(outcome: FloatArray, score: FloatArray) -> tuple[float, float]:
    """AUROC and DeLong's variance of it. ``score`` may be on any scale.

    The variance is 0 where a class has a single row: one row says nothing about spread.
    """
    wins = placements(outcome, score)
    return float(wins[0].mean()), spread_of(wins)


def placements(outcome: FloatArray, score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """DeLong's structural components: of each event the share of non-events that score below it (ties half), and of
    each non-event the share of events that score above it. Their means are the AUROC.

    Raises :class:`NotEstimableError` with one class only.
    """
    require_both_classes(outcome)
    positive, negative = score[outcome == 1], score[outcome == 0]
    m, n = positive.size, negative.size
    joint = _midranks(np.concatenate([positive, negative]))
    return (joint[:m] - _midranks(positive)) / n, 1.0 - (joint[m:] - _midranks(negative)) / m


def spread_of(wins: tuple[FloatArray, FloatArray]) -> float:
    """The variance of the mean of components; of their differences, that of a paired difference."""
    return float(sum(one.var(ddof=1) / one.size if one.size > 1 else 0.0 for one in wins))


def auprc(y: ArrayLike, p: ArrayLike, *, seed: int, replicates: int = BOOTSTRAP_REPLICATES) -> Figure:
    """Average precision (the step-wise area under precision and recall), ties taken together.

    The interval is the percentile one of a bootstrap stratified by outcome. Its floor is the prevalence, so
    compare it only within one population. Raises :class:`NotEstimableError` where there is no event.
    """
    outcome, score = checked(y, p)
    require_both_classes(outcome)
    level = _descending_levels(score)
    levels = int(level.max()) + 1
    of_positive, of_negative = level[outcome == 1], level[outcome == 0]
    value = _average_precision(np.bincount(of_positive, minlength=levels), np.bincount(of_negative, minlength=levels))
    rng = np.random.default_rng(seed)
    draws = np.empty(replicates)
    for replicate in range(replicates):
        events = _resampled_counts(rng, of_positive, levels)
        draws[replicate] = _average_precision(events, _resampled_counts(rng, of_negative, levels))
    return Figure(value, *intervals.percentile(draws), outcome.size, of_positive.size)


def brier(y: ArrayLike, p: ArrayLike) -> Figure:
    """Mean squared distance of probability and outcome (Brier 1950); 0 is perfect. Interval of a mean."""
    outcome, score = checked(y, p)
    squared = np.square(score - outcome)
    lower, upper = intervals.mean(squared)
    return Figure(float(squared.mean()), max(0.0, lower), min(1.0, upper), outcome.size, int(outcome.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Corners of the ROC curve from (0, 0) to (1, 1)."""

    false_positive_rate: FloatArray
    true_positive_rate: FloatArray


def roc_curve(y: ArrayLike, p: ArrayLike) -> RocCurve:
    """One point per distinct score. Raises :class:`NotEstimableError` with one class only."""
    outcome, score = checked(y, p)
    require_both_classes(outcome)
    level = _descending_levels(score)
    events = np.bincount(level, weights=outcome)
    others = np.bincount(level, weights=1 - outcome)
    return RocCurve(
        false_positive_rate=np.concatenate([[0.0], np.cumsum(others) / others.sum()]),
        true_positive_rate=np.concatenate([[0.0], np.cumsum(events) / events.sum()]),
    )


def _auroc_figure(outcome: FloatArray, score: FloatArray) -> Figure:
    if np.isnan(score).any():
        raise MetricInputError("a score is NaN; leave out the rows that have none.")
    value, variance = auroc_and_variance(outcome, score)
    events = int(outcome.sum())
    weakest = min(events, outcome.size - events)
    # A class with a single row shows no spread: DeLong's variance would be half of what it should be.
    lower, upper = intervals.share_on_logit(value, variance if weakest > 1 else 0.0, weakest)
    return Figure(value, lower, upper, outcome.size, events)


def _midranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _descending_levels(score: FloatArray) -> NDArray[np.intp]:
    """Number the distinct scores from the highest (0) down, one number per row."""
    _, inverse = np.unique(-score, return_inverse=True)
    return inverse


def _resampled_counts(rng: np.random.Generator, level: NDArray[np.intp], levels: int) -> NDArray[np.intp]:
    return np.bincount(level[rng.integers(0, level.size, level.size)], minlength=levels)


def _average_precision(events: NDArray[np.intp], others: NDArray[np.intp]) -> float:
    """Sum of precision times gain in recall over levels, from counts per level in descending score."""
    true_positive = np.cumsum(events)
    flagged = true_positive + np.cumsum(others)
    precision = true_positive / np.maximum(flagged, 1)
    return float(np.sum(precision * events) / true_positive[-1])

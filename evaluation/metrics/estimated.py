"""Performance before labels arrive, estimated from calibrated scores; and what it turned out to be when they did.

Confidence-based performance estimation, as NannyML's documentation describes it: where a score is the probability of
the outcome, each visit adds its score to the expected true positives (or false negatives) and the rest to the expected
false positives (or true negatives); every figure of a confusion matrix follows, and the AUROC from the same sums
over all thresholds. ``BLIND_SPOT`` is printed with every estimate. The intervals are those that the realised figure of
that many visits has by chance alone where the scores are calibrated: Wilson's over the expected counts, and Hanley &
McNeil's (Radiology 143 (1982) 29) for the AUROC. What does not belong here: which labels have matured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.performance import auroc
from evaluation.metrics.sample import FloatArray, MetricInputError, NotEstimableError, checked

BLIND_SPOT = (
    "An estimate from the scores alone: it sees that other patients come, and is blind to concept drift. Where the "
    "same patient now has another risk than was learned (a new treatment, another outcome definition, advice that "
    "worked), it stays as good as it was until labels say otherwise."
)
FEWEST = 100
"""Visits below which nothing is estimated."""
FEWEST_EVENTS = 10
"""Expected, or realised, events and non-events that a figure needs."""
NAMES = ("auroc", "ppv", "sensitivity", "specificity", "alerts_per_100", "prevalence")


@dataclass(frozen=True, slots=True)
class Confusion:
    """Four counts, expected or realised, at the operating point."""

    true_positive: float
    false_positive: float
    false_negative: float
    true_negative: float

    @property
    def rows(self) -> float:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The same visits twice: what was estimated of them and what came, by figure."""

    name: str
    estimated: dict[str, Figure]
    realised: dict[str, Figure]
    observed_over_expected: Figure

    @property
    def surprises(self) -> tuple[str, ...]:
        """The figures whose realised value lies outside of the estimate's interval."""
        pairs = ((name, self.estimated[name], self.realised[name].value) for name in NAMES)
        return tuple(name for name, guess, came in pairs if came is not None and not _holds(guess, came))


def expected_confusion(p: ArrayLike, threshold: float) -> Confusion:
    """The confusion matrix to be expected of calibrated scores that are acted upon from ``threshold`` on."""
    scores = _scores(p)
    acted = scores >= threshold
    hits, misses = float(scores[acted].sum()), float(scores[~acted].sum())
    return Confusion(hits, float(acted.sum()) - hits, misses, float((~acted).sum()) - misses)


def estimate(p: ArrayLike, threshold: float) -> dict[str, Figure]:
    """Every figure of ``NAMES`` to be expected of the scores; without a value where too little is expected."""
    scores = _scores(p)
    if scores.size < FEWEST:
        return {name: Figure(None, n=scores.size) for name in NAMES}
    expected = expected_confusion(scores, threshold)
    return {"auroc": _estimated_auroc(scores), **_of_confusion(expected)}


def realise(y: ArrayLike, p: ArrayLike, threshold: float) -> dict[str, Figure]:
    """The same figures of the outcomes that came."""
    outcome, scores = checked(y, p)
    if outcome.size < FEWEST:
        return {name: Figure(None, n=outcome.size) for name in NAMES}
    acted, ill = scores >= threshold, outcome == 1
    pairs = ((acted, ill), (acted, ~ill), (~acted, ill), (~acted, ~ill))
    counted = Confusion(*(float((one & other).sum()) for one, other in pairs))
    try:
        ranking = auroc(outcome, scores) if min(ill.sum(), (~ill).sum()) >= FEWEST_EVENTS else Figure(None, n=ill.size)
    except NotEstimableError:
        ranking = Figure(None, n=outcome.size)
    return {"auroc": ranking, **_of_confusion(counted)}


def reconcile(name: str, y: ArrayLike, p: ArrayLike, threshold: float) -> Reconciled:
    """What was estimated of some visits beside what came of them. Raises :class:`MetricInputError` for none."""
    outcome, scores = checked(y, p)
    return Reconciled(name, estimate(scores, threshold), realise(outcome, scores, threshold), calibration(y, p))


def calibration(y: ArrayLike, p: ArrayLike) -> Figure:
    """Events that came for each that the scores foresaw: 1 where they are calibrated in the large.

    Normal interval on the count, whose variance is the sum of p(1-p) where scores are calibrated: there 1 lies within
    it in 19 of 20 cases (the score test of calibration in the large).
    """
    outcome, scores = checked(y, p)
    foreseen, came = float(scores.sum()), float(outcome.sum())
    if foreseen < FEWEST_EVENTS:
        return Figure(None, n=outcome.size, n_events=int(came))
    half = intervals.Z * math.sqrt(float((scores * (1 - scores)).sum())) / foreseen
    ratio = came / foreseen
    return Figure(ratio, max(0.0, ratio - half), ratio + half, outcome.size, int(came))


def _scores(p: ArrayLike) -> FloatArray:
    scores = np.asarray(p, dtype=np.float64)
    if scores.ndim != 1 or not ((scores >= 0) & (scores <= 1)).all():
        raise MetricInputError(
            "scores are not one vector of probabilities from 0 to 1; only these can be estimated from."
        )
    return scores


def _of_confusion(found: Confusion) -> dict[str, Figure]:
    acted, ill = found.true_positive + found.false_positive, found.true_positive + found.false_negative
    well = found.rows - ill
    shown = _share(acted, found.rows, least=0)
    scaled = [None if one is None else 100 * one for one in (shown.value, shown.lower, shown.upper)]
    return {
        "ppv": _share(found.true_positive, acted),
        "sensitivity": _share(found.true_positive, ill),
        "specificity": _share(found.true_negative, well),
        "alerts_per_100": Figure(*scaled, n=shown.n, n_events=shown.n_events),
        "prevalence": _share(ill, found.rows, least=0),
    }


def _share(events: float, of: float, least: int = FEWEST_EVENTS) -> Figure:
    """A share with Wilson's interval, whose formula does not ask for whole numbers."""
    n = round(of)
    if of < max(least, 1):
        return Figure(None, n=n, n_events=round(events))
    share = events / of
    z2 = intervals.Z**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = intervals.Z * math.sqrt(max(share * (1 - share), 0.0) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    lower, upper = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    return Figure(share, lower, upper, n, round(events))


def _estimated_auroc(scores: FloatArray) -> Figure:
    """Expected pairs that are ranked rightly over expected pairs, a visit never being paired with itself."""
    ill, well = float(scores.sum()), float((1 - scores).sum())
    if min(ill, well) < FEWEST_EVENTS:
        return Figure(None, n=scores.size, n_events=round(ill))
    _, level = np.unique(scores, return_inverse=True)
    of_ill, of_well = (np.bincount(level, weights=weights) for weights in (scores, 1 - scores))
    below = np.cumsum(of_well) - of_well
    itself = float((scores * (1 - scores)).sum())
    right = float((of_ill * (below + of_well / 2)).sum()) - itself / 2
    area = right / (ill * well - itself)
    return Figure(area, *_hanley_mcneil(area, ill, well), scores.size, round(ill))


def _hanley_mcneil(area: float, ill: float, well: float) -> tuple[float, float]:
    of_ill, of_well = area / (2 - area), 2 * area**2 / (1 + area)
    rest = (ill - 1) * (of_ill - area**2) + (well - 1) * (of_well - area**2)
    variance = (area * (1 - area) + rest) / (ill * well)
    lower, upper = intervals.normal(area, max(variance, 0.0))
    return max(0.0, lower), min(1.0, upper)


def _holds(guess: Figure, came: float) -> bool:
    return guess.lower is None or guess.upper is None or guess.lower <= came <= guess.upper


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Visits in columns of one length: score, outcome (NaN while it has not matured), whether a card was displayed, and
    the period (``2026-03``) in which it was scored."""

    p: FloatArray
    y: FloatArray
    is_displayed: NDArray[np.bool_]
    period: NDArray[np.str_]

    @property
    def is_matured(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.y)


def reconciled_by_period(visits: Scored, threshold: float, *, displayed: bool) -> tuple[Reconciled, ...]:
    """Matured visits period by period, of those that a card was displayed for or of those without one."""
    chosen = visits.is_matured & (visits.is_displayed == displayed)
    periods: Sequence[str] = sorted(set(visits.period[chosen].tolist()))
    return tuple(
        reconcile(one, visits.y[mask], visits.p[mask], threshold)
        for one in periods
        if (mask := chosen & (visits.period == one)).sum() >= FEWEST
    )

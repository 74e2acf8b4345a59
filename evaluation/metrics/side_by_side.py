"""Two models on the same cases: the difference of what they do, case by case, and how sure one can be of it.

Here belong paired figures; a new model's minus an old one's. Each model's own figures are in ``performance``, and what
difference is too much is a policy's to say.
"""

import numpy as np
from numpy.typing import ArrayLike

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.performance import placements, spread_of
from evaluation.metrics.sample import NotEstimableError, checked


def auroc_difference(y: ArrayLike, new: ArrayLike, old: ArrayLike) -> Figure:
    """AUROC of ``new`` minus that of ``old`` on the same cases, with the normal interval of DeLong's paired test.

    The variance is that of the differences of the structural components, which is DeLong's ``L S L'`` with L = (1, -1).
    Raises :class:`NotEstimableError` with one class only, or with a class of a single case, which shows no spread.
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837, section 3.
    """
    outcome, first = checked(y, new)
    _, second = checked(y, old)
    events = int(outcome.sum())
    if min(events, outcome.size - events) == 1:
        raise NotEstimableError("one class has a single case, which shows no spread.")
    pairs = zip(placements(outcome, first), placements(outcome, second), strict=True)
    positive, negative = (one - other for one, other in pairs)
    difference = float(positive.mean())
    bounds = intervals.normal(difference, spread_of((positive, negative)))
    return Figure(difference, *bounds, outcome.size, events)


def alerts_difference_per_100(new: ArrayLike, old: ArrayLike, threshold: float) -> Figure:
    """How many more of 100 cases ``new`` alerts on than ``old`` (at or above ``threshold``), paired, with the interval
    of the mean of the differences; ``n_events`` counts the cases on which they disagree."""
    gained = _alerts(new, threshold).astype(np.float64) - _alerts(old, threshold).astype(np.float64)
    lower, upper = intervals.mean(gained)
    return Figure(100 * float(gained.mean()), 100 * lower, 100 * upper, gained.size, int(np.abs(gained).sum()))


def alerts_per_100(score: ArrayLike, threshold: float) -> Figure:
    """On how many of 100 cases one of both alerts (at or above ``threshold``), with Wilson's interval; ``n_events``
    counts them."""
    shown = _alerts(score, threshold)
    n, events = int(shown.size), int(shown.sum())
    lower, upper = intervals.wilson(events, n)
    return Figure(100 * events / n, 100 * lower, 100 * upper, n, events)


def both_alert(new: ArrayLike, old: ArrayLike, threshold: float) -> Figure:
    """Share of cases on which both alert, with Wilson's interval."""
    both = _alerts(new, threshold) & _alerts(old, threshold)
    n, events = int(both.size), int(both.sum())
    return Figure(events / n, *intervals.wilson(events, n), n, events)


def _alerts(score: ArrayLike, threshold: float) -> "np.ndarray":
    return np.asarray(score, dtype=np.float64) >= threshold

"""Why a model does worse (or better) in serving than it did when it was judged: infrastructure, and time.

As Otles et al. describe it (Mind the Performance Gap, Machine Learning for Healthcare, PMLR 149 (2021) 506): the gap
between the retrospective test and the prospective period parts in two. **Infrastructure**: the same visits, scored
from what the live request held and from what the warehouse holds. **Time**: warehouse features throughout, the visits
of the test period and those of the prospective period. Both add up to the whole gap by construction. Intervals: the
infrastructure part is paired and is bootstrapped over visits; the time part is a difference of independent samples.
What does not belong here: scoring.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.performance import auroc_and_variance
from evaluation.metrics.sample import FloatArray, NotEstimableError, checked

REPLICATES = 300
FEWEST_EVENTS = 10
"""Events, and non-events, that both periods need."""


@dataclass(frozen=True, slots=True)
class Gap:
    """AUROCs, and their differences: ``whole`` = ``infrastructure`` + ``time``; negative is worse in serving."""

    retrospective: Figure
    recomputed: Figure
    served: Figure
    whole: Figure
    infrastructure: Figure
    time: Figure

    @property
    def figures(self) -> dict[str, Figure]:
        return {name: getattr(self, name) for name in self.__slots__}


def decompose(
    tested: tuple[ArrayLike, ArrayLike], came: ArrayLike, served: ArrayLike, recomputed: ArrayLike, *, seed: int
) -> Gap:
    """Part the gap. ``tested``: outcomes and scores of the test period; the others are of prospective visits, one row
    each: outcome, score that was served, score from the warehouse's features.

    Without values where either period has fewer than ``FEWEST_EVENTS`` of a class.
    """
    y0, p0 = checked(*tested)
    y1, p1 = checked(came, served)
    _, q1 = checked(came, recomputed)
    if min(_fewest(y0), _fewest(y1)) < FEWEST_EVENTS:
        none = Figure(None, n=y1.size, n_events=int(y1.sum()))
        return Gap(none, none, none, none, none, none)
    (old, old_var), (new, new_var), (live, live_var) = (
        auroc_and_variance(*one) for one in ((y0, p0), (y1, q1), (y1, p1))
    )
    counts = {"n": int(y1.size), "n_events": int(y1.sum())}
    return Gap(
        Figure(old, *intervals.normal(old, old_var), n=int(y0.size), n_events=int(y0.sum())),
        Figure(new, *intervals.normal(new, new_var), **counts),
        Figure(live, *intervals.normal(live, live_var), **counts),
        Figure(live - old, *intervals.normal(live - old, live_var + old_var), **counts),
        Figure(live - new, *_paired(y1, p1, q1, live - new, seed), **counts),
        Figure(new - old, *intervals.normal(new - old, new_var + old_var), **counts),
    )


def _fewest(outcome: FloatArray) -> int:
    events = int(outcome.sum())
    return min(events, outcome.size - events)


def _paired(y: FloatArray, served: FloatArray, recomputed: FloatArray, value: float, seed: int) -> tuple[float, float]:
    """Percentile interval of a difference of AUROCs on the same visits."""
    if np.array_equal(served, recomputed):
        return 0.0, 0.0
    draw, draws = np.random.default_rng(seed), list[float]()
    for _ in range(REPLICATES):
        rows = draw.integers(0, y.size, y.size)
        try:
            one, other = (auroc_and_variance(y[rows], score[rows])[0] for score in (served, recomputed))
        except NotEstimableError:
            continue
        draws.append(one - other)
    lower, upper = intervals.percentile(np.array(draws))
    return min(lower, value), max(upper, value)

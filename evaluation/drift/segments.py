"""Which columns moved in which segments: effect sizes, chance held down over all of them, and alarms.

Effects (what decides whether a shift matters):

- the standardised mean difference of numbers and of yes/no (Cohen 1988; Austin, Statistics in Medicine 28 (2009) 3083);
- the Jensen-Shannon distance of the binned distributions, missing values being a bin (Lin, IEEE Trans. Inf. Theory 37
  (1991) 145; base 2, square root), less what chance alone makes of it: (k-1)/(8 ln 2) (1/n1 + 1/n2);
- the population stability index, printed and never decided by.

Chance: the smaller, doubled, of two p-values, of the ranks (ridits: Bross, Biometrics 14 (1958) 18) and of the counts
(chi square), both widened by the design effect of days (Rao & Scott, JASA 76 (1981) 221): visits of one day resemble
each other. Then all of one look are adjusted together. An alarm needs effect, chance and a minimum sample, all three.
What does not belong here: counting (``tallies``), and what is one cause (``causes``).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.comparison import CONSTANT_MOVED, FloatArray
from evaluation.drift.tallies import Counts, Reference, Segment, Tally, Watched
from evaluation.drift.watch_policy import WatchPolicy

FEWEST_EXPECTED = 5.0
"""Cells that chi square may count (Cochran 1954)."""
BITS = 8 * math.log(2)
SMOOTHED = 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """One column in one segment. ``mean_moved`` is signed, None for categories; ``q_value`` is adjusted over all."""

    watched: Watched
    segment: Segment
    reference_n: int
    current_n: int
    mean_moved: float | None
    shape_moved: float
    stability_index: float
    missing_before: float
    missing_after: float
    p_value: float
    q_value: float = 1.0
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """All that was compared at once, alarms marked; and how many column-segments had too few rows."""

    shifts: tuple[Shift, ...]
    too_few: int

    @property
    def alarms(self) -> tuple[Shift, ...]:
        return tuple(one for one in self.shifts if one.is_alarm)


def judge_look(
    compared: Sequence[tuple[Reference, Mapping[str, Tally]]], policy: WatchPolicy, *, further: Sequence[Shift] = ()
) -> Look:
    """Compare windows (a reference with the counts of the present, several of them where rows differ) in one look."""
    shifts, too_few = list(further), 0
    for reference, current in compared:
        for one in reference.watched:
            found, few = _compared(one, reference, current[one.name], policy)
            shifts += found
            too_few += few
    q_values = adjusted_over_all([one.p_value for one in shifts], policy.false_discovery.procedure)
    return Look(tuple(_alarmed(one, q, policy) for one, q in zip(shifts, q_values, strict=True)), too_few)


def adjusted_over_all(p_values: Sequence[float], procedure: str) -> list[float]:
    """Benjamini & Yekutieli (2001) for any dependence, or Benjamini & Hochberg (1995)."""
    from scipy.stats import false_discovery_control

    method = "by" if procedure == "benjamini_yekutieli" else "bh"
    return false_discovery_control(p_values, method=method).tolist() if p_values else []


def _alarmed(one: Shift, q_value: float, policy: WatchPolicy) -> Shift:
    mean, shape = abs(one.mean_moved or 0.0), one.shape_moved
    is_large = mean >= policy.effects.mean_moved or shape >= policy.effects.shape_moved
    return replace(one, q_value=q_value, is_alarm=is_large and q_value < policy.false_discovery.rate)


def _compared(one: Watched, reference: Reference, new: Tally, policy: WatchPolicy) -> tuple[list[Shift], int]:
    old = reference.tallies[one.name]
    before, after = (side.counts.sum(axis=1).astype(np.float64) for side in (old, new))
    sizes = np.stack([before.sum(axis=1), after.sum(axis=1)])
    days = (new.counts.sum(axis=2) > 0).sum(axis=1)
    enough = (sizes.min(axis=0) >= policy.fewest_rows.rows) & (days >= policy.windows.fewest_days)
    if not enough.any():
        return [], int(enough.size)
    p_values, widened = _chance(one, old, new, before, after)
    shape, index = _shape_moved(before, after, widened), _stability_index(before, after)
    mean = None if one.kind == "categorical" else _mean_moved(old, new)
    missing = [side[:, -1] / np.maximum(n, 1) for side, n in zip((before, after), sizes, strict=True)]
    found = [
        Shift(
            one,
            reference.segments[n],
            int(sizes[0, n]),
            int(sizes[1, n]),
            None if mean is None else float(mean[n]),
            float(shape[n]),
            float(index[n]),
            float(missing[0][n]),
            float(missing[1][n]),
            float(p_values[n]),
        )
        for n in np.flatnonzero(enough)
    ]
    return found, int((~enough).sum())


def _mean_moved(old: Tally, new: Tally) -> FloatArray:
    pooled = np.sqrt((old.variance + new.variance) / 2)
    moved = new.mean - old.mean
    constant = np.where(moved == 0, 0.0, np.sign(moved) * CONSTANT_MOVED)
    return np.divide(moved, pooled, out=constant, where=pooled > 0)


def _shares(counts: FloatArray) -> FloatArray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _shape_moved(before: FloatArray, after: FloatArray, widened: FloatArray) -> FloatArray:
    p, q = _shares(before), _shares(after)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    used = (middle > 0).sum(axis=1)
    sizes = [np.maximum(side.sum(axis=1), 1) for side in (before, after)]
    by_chance = np.maximum(used - 1, 0) / BITS * (1 / sizes[0] + 1 / sizes[1]) * widened
    return np.sqrt(np.clip(divergence - by_chance, 0.0, 1.0))


def _relative_entropy(p: FloatArray, middle: FloatArray) -> FloatArray:
    ratio = np.divide(p, middle, out=np.ones_like(p), where=(p > 0) & (middle > 0))
    return (p * np.log2(ratio)).sum(axis=1)


def _stability_index(before: FloatArray, after: FloatArray) -> FloatArray:
    used = (before + after) > 0
    p, q = (_shares(np.where(used, side + SMOOTHED, 0.0)) for side in (before, after))
    ratio = np.divide(q, p, out=np.ones_like(p), where=used)
    return ((q - p) * np.log(ratio)).sum(axis=1)


# -- chance


def _chance(
    one: Watched, old: Tally, new: Tally, before: FloatArray, after: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """P-values by segment, and the design effect of counts."""
    from scipy.special import chdtrc, ndtr

    statistic, freedom, widened = _counts_moved(old.counts, new.counts, before, after)
    of_counts = np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), statistic / widened), 1.0)
    if one.kind == "categorical":
        return cast("FloatArray", of_counts), widened
    z = _ranks_moved(old.counts, new.counts, before, after)
    of_ranks = 2 * ndtr(-np.abs(z))
    return np.minimum(1.0, 2 * np.minimum(of_counts, of_ranks)), widened


def _counts_moved(
    old: Counts, new: Counts, before: FloatArray, after: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Chi square of two rows of counts with its degrees of freedom, and the mean design effect of days."""
    pooled = _shares(before + after)
    expected = [pooled * side.sum(axis=1, keepdims=True) for side in (before, after)]
    used = np.minimum(*expected) >= FEWEST_EXPECTED
    parts = [
        np.divide((side - e) ** 2, e, out=np.zeros_like(e), where=used)
        for side, e in zip((before, after), expected, strict=True)
    ]
    freedom = np.maximum(used.sum(axis=1) - 1, 0).astype(np.float64)
    spread = _day_spread(old, used) + _day_spread(new, used)
    rows = (before.sum(axis=1) + after.sum(axis=1)) * np.maximum(freedom, 1)
    widened = np.maximum(1.0, np.divide(spread, rows, out=np.ones_like(rows), where=rows > 0))
    return parts[0].sum(axis=1) + parts[1].sum(axis=1), freedom, widened


def _day_spread(counts: Counts, used: NDArray[np.bool_]) -> FloatArray:
    """Squared distances of days from their window's shares, over these shares: of one window, by segment."""
    share = _shares(counts.sum(axis=1).astype(np.float64))
    away = counts - counts.sum(axis=2, keepdims=True) * share[:, None, :]
    squared = (away**2).sum(axis=1)
    kept = np.divide(squared, share, out=np.zeros_like(share), where=used & (share > 0)).sum(axis=1)
    return kept * _few_days(counts)


def _few_days(counts: Counts) -> FloatArray:
    days = (counts.sum(axis=2) > 0).sum(axis=1)
    return days / np.maximum(days - 1, 1)


def _ranks_moved(old: Counts, new: Counts, before: FloatArray, after: FloatArray) -> FloatArray:
    """Difference of mean ridits in standard errors that know of days; missing values have no rank."""
    ranks = _ridits(before[:, :-1] + after[:, :-1])
    sides = [(counts[:, :, :-1], total[:, :-1]) for counts, total in ((old, before), (new, after))]
    means, away, rows = [], np.zeros(ranks.shape[0]), []
    for counts, total in sides:
        n = np.maximum(total.sum(axis=1), 1)
        mean = (total * ranks).sum(axis=1) / n
        by_day = (counts * (ranks - mean[:, None])[:, None, :]).sum(axis=2)
        away += (by_day**2).sum(axis=1) * _few_days(counts)
        means.append(mean)
        rows.append(n)
    alone = sum((t * (ranks - m[:, None]) ** 2).sum(axis=1) for (_, t), m in zip(sides, means, strict=True))
    widened = np.maximum(1.0, np.divide(away, alone, out=np.ones_like(away), where=alone > 0))
    error = np.sqrt(alone / (rows[0] + rows[1]) * (1 / rows[0] + 1 / rows[1]) * widened)
    return np.divide(means[1] - means[0], error, out=np.zeros_like(error), where=error > 0)


def _ridits(counts: FloatArray) -> FloatArray:
    share = _shares(counts)
    return np.cumsum(share, axis=1) - share / 2

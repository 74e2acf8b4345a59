"""Which columns moved in which segments: effect sizes, chance held down over all of them, and alarms.

Effects (what decides whether a shift matters), of the values that are there:

- the standardised mean difference of numbers and of yes/no (Cohen 1988; Austin, Statistics in Medicine 28 (2009) 3083);
- the Jensen-Shannon distance of the binned distributions (Lin, IEEE Trans. Inf. Theory 37 (1991) 145; base 2, square
  root), less what chance alone makes of it: the summed squared errors of shares over shares, by 8 ln 2;
- the population stability index, printed and never decided by.

That more or fewer values are missing is a figure of its own, in shares of the rows: it moves no mean and no shape.

Chance: the smaller, doubled, of two p-values, of the ranks (ridits: Bross, Biometrics 14 (1958) 18) and of the bins'
shares (Bonferroni over bins, sparse ones as one), both knowing that days and weeks resemble each other (``chance``).
Then all of one look are adjusted together. An alarm needs effect, chance and a minimum sample, all three. What does not
belong here: counting (``tallies``), and what is one cause (``causes``).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.chance import Sums, difference
from evaluation.drift.comparison import CONSTANT_MOVED, FloatArray
from evaluation.drift.tallies import Counts, Reference, Segment, Tally, Watched
from evaluation.drift.watch_policy import WatchPolicy

FEWEST_EXPECTED = 5.0
"""Rows that a bin must have expected in either window before its share is judged (Cochran 1954)."""
BITS = 8 * math.log(2)
SMOOTHED = 0.5
ROUNDED = 1e-9
"""Share by which the means of two constants differ that are one."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One column in one segment. ``mean_moved`` is signed, None for categories; ``q_value`` is adjusted over all.

    Means and shapes are None where fewer values than the least sample are there; ``missing_moved`` is the share of rows
    without a value now, less that before, and has chances of its own.
    """

    watched: Watched
    segment: Segment
    reference_n: int
    current_n: int
    mean_moved: float | None
    shape_moved: float | None
    stability_index: float | None
    missing_before: float
    missing_after: float
    p_value: float = 1.0
    missing_p_value: float = 1.0
    q_value: float = 1.0
    missing_q_value: float = 1.0
    is_alarm: bool = False

    @property
    def missing_moved(self) -> float:
        return self.missing_after - self.missing_before


@dataclass(frozen=True, slots=True)
class Look:
    """All that was compared at once, alarms marked; and how many column-segments had too few rows or values."""

    shifts: tuple[Shift, ...]
    too_few: int

    @property
    def alarms(self) -> tuple[Shift, ...]:
        return tuple(one for one in self.shifts if one.is_alarm)


def judge_look(compared: Sequence[tuple[Reference, Mapping[str, Tally]]], policy: WatchPolicy) -> Look:
    """Compare windows (a reference with the counts of the present, several of them where rows differ) in one look."""
    shifts, too_few = list[Shift](), 0
    for reference, current in compared:
        for one in reference.watched:
            found = _compared(one, reference, current[one.name], policy)
            shifts += found
            too_few += len(reference.segments) - sum(shift.shape_moved is not None for shift in found)
    return Look(tuple(_adjusted(shifts, policy)), too_few)


def _adjusted(shifts: Sequence[Shift], policy: WatchPolicy) -> Iterator[Shift]:
    """Values and missingness of every shift, together; where nothing is missing in either window nothing is asked."""
    asked = [p for one in shifts for p in (one.p_value, one.missing_p_value)]
    is_asked = [
        is_it for one in shifts for is_it in (one.shape_moved is not None, one.missing_before + one.missing_after > 0)
    ]
    known = iter(
        adjusted_over_all(
            [p for p, is_it in zip(asked, is_asked, strict=True) if is_it], policy.false_discovery.procedure
        )
    )
    q_values = [next(known) if is_it else 1.0 for is_it in is_asked]
    for one, q_value, missing in zip(shifts, q_values[::2], q_values[1::2], strict=True):
        yield _alarmed(replace(one, q_value=q_value, missing_q_value=missing), policy)


def adjusted_over_all(p_values: Sequence[float], procedure: str) -> list[float]:
    """Benjamini & Yekutieli (2001) for any dependence, or Benjamini & Hochberg (1995)."""
    from scipy.stats import false_discovery_control

    method = "by" if procedure == "benjamini_yekutieli" else "bh"
    return false_discovery_control(p_values, method=method).tolist() if p_values else []


def _alarmed(one: Shift, policy: WatchPolicy) -> Shift:
    effects, rate = policy.effects, policy.false_discovery.rate
    is_large = abs(one.mean_moved or 0.0) >= effects.mean_moved or (one.shape_moved or 0.0) >= effects.shape_moved
    is_often_missing = abs(one.missing_moved) >= effects.missing_moved
    is_alarm = (is_large and one.q_value < rate) or (is_often_missing and one.missing_q_value < rate)
    return replace(one, is_alarm=is_alarm)


def _compared(one: Watched, reference: Reference, new: Tally, policy: WatchPolicy) -> list[Shift]:
    old = reference.tallies[one.name]
    rows = np.stack([side.counts.sum(axis=(1, 2)) for side in (old, new)])
    values = np.stack([side.counts[:, :, :-1].sum(axis=(1, 2)) for side in (old, new)])
    is_judged = _enough(rows, new.counts, policy)
    is_valued = is_judged & _enough(values, new.counts[:, :, :-1], policy)
    moved = _values_moved(one, old, new, is_standing=reference.is_standing)
    missing = (rows - values) / np.maximum(rows, 1)
    p_missing = _missing_p_value(old.counts, new.counts, is_standing=reference.is_standing)

    def shift(n: int) -> Shift:
        told = moved.at(n) if is_valued[n] else NOT_JUDGED
        sizes, shares = (int(rows[0, n]), int(rows[1, n])), (float(missing[0, n]), float(missing[1, n]))
        return Shift(one, reference.segments[n], *sizes, *told.effects, *shares, told.p_value, float(p_missing[n]))

    return [shift(int(n)) for n in np.flatnonzero(is_judged)]


def _enough(sizes: NDArray[np.int64], current: Counts, policy: WatchPolicy) -> NDArray[np.bool_]:
    days = (current.sum(axis=2) > 0).sum(axis=1)
    return (sizes.min(axis=0) >= policy.fewest_rows.rows) & (days >= policy.windows.fewest_days)


@dataclass(frozen=True, slots=True)
class _Told:
    """Mean, shape and stability index of one segment, and how likely chance alone is."""

    effects: tuple[float | None, float | None, float | None]
    p_value: float


NOT_JUDGED = _Told((None, None, None), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """The same of all segments."""

    mean: FloatArray | None
    shape: FloatArray
    index: FloatArray
    p_values: FloatArray

    def at(self, n: int) -> _Told:
        mean = None if self.mean is None else float(self.mean[n])
        return _Told((mean, float(self.shape[n]), float(self.index[n])), float(self.p_values[n]))


def _values_moved(one: Watched, old: Tally, new: Tally, *, is_standing: bool) -> _Moved:
    """Compare the values that are there; what is missing has no bin here."""
    there = [side.counts[:, :, :-1].astype(np.float64) for side in (old, new)]
    before, after = (side.sum(axis=1) for side in there)
    of_bins, error = _bins_moved(there[0], there[1], before, after, is_standing=is_standing)
    shape, index = _shape_moved(before, after, error), _stability_index(before, after)
    if one.kind == "categorical":
        return _Moved(None, shape, index, of_bins)
    of_ranks = _ranks_p_value(there[0], there[1], before + after, is_standing=is_standing)
    p_values = np.minimum(1.0, 2 * np.minimum(of_bins, of_ranks))
    return _Moved(_mean_moved(old, new), shape, index, p_values)


def _mean_moved(old: Tally, new: Tally) -> FloatArray:
    pooled = np.sqrt((old.variance + new.variance) / 2)
    moved = new.mean - old.mean
    constant = np.where(np.isclose(old.mean, new.mean, rtol=ROUNDED), 0.0, np.sign(moved) * CONSTANT_MOVED)
    return np.divide(moved, pooled, out=constant, where=pooled > 0)


def _shares(counts: FloatArray) -> FloatArray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _shape_moved(before: FloatArray, after: FloatArray, error: FloatArray) -> FloatArray:
    p, q = _shares(before), _shares(after)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    by_chance = np.divide(error**2, middle, out=np.zeros_like(middle), where=middle > 0).sum(axis=1) / BITS
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


def _bins_moved(
    old: FloatArray, new: FloatArray, before: FloatArray, after: FloatArray, *, is_standing: bool
) -> tuple[FloatArray, FloatArray]:
    """By segment the chance of the bins' shares (Bonferroni over the bins that are judged), and each share's error.

    Bins of which too few rows are expected are judged as one; where those are too few as well, chance explains all.
    """
    smaller = np.minimum(before.sum(axis=1), after.sum(axis=1))[:, None]
    sparse = _shares(before + after) * smaller < FEWEST_EXPECTED
    sides = _sums(old, sparse), _sums(new, sparse)
    share = sum(side.scores.sum(axis=1) for side in sides) / (sides[0].n + sides[1].n)[:, None]
    judged = difference(*sides, share * (1 - share), is_standing=is_standing)
    used = np.column_stack([~sparse, share[:, -1:] * smaller >= FEWEST_EXPECTED])
    least = np.where(used, judged.p_value, 1.0).min(axis=1)
    return np.minimum(1.0, least * np.maximum(used.sum(axis=1), 1)), judged.error[:, :-1]


def _sums(counts: FloatArray, sparse: NDArray[np.bool_]) -> Sums:
    """Of every bin, and last of the sparse ones together."""
    together = (counts * sparse[:, None, :]).sum(axis=2, keepdims=True)
    return Sums(np.concatenate([counts, together], axis=2), counts.sum(axis=2))


def _ranks_p_value(old: FloatArray, new: FloatArray, pooled: FloatArray, *, is_standing: bool) -> FloatArray:
    """By segment the chance of the difference of mean ridits."""
    ranks = _ridits(pooled)
    variance = (pooled * (ranks - 0.5) ** 2).sum(axis=1) / np.maximum(pooled.sum(axis=1), 1)
    sides = [Sums((side * ranks[:, None, :]).sum(axis=2, keepdims=True), side.sum(axis=2)) for side in (old, new)]
    return difference(sides[0], sides[1], variance[:, None], is_standing=is_standing).p_value[:, 0]


def _missing_p_value(old: Counts, new: Counts, *, is_standing: bool) -> FloatArray:
    """By segment the chance of the difference of the shares of rows without a value."""
    sides = [Sums(side[:, :, -1:].astype(np.float64), side.sum(axis=2).astype(np.float64)) for side in (old, new)]
    share = sum(side.scores.sum(axis=1) for side in sides) / (sides[0].n + sides[1].n)[:, None]
    return difference(sides[0], sides[1], share * (1 - share), is_standing=is_standing).p_value[:, 0]


def _ridits(counts: FloatArray) -> FloatArray:
    share = _shares(counts)
    return np.cumsum(share, axis=1) - share / 2

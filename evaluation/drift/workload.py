"""A label against the workload that it should follow: the same level, and other work behind it.

Two comparisons, neither of which sees how often a label is given or how busy a hospital is:

- by visit, the mean rank of a level's workload among all visits of its window (its ridit: Bross, Biometrics 14 (1958)
  18). When everything takes longer, ranks of a level stay; when level 2 is given to other patients, they move. All
  levels of a pair are judged at once, by the covariance of their means (Wald), which is widened where the visits of a
  day resemble each other (Rao & Scott, JASA 76 (1981) 221).
- by day, the label's count for each unit of the day's workload.

What does not belong here: which pairs there are (``pair_policy``) and reading them.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.pair_policy import Pair, PairRule
from evaluation.drift.values import SEPARATED

Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class PairSample:
    """One window of a pair, a row for each visit (or day and level): four vectors of one length.

    ``workload`` is the visit's, or the label's count for each unit of the day's workload; ``counts`` is that count, and
    empty where visits are compared. ``days`` are ordinals, ``within`` what ranks are taken inside of.
    """

    levels: Strings
    workload: FloatArray
    days: NDArray[np.int64]
    within: Strings
    counts: FloatArray


def compare_pair(pair: Pair, before: PairSample, after: PairSample, rule: PairRule, compared: Comparisons) -> None:
    """Hold every level that both windows have against its workload."""
    levels = sorted(set(before.levels.tolist()) & set(after.levels.tolist()))
    if pair.each == "day":
        for level in levels:
            _compare_days(pair, level, before, after, rule, compared)
        return
    enough = [one for one in levels if min((side.levels == one).sum() for side in (before, after)) >= rule.fewest]
    if len(enough) > 1:
        _compare_ranks(pair, enough, before, after, rule, compared)


# -- by visit

OWN_CHANCE = 1.96
"""Standard errors by which a level must have moved itself to be named, once its pair has moved beyond chance."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """The mean rank of each level, the covariance of these means, and each level's visits and median workload."""

    means: FloatArray
    covariance: FloatArray
    sizes: list[int]
    medians: list[float]


def _compare_ranks(
    pair: Pair, levels: list[str], before: PairSample, after: PairSample, rule: PairRule, compared: Comparisons
) -> None:
    old, new = (_standing(one, levels) for one in (before, after))
    moved, covariance = new.means - old.means, old.covariance + new.covariance
    p_value = _wald(moved, covariance, min(*old.sizes, *new.sizes))
    errors = np.sqrt(np.diag(covariance))
    for n, level in enumerate(levels):
        is_moved = abs(moved[n]) >= rule.moved_rank and abs(moved[n]) >= OWN_CHANCE * errors[n]
        compared.add(p_value, _rank_finding(pair, level, n, old, new) if is_moved else None)


def _standing(sample: PairSample, levels: list[str]) -> _Standing:
    """Rank the visits of some levels among each other, each place by itself, and see how sure the means are."""
    kept = np.isin(sample.levels, levels)
    label, load, place = sample.levels[kept], sample.workload[kept], sample.within[kept]
    means, influence = np.zeros(len(levels)), np.zeros((load.size, len(levels)))
    for n, level in enumerate(levels):
        mine = label == level
        for here in (place == one for one in np.unique(place)):
            beaten, beating = _shares_below(load[here], load[here]), 1 - _shares_below(load[here & mine], load[here])
            influence[here, n] = mine[here] * beaten * load.size / mine.sum()
            part = (here & mine).sum() / mine.sum()
            means[n] += part * beating.mean() if part else 0
            influence[here, n] += part * load.size / here.sum() * (beating - beating.mean()) if part else 0
        influence[mine, n] -= means[n] * load.size / mine.sum()
    by_level = [load[label == level] for level in levels]
    covariance = _covariance(influence, sample.days[kept])
    return _Standing(means, covariance, [one.size for one in by_level], [float(np.median(one)) for one in by_level])


def _shares_below(among: FloatArray, values: FloatArray) -> FloatArray:
    """Return for each value the share of others that are smaller, equal ones counted half."""
    ordered = np.sort(among)
    sides = [np.searchsorted(ordered, values, side) for side in ("left", "right")]
    return (sides[0] + sides[1]) / 2 / max(ordered.size, 1)


def _covariance(influence: FloatArray, days: NDArray[np.int64]) -> FloatArray:
    """Return the covariance of means over independent visits, widened where visits of one day tell less."""
    alone = influence.T @ influence / influence.shape[0] ** 2
    _, which = np.unique(days, return_inverse=True)
    sums = np.stack([np.bincount(which, weights=column) for column in influence.T])
    by_day = (sums**2).sum(axis=1) / influence.shape[0] ** 2 * sums.shape[1] / max(sums.shape[1] - 1, 1)
    spread = np.diag(alone)
    widened = np.divide(by_day, spread, out=np.ones_like(spread), where=spread > 0)
    return alone * max(1.0, float(widened.mean()))


def _wald(moved: FloatArray, covariance: FloatArray, fewest: int) -> float:
    """Return the p of no movement, by F because the covariance is known no better than by the ``fewest`` of a level.

    Weighted means of all levels sum to a constant, so that one degree of freedom is less.
    """
    from scipy.stats import f

    statistic = float(moved @ np.linalg.pinv(covariance, rcond=1e-8, hermitian=True) @ moved)
    return float(f.sf(statistic / (moved.size - 1), moved.size - 1, fewest - 1))


def _rank_finding(pair: Pair, level: str, n: int, old: _Standing, new: _Standing) -> Finding:
    before, after = float(old.means[n]), float(new.means[n])
    more = "more" if after > before else "less"
    said = (
        f"{level} stands for {more} work than before: its {_words(pair)} had a mean rank of {before:.2f} and has "
        f"{after:.2f} (median {old.medians[n]:.4g} and {new.medians[n]:.4g}). The label may mean something else."
    )
    shown, sizes = (f"rank {before:.2f}", f"rank {after:.2f}"), (old.sizes[n], new.sizes[n])
    return _finding(pair, "label_rank", level, shown, sizes, abs(after - before), said)


# -- by day


def _compare_days(
    pair: Pair, level: str, before: PairSample, after: PairSample, rule: PairRule, compared: Comparisons
) -> None:
    from scipy.stats import ks_2samp, mannwhitneyu

    sides = [one.workload[one.levels == level] for one in (before, after)]
    counts = [float(np.median(one.counts[one.levels == level])) for one in (before, after)]
    if min(side.size for side in sides) < rule.fewest_days or max(counts) < rule.at_least:
        return
    old, new = (float(np.median(side)) for side in sides)
    p_value = float(mannwhitneyu(sides[0], sides[1], alternative="two-sided").pvalue)
    spreads = abs(new - old) / max(float(sides[0].std(ddof=1)), 1e-9)
    ratio = max(old, new) / max(min(old, new), 1e-9)
    finding = None
    distance, _ = cast("tuple[float, float]", tuple(ks_2samp(sides[0], sides[1])))
    is_apart = distance >= SEPARATED
    if is_apart and spreads >= rule.moved_spreads and ratio >= rule.moved_ratio:
        said = (
            f"{new:.3g} of {level} a day for each of {_words(pair)}, {old:.3g} before; the label no longer "
            "follows the workload that it stands for."
        )
        shown, sizes = (f"{old:.3g}", f"{new:.3g}"), (sides[0].size, sides[1].size)
        finding = _finding(pair, "label_rate", level, shown, sizes, spreads, said)
    compared.add(p_value, finding)


# -- telling


def _finding(
    pair: Pair, kind: str, level: str, shown: tuple[str, str], sizes: tuple[int, int], effect: float, said: str
) -> Finding:
    table, column = pair.label.table, pair.label.column
    return Finding(kind, table, column, level, pair.name, *shown, effect, 1.0, *sizes, f"{table}.{column}: {said}")


def _words(pair: Pair) -> str:
    load = pair.workload
    return f"{load.table}.{load.column or (f'{load.from_} to {load.until}' if load.until else 'visits')}"

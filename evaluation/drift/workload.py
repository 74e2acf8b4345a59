"""A label against the workload that it should follow: the same level, and other work behind it.

Two comparisons, neither of which sees how often a label is given or how busy a hospital is:

- by visit, the mean rank of a level's workload (its ridit: Bross, Biometrics 14 (1958) 18) among visits of which every
  level has a fixed share, that of the window before, in both windows. When everything takes longer, ranks of a level
  stay; when level 2 is given to other patients, they move. Among all visits of its own window, a level would also rank
  lower in a week with more of the heavier ones, though each means what it meant: ranks that do not depend on how many
  there are of each are pseudo-ranks (Brunner, Bathke & Konietschke, Rank and Pseudo-Rank Procedures, Springer 2018,
  chapter 2; there with equal shares). All levels of a pair are judged at once, by the covariance of their means (Wald),
  which is widened where the visits of a day resemble each other (Rao & Scott, JASA 76 (1981) 221).
- by day, the label's count for each unit of the day's workload.

What does not belong here: which pairs there are (``pair_policy``) and reading them.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.daily_counts import of_slow_days
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
    shares = _shares(before, after, enough)
    if len(shares.levels) > 1:
        _compare_ranks(pair, shares, before, after, rule, compared)


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


@dataclass(frozen=True, slots=True)
class _Shares:
    """What both windows are weighed by: ``of_place`` places x levels, a place's visits by level (rows add up to 1);
    ``of_level`` the same shape, a level's visits by place (columns add up to 1)."""

    levels: list[str]
    places: list[str]
    of_place: FloatArray
    of_level: FloatArray


def _shares(before: PairSample, after: PairSample, levels: list[str]) -> _Shares:
    """Shares of the window before, of levels that both windows have at a place; a level that is nowhere is left out."""
    places = sorted(set(before.within.tolist()) & set(after.within.tolist()))
    old, new = (
        np.array([[((one.within == place) & (one.levels == level)).sum() for level in levels] for place in places])
        .reshape(len(places), len(levels))
        .astype(np.float64)
        for one in (before, after)
    )
    counts = np.where(new > 0, old, 0.0)
    kept, known = counts.sum(axis=1) > 0, counts.sum(axis=0) > 0
    counts = counts[kept][:, known]
    names = [level for level, is_known in zip(levels, known, strict=True) if is_known]
    where = [place for place, is_kept in zip(places, kept, strict=True) if is_kept]
    if not names:
        return _Shares([], [], counts, counts)
    return _Shares(names, where, counts / counts.sum(axis=1, keepdims=True), counts / counts.sum(axis=0))


def _compare_ranks(
    pair: Pair, shares: _Shares, before: PairSample, after: PairSample, rule: PairRule, compared: Comparisons
) -> None:
    old, new = (_standing(one, shares) for one in (before, after))
    moved, covariance = new.means - old.means, old.covariance + new.covariance
    p_value = _wald(moved, covariance, min(*old.sizes, *new.sizes))
    errors = np.sqrt(np.diag(covariance))
    for n, level in enumerate(shares.levels):
        is_moved = abs(moved[n]) >= rule.moved_rank and abs(moved[n]) >= OWN_CHANCE * errors[n]
        compared.add(p_value, _rank_finding(pair, level, n, old, new) if is_moved else None)


def _standing(sample: PairSample, shares: _Shares) -> _Standing:
    """Rank the visits of some levels among each other, each place by itself, and see how sure the means are.

    A level's mean is the chance that its visit is the heavier one, of a place drawn by the level's shares, against a
    visit of a level drawn by the place's shares. Its influence is that of each visit on these chances.
    """
    means, influence = np.zeros(len(shares.levels)), np.zeros((sample.levels.size, len(shares.levels)))
    for h, place in enumerate(shares.places):
        cells = [np.flatnonzero((sample.within == place) & (sample.levels == level)) for level in shares.levels]
        for n, mine in enumerate(cells):
            for m, others in enumerate(cells):
                weight = shares.of_level[h, n] * shares.of_place[h, m]
                if not weight:
                    continue
                beaten = _shares_below(sample.workload[others], sample.workload[mine])
                beating = 1 - _shares_below(sample.workload[mine], sample.workload[others])
                means[n] += weight * beaten.mean()
                influence[mine, n] += weight * (beaten - beaten.mean()) / mine.size
                influence[others, n] += weight * (beating - beating.mean()) / others.size
    by_level = [sample.workload[sample.levels == level] for level in shares.levels]
    covariance = _covariance(influence, sample.days)
    return _Standing(means, covariance, [one.size for one in by_level], [float(np.median(one)) for one in by_level])


def _shares_below(among: FloatArray, values: FloatArray) -> FloatArray:
    """Return for each value the share of others that are smaller, equal ones counted half."""
    ordered = np.sort(among)
    sides = [np.searchsorted(ordered, values, side) for side in ("left", "right")]
    return (sides[0] + sides[1]) / 2 / max(ordered.size, 1)


def _covariance(influence: FloatArray, days: NDArray[np.int64]) -> FloatArray:
    """Return the covariance of means over independent visits, widened where visits of one day tell less."""
    alone = influence.T @ influence
    _, which = np.unique(days, return_inverse=True)
    sums = np.stack([np.bincount(which, weights=column) for column in influence.T])
    by_day = (sums**2).sum(axis=1) * sums.shape[1] / max(sums.shape[1] - 1, 1)
    spread = np.diag(alone)
    widened = np.divide(by_day, spread, out=np.ones_like(spread), where=spread > 0)
    return alone * max(1.0, float(widened.mean()))


def _wald(moved: FloatArray, covariance: FloatArray, fewest: int) -> float:
    """Return the p of no movement, by F because the covariance is known no better than by the ``fewest`` of a level.

    Means of all levels, weighed by their shares, sum to a half in both windows, so that one degree of freedom is less.
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

    sides = [_of_days(one, level) for one in (before, after)]
    counts = [float(np.median(one.counts[one.levels == level])) for one in (before, after)]
    if min(side.size for side in sides) < rule.fewest_days or max(counts) < rule.at_least:
        return
    old, new = (float(np.median(side)) for side in sides)
    by_rank = float(mannwhitneyu(sides[0], sides[1], alternative="two-sided").pvalue)
    p_value = max(by_rank, of_slow_days(*sides))  # days that follow each other resemble each other
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


def _of_days(sample: PairSample, level: str) -> FloatArray:
    """A level's count for each unit of a day's workload, in the order of the days."""
    mine = np.flatnonzero(sample.levels == level)
    return sample.workload[mine[np.argsort(sample.days[mine], kind="stable")]]


# -- telling


def _finding(
    pair: Pair, kind: str, level: str, shown: tuple[str, str], sizes: tuple[int, int], effect: float, said: str
) -> Finding:
    table, column = pair.label.table, pair.label.column
    return Finding(kind, table, column, level, pair.name, *shown, effect, 1.0, *sizes, f"{table}.{column}: {said}")


def _words(pair: Pair) -> str:
    load = pair.workload
    return f"{load.table}.{load.column or (f'{load.from_} to {load.until}' if load.until else 'visits')}"

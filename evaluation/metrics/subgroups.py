"""The same figures for parts of the population, without giving anybody away.

Here belong figures by subgroup, their gaps, and the suppression of small cells. Which gap is too wide is a
policy's decision.

Suppression, per attribute (a missing value is the group ``NOT_RECORDED``, so that groups partition the rows):

1. a group with fewer than ``MIN_CELL`` rows, events or non-events shows no number at all;
2. then, as long as what is hidden could be found by subtracting from the totals (one group hidden alone, or
   the hidden ones together below ``MIN_CELL``), the next smallest group hides its counts, not its figures;
3. the counts beside a gap are rounded down to ``COUNT_STEP``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.performance import auroc, auroc_and_variance
from evaluation.metrics.sample import Attribute, FloatArray, MetricInputError, checked

MIN_CELL = 11
"""Counts of 1 to 10 are not shown: CMS cell size suppression policy (CMS-ResDAC, 2020)."""
COUNT_STEP = 10
MIN_EVENTS_TO_JUDGE = 20
"""Events, and non-events, that a group needs before its figures enter a gap.

Below this the interval of an AUROC no longer keeps its 95 % (see the coverage test of this package)."""
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class SubgroupRow:
    """One group. ``n`` and ``n_events`` are ``None`` where hidden, figures where suppressed.

    ``calibration``: observed share minus mean prediction, in risk (0.01: one in 100 more than foreseen).
    """

    attribute: str
    group: str
    n: int | None
    n_events: int | None
    auroc: Figure | None
    calibration: Figure | None
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Largest minus smallest figure over the groups that can be judged, and which two they are."""

    figure: Figure
    lowest: str | None
    highest: str | None


@dataclass(frozen=True, slots=True)
class SubgroupReport:
    """Rows by attribute and group; gaps by attribute."""

    rows: tuple[SubgroupRow, ...]
    auroc_gaps: Mapping[str, Gap]
    calibration_gaps: Mapping[str, Gap]


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    name: str
    outcome: FloatArray
    score: FloatArray

    @property
    def n(self) -> int:
        return self.outcome.size

    @property
    def events(self) -> int:
        return int(self.outcome.sum())

    @property
    def smallest_cell(self) -> int:
        return min(self.events, self.n - self.events)


def subgroups(y: ArrayLike, p: ArrayLike, attributes: Mapping[str, Attribute]) -> SubgroupReport:
    """Figures by every attribute (name to one value per row, ``None`` where not recorded)."""
    outcome, score = checked(y, p)
    rows: list[SubgroupRow] = []
    auroc_gaps: dict[str, Gap] = {}
    calibration_gaps: dict[str, Gap] = {}
    for attribute, values in attributes.items():
        groups = _partition(attribute, outcome, score, values)
        rows += _rows(attribute, groups)
        judged = [group for group in groups if group.smallest_cell >= MIN_EVENTS_TO_JUDGE]
        auroc_gaps[attribute] = _gap(judged, _auroc_estimate)
        calibration_gaps[attribute] = _gap(judged, _calibration_estimate)
    return SubgroupReport(tuple(rows), auroc_gaps, calibration_gaps)


def _partition(attribute: str, outcome: FloatArray, score: FloatArray, values: Attribute) -> list[_Group]:
    if len(values) != outcome.size:
        raise MetricInputError(f"attribute {attribute} has {len(values)} rows; expected {outcome.size}.")
    labels = np.array([NOT_RECORDED if value is None else str(value) for value in values], dtype=object)
    return [_Group(name, outcome[labels == name], score[labels == name]) for name in sorted(set(labels))]


def _rows(attribute: str, groups: list[_Group]) -> list[SubgroupRow]:
    small = {group.name for group in groups if group.smallest_cell < MIN_CELL}
    hidden = small | _complement(groups, small)
    return [_row(attribute, group, group.name in small, group.name in hidden) for group in groups]


def _complement(groups: list[_Group], small: set[str]) -> set[str]:
    """Further groups whose counts must go, so that the hidden ones cannot be had by subtraction."""
    hidden = [group for group in groups if group.name in small]
    shown = sorted((group for group in groups if group.name not in small), key=lambda group: group.n)
    added: set[str] = set()
    while hidden and shown and _is_derivable(hidden):
        hidden.append(shown.pop(0))
        added.add(hidden[-1].name)
    return added


def _is_derivable(hidden: list[_Group]) -> bool:
    events, rows = sum(group.events for group in hidden), sum(group.n for group in hidden)
    return len(hidden) == 1 or min(events, rows - events) < MIN_CELL


def _row(attribute: str, group: _Group, is_small: bool, is_hidden: bool) -> SubgroupRow:
    if is_small:
        return SubgroupRow(attribute, group.name, None, None, None, None, suppressed=True)
    ranking, (difference, variance) = auroc(group.outcome, group.score), _calibration_estimate(group)
    n, events = (None, None) if is_hidden else (group.n, group.events)
    return SubgroupRow(
        attribute,
        group.name,
        n,
        events,
        Figure(ranking.value, ranking.lower, ranking.upper, n, events),
        Figure(difference, *intervals.normal(difference, variance), n, events),
        suppressed=False,
    )


def _auroc_estimate(group: _Group) -> tuple[float, float]:
    return auroc_and_variance(group.outcome, group.score)


def _calibration_estimate(group: _Group) -> tuple[float, float]:
    """Observed minus predicted, and its variance."""
    difference = group.outcome - group.score
    return float(difference.mean()), float(difference.var(ddof=1)) / difference.size


def _gap(judged: list[_Group], estimate: Callable[[_Group], tuple[float, float]]) -> Gap:
    """The gap between the extreme groups, with the normal interval of a difference of independent groups.

    The two groups were picked for being extreme, which widens the gap by chance where there are many groups:
    the figure errs on the side of caution.
    """
    if len(judged) < 2:
        return Gap(Figure(None), None, None)
    ranked = sorted(((*estimate(group), group) for group in judged), key=lambda item: item[0])
    (low, low_variance, lowest), (high, high_variance, highest) = ranked[0], ranked[-1]
    lower, upper = intervals.normal(high - low, low_variance + high_variance)
    least = min(judged, key=lambda group: group.events)
    figure = Figure(high - low, max(0.0, lower), min(1.0, upper), _rounded_down(least.n), _rounded_down(least.events))
    return Gap(figure, lowest.name, highest.name)


def _rounded_down(count: int) -> int:
    return count - count % COUNT_STEP

"""Values of one code in one unit, and counts taken day by day, before and after.

What does not belong here: shares of categories, and labels.
"""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.conversions import likely_conversion
from evaluation.drift.daily_counts import of_slow_days
from evaluation.drift.semantic_policy import SeriesRule, ValueRule


@dataclass(frozen=True, slots=True)
class ValueSample:
    """Values of one code in one unit, one for each visit; of a series one for each day, in order."""

    table: str
    column: str
    item: str
    unit: str
    before: FloatArray
    after: FloatArray
    is_series: bool = False


def compare_values(sample: ValueSample, rule: ValueRule, compared: Comparisons) -> None:
    if min(sample.before.size, sample.after.size) < rule.fewest:
        return
    from scipy.stats import ks_2samp

    statistic, p_value = cast("tuple[float, float]", tuple(ks_2samp(sample.before, sample.after, method="asymp")))
    compared.add(float(p_value), _value_finding(sample, rule, float(statistic)))


def _value_finding(sample: ValueSample, rule: ValueRule, distance: float) -> Finding | None:
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    spreads = abs(new - old) / _spread(sample)
    ratio = max(new / old, old / new) if old > 0 and new > 0 else 1.0
    moved = spreads >= rule.moved_spreads or (ratio >= rule.moved_ratio and distance >= rule.moved_distance / 2)
    if not moved and distance < rule.moved_distance:
        return None
    return _moved(sample, distance)


def _moved(sample: ValueSample, distance: float) -> Finding:
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    conversion = likely_conversion(sample.before, sample.after)
    as_if = f" It looks like {conversion}." if conversion else ""
    unit = f" {sample.unit}" if sample.unit else ""
    where = f"{sample.table}.{sample.column}" + (f" of {sample.item}" if sample.item else "")
    return Finding(
        kind="values_moved",
        table=sample.table,
        column=sample.column,
        item=sample.item,
        category=sample.unit,
        before=f"{old:.4g}{unit}",
        after=f"{new:.4g}{unit}",
        effect=abs(new - old) / _spread(sample),
        p_value=1.0,
        before_n=int(sample.before.size),
        after_n=int(sample.after.size),
        sentence=f"{where}: the median went from {old:.4g} to {new:.4g}{unit}, {distance:.0%} of values moved.{as_if}",
    )


SEPARATED = 0.9
"""Distance of two distributions of days that hardly overlap."""


def compare_series(sample: ValueSample, rule: SeriesRule, compared: Comparisons) -> None:
    if min(sample.before.size, sample.after.size) < rule.fewest_days:
        return
    from scipy.stats import ks_2samp

    statistic, p_value = cast("tuple[float, float]", tuple(ks_2samp(sample.before, sample.after, method="exact")))
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    smaller, larger = sorted((max(old, rule.at_least), max(new, rule.at_least)))
    is_moved = statistic >= SEPARATED and larger / max(smaller, 1e-9) >= rule.moved_ratio
    likely = max(float(p_value), of_slow_days(sample.before, sample.after))
    compared.add(likely, _moved(sample, statistic) if is_moved else None)


def _spread(sample: ValueSample) -> float:
    """The usual spread of both windows: their interquartile ranges as standard deviations, never nothing."""
    ranges = [float(np.subtract(*np.percentile(part, [75, 25]))) / 1.349 for part in (sample.before, sample.after)]
    pooled = math.sqrt((ranges[0] ** 2 + ranges[1] ** 2) / 2)
    return pooled or max(float(np.std(np.concatenate([sample.before, sample.after]))), 1e-9)

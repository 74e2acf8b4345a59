"""Fields that are no longer filled and outcomes that vanish: their share of visits in the last days, and before.

Whether chance explains it is asked exactly (the hypergeometric distribution: Fisher, 1934), because what is rare, as
deaths are, is far from normal; visits are counted for as many as they tell where days differ more than chance makes
them (Rao & Scott, JASA 76 (1981) 221). A field that begins to be filled is no finding. What does not belong here:
shares of codes (``shares``), and records that do not come at all (``volume``).
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.daily_counts import Tried, compare_spans, dispersion, since, widened
from evaluation.drift.flow_policy import FillingRule
from evaluation.drift.shares import arcsine


@dataclass(frozen=True, slots=True, eq=False)
class FillingSample:
    """Visits by day, in order: how many there were, and in how many a field was filled or an outcome came about.

    ``outcome`` names the outcome, and is empty where a field is merely filled or not.
    """

    table: str
    column: str
    outcome: str
    days: tuple[date, ...]
    is_after: NDArray[np.bool_]
    filled: FloatArray
    visits: FloatArray


def compare_filling(sample: FillingSample, rule: FillingRule, compared: Comparisons) -> None:
    before = ~sample.is_after & (sample.visits > 0)
    if sample.visits[before].sum() < rule.fewest or sample.filled[before].sum() == 0:
        return
    after = [n for n in np.flatnonzero(sample.is_after).tolist() if sample.visits[n] > 0]
    tried = (_tried(sample, before, after, span, rule) for span in rule.spans_days if span <= len(after))
    compare_spans(tried, compared)


def _tried(
    sample: FillingSample, before: NDArray[np.bool_], after: list[int], span: int, rule: FillingRule
) -> Tried | None:
    last = after[-span:]
    found, visits = float(sample.filled[last].sum()), float(sample.visits[last].sum())
    if visits < rule.fewest:
        return None
    old = float(sample.filled[before].sum() / sample.visits[before].sum())
    p_value = _fewer_by_chance(sample, before, found, visits, span)
    new = found / visits
    is_less = old - new >= rule.lost_share and span == max(rule.spans_days)
    if new > rule.gone_ratio * old and not is_less:
        return Tried(p_value, None)
    return Tried(p_value, _finding(sample, before, after, last, rule))


def _fewer_by_chance(sample: FillingSample, before: NDArray[np.bool_], found: float, visits: float, span: int) -> float:
    """Return the two-sided p of so few among the last visits, if they were drawn from all."""
    from scipy.stats import hypergeom

    filled, of = float(sample.filled[before].sum()), float(sample.visits[before].sum())
    share = filled / of
    spread = np.sqrt(sample.visits[before] * share * (1 - share))
    away = sample.filled[before] - share * sample.visits[before]
    residuals = np.divide(away, spread, out=np.zeros_like(away), where=spread > 0)
    wide = dispersion(residuals, residuals.size - 1)
    told_now, told_before = 1 / (wide * widened(residuals, span)), 1 / wide
    n, k = math.floor(visits * told_now), math.ceil(found * told_now)
    m, j = math.floor(of * told_before), math.floor(filled * told_before)
    return min(1.0, 2 * float(hypergeom.cdf(k, n + m, k + j, n)))


def _finding(
    sample: FillingSample, before: NDArray[np.bool_], after: list[int], last: list[int], rule: FillingRule
) -> Finding:
    old = float(sample.filled[before].sum() / sample.visits[before].sum())
    new = float(sample.filled[last].sum() / sample.visits[last].sum())
    is_gone = new <= rule.gone_ratio * old
    days, halfway = [sample.days[n] for n in after], (old + max(rule.gone_ratio * old, old - rule.lost_share)) / 2
    first = since(days, [bool(sample.filled[n] < halfway * sample.visits[n]) for n in after])
    what, kind = (f"{sample.outcome} came about", "outcome") if sample.outcome else ("filled", "field")
    before_n, after_n = int(sample.visits[before].sum()), int(sample.visits[last].sum())
    expected = old * after_n
    return Finding(
        kind=f"{kind}_{'gone' if is_gone else 'less'}",
        table=sample.table,
        column=sample.column,
        item=sample.outcome,
        category="",
        before=f"{old:.1%}",
        after=f"{new:.1%}",
        effect=arcsine(old, new),
        p_value=1.0,
        before_n=before_n,
        after_n=after_n,
        sentence=(
            f"{sample.table}.{sample.column}: {what} in {float(sample.filled[last].sum()):,.0f} of {after_n:,} visits "
            f"until {sample.days[last[-1]]}, where {expected:,.0f} were to be expected ({new:.1%}, and {old:.1%} "
            f"before); since {first}. What is not sent is not known to be absent: ask the source whether it still "
            "sends it."
        ),
        since=str(first),
    )

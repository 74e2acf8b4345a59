"""Counts of days, the last ones against those before: how far days lie apart, and from when on the last ones differ.

Counts of a day are wider than chance alone makes them (a busy day is busy throughout), and one day resembles the next:
variances are multiplied by what the days before show (Pearson's dispersion, never below 1: McCullagh & Nelder,
Generalized Linear Models, 2nd ed. (1989), 4.5.2) and, over several days, by what a day takes over from the day before
(first-order autocorrelation, corrected as in ``chance``). Means of days are held against each other in the same way.
What does not belong here: which difference matters.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray

WEEK = 7
CARRIED_AT_MOST = 0.9
LEAST_TOLD = 0.25
"""Of the variance of slow days, the least share that a window of them is taken to show."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The last days of one span: their probability by chance, and what it says: null where it is too small."""

    p_value: float
    finding: Finding | None


def compare_spans(tried: Iterable[Tried | None], compared: Comparisons) -> None:
    """Count one comparison for all spans of a subject that could be tried: the surest that matters, its probability by
    Bonferroni."""
    enough = [one for one in tried if one is not None]
    if enough:
        best = min([one for one in enough if one.finding is not None] or enough, key=lambda one: one.p_value)
        compared.add(min(1.0, best.p_value * len(enough)), best.finding)


def dispersion(residuals: FloatArray, freedom: int) -> float:
    """Return by how much days vary more than chance makes them; ``residuals`` are Pearson's, of days in order."""
    return max(1.0, float((residuals**2).sum()) / max(freedom, 1))


def widened(residuals: FloatArray, days: int) -> float:
    """Return by how much the variance of a sum of ``days`` is larger than that of as many independent days."""
    squares = float((residuals**2).sum())
    found = float((residuals[1:] * residuals[:-1]).sum()) / squares if squares > 0 else 0.0
    if found <= 0:
        return 1.0
    carried = min(found + (1 + 3 * found) / residuals.size, CARRIED_AT_MOST)
    return 1.0 + 2.0 * sum((1 - lag / days) * carried**lag for lag in range(1, days))


def of_slow_days(before: FloatArray, after: FloatArray) -> float:
    """Return the two-sided p of a difference of means by Student's t, where a day takes over from the day before.

    ``before`` and ``after`` are one value for each day, in order. A ward that empties is empty for a week: its days are
    few independent ones, and seven of them below all before are no wonder. The variance of both means is multiplied as
    by ``widened``, and that of the days before corrected for the part of a slow wave that lies between windows and not
    within one.
    """
    from scipy.special import stdtr

    away = before - before.mean()
    wide_before, wide_after = widened(away, before.size), widened(away, after.size)
    variance = float((away**2).sum()) / (before.size - 1) / max(1 - wide_before / before.size, LEAST_TOLD)
    error = math.sqrt(variance * (wide_before / before.size + wide_after / after.size))
    return float(2 * stdtr(before.size - 1, -abs(float(after.mean() - before.mean())) / max(error, 1e-9)))


def since(days: Sequence[date], is_beyond: Sequence[bool]) -> date:
    """Return the first of the last days in a row that are beyond what is usual; the last day where it is not."""
    first = len(days) - 1
    while first > 0 and is_beyond[first] and is_beyond[first - 1]:
        first -= 1
    return days[first]

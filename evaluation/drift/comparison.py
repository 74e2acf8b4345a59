"""How far one feature moved between two windows: an effect size, a distance and a probability of chance.

Here belong the comparisons of one feature's values, in numpy and scipy. What counts as drift is decided in
``verdict``; the evidently report is in ``evidently_report``.

All effects are standardised differences, so that numeric and categorical features share one scale: 0.2 is a
fifth of a standard deviation (Austin, Statistics in Medicine 28 (2009) 3083; for several categories Yang &
Dalton, SAS Global Forum 2012, paper 335). The distance is the largest gap of the two cumulative distributions
(Kolmogorov-Smirnov) or, for categories, the total variation: at most 1, the share of rows that moved.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CONSTANT_MOVED = 10.0
"""Effect of a constant that became another constant, where a standard deviation has no value: enormous."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``effect`` >= 0 in standard deviations, ``distance`` 0..1, ``p_value`` of no difference at all."""

    effect: float
    distance: float
    p_value: float


def compare_numeric(reference: FloatArray, current: FloatArray) -> Comparison:
    """Compare two vectors without NaN, each with at least two rows."""
    from scipy.stats import ks_2samp

    statistic, p_value = cast("tuple[float, float]", tuple(ks_2samp(reference, current, method="asymp")))
    pooled = math.sqrt((float(reference.var(ddof=1)) + float(current.var(ddof=1))) / 2)
    shift = abs(float(current.mean()) - float(reference.mean()))
    effect = shift / pooled if pooled > 0 else (0.0 if shift == 0 else CONSTANT_MOVED)
    return Comparison(effect, float(statistic), float(p_value))


def compare_categories(reference: Sequence[str], current: Sequence[str]) -> Comparison:
    """Compare two lists of category names; a category may be absent from one of them."""
    names, codes = np.unique(np.concatenate([np.asarray(reference), np.asarray(current)]), return_inverse=True)
    cut = len(reference)
    counts = np.stack([np.bincount(part, minlength=names.size) for part in (codes[:cut], codes[cut:])])
    return compare_counts(counts)


def compare_counts(counts: NDArray[np.intp]) -> Comparison:
    """Compare two rows of category counts (shape [2, categories], every column with a count)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[1] - shares[0]).sum() / 2)
    return Comparison(_standardised(shares), distance, _chi_square_p(counts))


def _standardised(shares: FloatArray) -> float:
    """Mahalanobis distance of two vectors of shares (less the last) in their mean multinomial spread."""
    if shares.shape[1] < 2:
        return 0.0
    head = shares[:, :-1]
    spread = np.mean([np.diag(row) - np.outer(row, row) for row in head], axis=0)
    shift = head[1] - head[0]
    return math.sqrt(max(0.0, float(shift @ np.linalg.pinv(spread) @ shift)))


def _chi_square_p(counts: NDArray[np.intp]) -> float:
    from scipy.stats import chi2_contingency

    if counts.shape[1] < 2:
        return 1.0
    result = cast("tuple[float, float]", tuple(chi2_contingency(counts, correction=True)))
    return float(result[1])


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Benjamini & Hochberg (1995): p-values whose threshold controls the false discovery rate, in order."""
    if not p_values:
        return []
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty(p.size)
    result[order] = np.minimum(monotone, 1.0)
    return [float(value) for value in result]

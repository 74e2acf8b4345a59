"""95 % confidence intervals that several metrics share.

Here belong formulas that know nothing of models or outcomes; every public function gives (lower, upper).
"""

import math
from statistics import NormalDist

import numpy as np

from evaluation.evidence import Figure
from evaluation.metrics.sample import FloatArray

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def wilson(events: int, n: int) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927), ``n`` >= 1."""
    share, z2 = events / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At the ends the bound is 0 or 1 by algebra; rounding must not push it past the share itself.
    return (0.0 if events == 0 else max(0.0, centre - half), 1.0 if events == n else min(1.0, centre + half))


def difference(one: Figure, other: Figure) -> tuple[float, float]:
    """Interval of the difference ``one`` - ``other`` of two independent shares with their Wilson intervals (Newcombe
    1998, method 10)."""
    p, low, high = _bounded(one)
    q, lowest, highest = _bounded(other)
    d = p - q
    return d - math.hypot(p - low, highest - q), d + math.hypot(high - p, q - lowest)


def _bounded(share: Figure) -> tuple[float, float, float]:
    if share.value is None or share.lower is None or share.upper is None:
        raise ValueError("a difference needs two shares with intervals")
    return share.value, share.lower, share.upper


def normal(value: float, variance: float) -> tuple[float, float]:
    """Symmetric interval of an estimate that is normal around its value."""
    half = Z * math.sqrt(variance)
    return value - half, value + half


def mean(values: FloatArray) -> tuple[float, float]:
    """Interval of the mean of independent rows; the two bounds coincide where there is one row."""
    variance = float(values.var(ddof=1)) / values.size if values.size > 1 else 0.0
    return normal(float(values.mean()), variance)


def share_on_logit(value: float, variance: float, weakest_count: int) -> tuple[float, float]:
    """Interval of a share estimated with ``variance``, made on the logit scale so that it stays in 0..1.

    Pepe, The Statistical Evaluation of Medical Tests (2003), section 5.2.4. Where the estimate is 0 or 1 or
    has no variance (full separation) the logit has no value; then the exact bound of ``weakest_count``
    successes out of as many trials stands in (Clopper & Pearson 1934), which is wide when the count is small.
    """
    if 0 < value < 1 and variance > 0:
        centre, half = math.log(value / (1 - value)), Z * math.sqrt(variance) / (value * (1 - value))
        return _logistic(centre - half), _logistic(centre + half)
    spare = 1 - ((1 - CONFIDENCE) / 2) ** (1 / weakest_count)
    return max(0.0, value - spare), min(1.0, value + spare)


def percentile(draws: FloatArray) -> tuple[float, float]:
    """Percentile bootstrap interval (Efron 1979)."""
    lower, upper = np.quantile(draws, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(lower), float(upper)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))

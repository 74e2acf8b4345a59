"""Whether a probability means what it says: slope, intercept, curve, score distribution.

Here belong figures of the level and spread of probabilities. Ranking is in ``performance``.

Definitions: Van Calster et al., BMC Medicine 17 (2019) 230. The *intercept* is calibration-in-the-large,
the intercept of a logistic model with the model's logit as offset (slope held at 1; 0 is ideal, above 0 the
model predicts too low). The *slope* is the coefficient of the logit (1 is ideal, below 1 too extreme).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.sample import FloatArray, NotEstimableError, checked, require_both_classes

LOGIT_CLIP = 1e-6
"""Probabilities are held this far from 0 and 1, where the logit is infinite: one in a million."""
CURVE_BINS = 10
_SEPARATED = "logistic recalibration has no finite maximum: the scores separate the classes."
_MAX_STEPS, _TOLERANCE, _RUNAWAY = 50, 1e-10, 50.0


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Logistic recalibration logit P(y) = intercept + slope * logit(p), both free (Cox 1958)."""

    intercept: float
    slope: float
    slope_variance: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One bin of the curve: mean prediction, observed share with Wilson's interval, rows."""

    predicted: float
    observed: float
    lower: float
    upper: float
    n: int


def calibration_slope(y: ArrayLike, p: ArrayLike) -> Figure:
    """Slope of the logistic recalibration, with Wald's interval.

    Raises :class:`NotEstimableError` with one class only, one distinct score, or scores that separate the
    classes (there the slope has no maximum).
    """
    outcome, _ = checked(y, p)
    fit = recalibrate(y, p)
    bounds = intervals.normal(fit.slope, fit.slope_variance)
    return Figure(fit.slope, *bounds, outcome.size, int(outcome.sum()))


def calibration_intercept(y: ArrayLike, p: ArrayLike) -> Figure:
    """Calibration-in-the-large on the logit scale, slope held at 1, with Wald's interval."""
    outcome, score = checked(y, p)
    require_both_classes(outcome)
    coefficients, covariance = _logistic_fit(np.ones((outcome.size, 1)), outcome, offset=logit(score))
    bounds = intervals.normal(coefficients[0], covariance[0, 0])
    return Figure(float(coefficients[0]), *bounds, outcome.size, int(outcome.sum()))


def recalibrate(y: ArrayLike, p: ArrayLike) -> Recalibration:
    """Fit intercept and slope together by maximum likelihood. Raises as :func:`calibration_slope`."""
    outcome, score = checked(y, p)
    require_both_classes(outcome)
    x = logit(score)
    if np.ptp(x) == 0:
        raise NotEstimableError("all scores are the same, so that the calibration slope has no value.")
    design = np.column_stack([np.ones(outcome.size), x])
    coefficients, covariance = _logistic_fit(design, outcome, offset=np.zeros(outcome.size))
    return Recalibration(float(coefficients[0]), float(coefficients[1]), float(covariance[1, 1]))


def calibration_curve(y: ArrayLike, p: ArrayLike, bins: int = CURVE_BINS) -> tuple[CalibrationBin, ...]:
    """Observed against predicted in ``bins`` groups of about equal size; equal scores are never parted.

    Fewer bins come back where many scores are equal.
    """
    outcome, score = checked(y, p)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    bin_of = np.searchsorted(edges, score, side="left")
    return tuple(_bin(outcome[bin_of == b], score[bin_of == b]) for b in np.unique(bin_of))


def score_shares(p: ArrayLike, bins: int = 20) -> tuple[float, ...]:
    """Share of rows in each of ``bins`` equal steps from 0 to 1, rounded to 1/1000 so that no count shows."""
    score = np.asarray(p, dtype=np.float64)
    counts, _ = np.histogram(score, bins=bins, range=(0.0, 1.0))
    return tuple(round(float(count) / score.size, 3) for count in counts)


def logit(p: FloatArray) -> FloatArray:
    """Log odds, with probabilities held ``LOGIT_CLIP`` away from 0 and 1."""
    held = np.clip(p, LOGIT_CLIP, 1 - LOGIT_CLIP)
    return np.log(held / (1 - held))


def _bin(outcome: FloatArray, score: FloatArray) -> CalibrationBin:
    n, events = outcome.size, int(outcome.sum())
    lower, upper = intervals.wilson(events, n)
    return CalibrationBin(float(score.mean()), events / n, lower, upper, n)


def _logistic_fit(design: FloatArray, y: FloatArray, offset: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Maximum likelihood by Newton's method with halving; coefficients and their covariance."""
    beta = np.zeros(design.shape[1])
    likelihood = _log_likelihood(design @ beta + offset, y)
    for _ in range(_MAX_STEPS):
        mean = _logistic(design @ beta + offset)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        step = _solve(information, design.T @ (y - mean))
        size = 1.0
        while (better := _log_likelihood(design @ (beta + size * step) + offset, y)) < likelihood and size > 1e-8:
            size /= 2
        beta, likelihood = beta + size * step, max(better, likelihood)
        if np.abs(beta).max() > _RUNAWAY:
            break
        if np.abs(step).max() < _TOLERANCE:
            return beta, np.asarray(np.linalg.inv(information), dtype=np.float64)
    raise NotEstimableError(_SEPARATED)


def _solve(information: FloatArray, gradient: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise NotEstimableError(_SEPARATED) from error


def _logistic(x: FloatArray) -> FloatArray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _log_likelihood(eta: FloatArray, y: FloatArray) -> float:
    return float(np.sum(y * eta - np.logaddexp(0, eta)))

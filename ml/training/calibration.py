"""From a booster's raw score (log-odds) to a calibrated probability.

Here belong the two calibrators, how each is fitted and the rule that chooses. Judging calibration on held-out
visits is `evaluation/metrics`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ml.training import BundleRefused

Vector = npt.NDArray[np.float64]

PRIOR_STRENGTH = 10.0
"""Weight of the prior "the raw score is right" (slope 1, intercept 0), in units of the log-likelihood's
curvature. With hundreds of events it is negligible; with a handful it keeps a small site from a wild
slope."""

ISOTONIC_MIN_EVENTS = 1000
"""Isotonic regression overfits small samples (Niculescu-Mizil and Caruana, ICML 2005: about 1000 cases)."""

ISOTONIC_MIN_GAIN = 0.01
"""Isotonic must lower the log loss of the latest slice by one per cent to be worth its steps and ties."""


@dataclass(frozen=True)
class Platt:
    """p = 1 / (1 + exp(-(slope * raw + intercept))) (Platt 1999); the slope is positive, so ranks are
    kept.
    """

    slope: float
    intercept: float

    def apply(self, raw: Vector) -> Vector:
        return 1.0 / (1.0 + np.exp(-np.clip(self.slope * raw + self.intercept, -500, 500)))

    def to_json(self) -> dict[str, object]:
        return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """Linear between the knots (`raw` rising, `probability` never falling), flat outside them."""

    raw: tuple[float, ...]
    probability: tuple[float, ...]

    def apply(self, raw: Vector) -> Vector:
        return np.interp(raw, np.array(self.raw), np.array(self.probability))

    def to_json(self) -> dict[str, object]:
        return {"kind": "isotonic", "raw": list(self.raw), "probability": list(self.probability)}


Calibration = Platt | Isotonic


def calibration_from_json(document: object) -> Calibration:
    """Read what `to_json` wrote. Raises `BundleRefused` unless it is finite and monotone."""
    found = document if isinstance(document, dict) else {}
    try:
        if found.get("kind") == "platt" and set(found) == {"kind", "slope", "intercept"}:
            platt = Platt(float(found["slope"]), float(found["intercept"]))
            if np.isfinite([platt.slope, platt.intercept]).all() and platt.slope > 0:
                return platt
        if found.get("kind") == "isotonic" and set(found) == {"kind", "raw", "probability"}:
            isotonic = Isotonic(tuple(map(float, found["raw"])), tuple(map(float, found["probability"])))
            if _is_rising(isotonic):
                return isotonic
    except (TypeError, ValueError):
        pass
    raise BundleRefused("A calibration in bundle.json is no rising Platt or isotonic map; train the model again.")


def choose_calibration(raw: Vector, y: Vector, is_latest: npt.NDArray[np.bool_]) -> Calibration:
    """Fit on scores that no booster had seen in training, and choose by rule.

    Platt, unless the earlier slices hold `ISOTONIC_MIN_EVENTS` events and non-events and isotonic regression
    fitted there has a log loss on the latest slice lower by `ISOTONIC_MIN_GAIN`. The chosen kind is fitted on
    all rows.
    """
    earlier = ~is_latest
    scarcer = min(float(y[earlier].sum()), float((1 - y[earlier]).sum()))
    if is_latest.any() and scarcer >= ISOTONIC_MIN_EVENTS:
        platt, isotonic = fit_platt(raw[earlier], y[earlier]), fit_isotonic(raw[earlier], y[earlier])
        losses = [log_loss(y[is_latest], kind.apply(raw[is_latest])) for kind in (platt, isotonic)]
        if losses[1] < losses[0] * (1 - ISOTONIC_MIN_GAIN):
            return fit_isotonic(raw, y)
    return fit_platt(raw, y)


def fit_platt(raw: Vector, y: Vector, steps: int = 50) -> Platt:
    """Penalised logistic regression of `y` on `raw` by Newton's method; without rows the score is left as
    it is.
    """
    design = np.column_stack([raw, np.ones(len(raw))])
    weights = prior = np.array([1.0, 0.0])
    penalty = PRIOR_STRENGTH * np.eye(2)
    for _ in range(steps):
        p = Platt(*weights).apply(raw)
        gradient = design.T @ (p - y) + penalty @ (weights - prior)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return Platt(max(float(weights[0]), 1e-3), float(weights[1]))


def fit_isotonic(raw: Vector, y: Vector) -> Isotonic:
    """Isotonic regression of `y` on `raw`, kept off 0 and 1 by half a case."""
    from sklearn.isotonic import IsotonicRegression

    half = 0.5 / (len(y) + 1)
    fitted = IsotonicRegression(y_min=half, y_max=1 - half, out_of_bounds="clip").fit(raw, y)
    return Isotonic(tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_)))


def log_loss(y: Vector, p: Vector) -> float:
    """Mean negative log-likelihood."""
    bounded = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(y * np.log(bounded) + (1 - y) * np.log(1 - bounded)))


def _is_rising(knots: Isotonic) -> bool:
    values = np.array([*knots.raw, *knots.probability])
    return bool(
        len(knots.raw) == len(knots.probability) >= 1
        and np.isfinite(values).all()
        and all(low < high for low, high in pairwise(knots.raw))
        and all(low <= high for low, high in pairwise(knots.probability))
        and 0 <= min(knots.probability) <= max(knots.probability) <= 1
    )

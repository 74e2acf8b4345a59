import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training import BundleRefused
from ml.training.calibration import (
    ISOTONIC_MIN_EVENTS,
    Isotonic,
    Platt,
    calibration_from_json,
    choose_calibration,
    fit_isotonic,
    fit_platt,
)

finite = st.floats(-30, 30)


def sample(rows: int, slope: float, intercept: float, seed: int = 4):
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1, 1.5, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-(slope * raw + intercept)))).astype(float)
    return raw, y


@given(st.floats(0.001, 20), st.floats(-10, 10), st.lists(finite, min_size=2, max_size=30))
def test_platt_keeps_the_order_of_scores_and_stays_between_0_and_1(slope, intercept, raw):
    p = Platt(slope, intercept).apply(np.sort(np.array(raw)))

    assert (np.diff(p) >= 0).all()
    assert ((p >= 0) & (p <= 1)).all()


@given(st.lists(st.tuples(finite, st.booleans()), min_size=2, max_size=60))
def test_isotonic_never_falls_and_stays_off_0_and_1(rows):
    raw, y = np.array([r for r, _ in rows]), np.array([float(e) for _, e in rows])
    p = fit_isotonic(raw, y).apply(np.linspace(-40, 40, 200))

    assert (np.diff(p) >= 0).all()
    assert ((p > 0) & (p < 1)).all()


def test_platt_recovers_the_map_that_made_the_outcomes():
    fitted = fit_platt(*sample(60_000, slope=0.7, intercept=-0.4))

    assert fitted.slope == pytest.approx(0.7, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.4, abs=0.04)


def test_a_handful_of_visits_hardly_moves_the_score():
    raw, y = np.array([-2.0, -1.0, 0.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0])
    fitted = fit_platt(raw, y)

    assert 0.7 < fitted.slope < 1.0
    assert fit_platt(np.array([]), np.array([])) == Platt(1.0, 0.0)


def test_platt_keeps_a_positive_slope_even_when_the_scores_are_upside_down():
    raw, y = sample(5000, slope=1.0, intercept=0.0)

    assert fit_platt(-raw, y).slope > 0


def bent(rows: int):
    rng = np.random.default_rng(8)
    raw = rng.uniform(-3, 3, rows)
    y = (rng.random(rows) < np.where(raw < 0, 0.1, 0.6)).astype(float)
    latest = np.arange(rows) >= rows * 2 // 3
    return raw, y, latest


def test_isotonic_is_chosen_when_it_is_clearly_better_on_the_latest_slice_and_events_suffice():
    raw, y, latest = bent(12_000)
    assert y[~latest].sum() >= ISOTONIC_MIN_EVENTS

    assert isinstance(choose_calibration(raw, y, latest), Isotonic)


def test_platt_is_chosen_when_events_are_too_few_for_isotonic():
    raw, y, latest = bent(2_000)
    assert y[~latest].sum() < ISOTONIC_MIN_EVENTS

    assert isinstance(choose_calibration(raw, y, latest), Platt)


def test_platt_is_chosen_when_isotonic_gains_nothing():
    raw, y = sample(12_000, slope=1.1, intercept=0.1)

    assert isinstance(choose_calibration(raw, y, np.arange(12_000) >= 8000), Platt)


@pytest.mark.parametrize("calibration", [Platt(0.9, -0.1), Isotonic((-1.0, 0.5, 2.0), (0.1, 0.1, 0.9))])
def test_a_calibration_survives_json(calibration):
    assert calibration_from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"kind": "platt", "slope": 1.0},
        {"kind": "platt", "slope": 0.0, "intercept": 0.0},
        {"kind": "platt", "slope": -1.0, "intercept": 0.0},
        {"kind": "platt", "slope": float("nan"), "intercept": 0.0},
        {"kind": "platt", "slope": "steep", "intercept": 0.0},
        {"kind": "isotonic", "raw": [0.0, 1.0], "probability": [0.5, 0.4]},
        {"kind": "isotonic", "raw": [1.0, 1.0], "probability": [0.4, 0.5]},
        {"kind": "isotonic", "raw": [0.0], "probability": [0.4, 0.5]},
        {"kind": "isotonic", "raw": [0.0, 1.0], "probability": [0.5, 1.5]},
        {"kind": "isotonic", "raw": [], "probability": []},
        {"kind": "magic"},
    ],
)
def test_a_calibration_that_is_not_a_rising_map_is_refused(document):
    with pytest.raises(BundleRefused, match="calibration"):
        calibration_from_json(document)

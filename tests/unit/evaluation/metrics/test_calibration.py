"""Calibration, held against scikit-learn's unpenalised fit and against known distortions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from evaluation.metrics import NotEstimableError
from evaluation.metrics.calibration import (
    LOGIT_CLIP,
    calibration_curve,
    calibration_intercept,
    calibration_slope,
    logit,
    recalibrate,
    score_shares,
)


def drawn(seed, n=20_000, intercept=0.0, slope=1.0):
    """Scores whose true probability is logistic(intercept + slope * logit(score))."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-2, 1.2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * x)))).astype(float)
    return y, 1 / (1 + np.exp(-x))


def test_fit_is_that_of_scikit_learn():
    y, p = drawn(1, n=2000, intercept=0.3, slope=0.8)
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(logit(p)[:, None], y)
    fit = recalibrate(y, p)
    assert fit.slope == pytest.approx(other.coef_[0, 0], rel=1e-5)
    assert fit.intercept == pytest.approx(other.intercept_[0], rel=1e-5)


def test_slope_variance_is_the_inverse_information():
    y, p = drawn(2, n=500)
    fit, x = recalibrate(y, p), logit(p)
    mean = 1 / (1 + np.exp(-(fit.intercept + fit.slope * x)))
    design = np.column_stack([np.ones_like(x), x])
    expected = np.linalg.inv(design.T @ (design * (mean * (1 - mean))[:, None]))
    assert fit.slope_variance == pytest.approx(expected[1, 1])


def test_calibrated_scores_have_slope_one_and_intercept_zero_within_their_intervals():
    slope, intercept = (measure(*drawn(3)) for measure in (calibration_slope, calibration_intercept))
    assert slope.lower < 1 < slope.upper
    assert intercept.lower < 0 < intercept.upper


@pytest.mark.parametrize(("intercept", "slope"), [(0.5, 1.0), (0.0, 0.7), (-0.4, 1.3)])
def test_a_known_distortion_is_found(intercept, slope):
    y, p = drawn(4, n=60_000, intercept=intercept, slope=slope)
    assert calibration_slope(y, p).value == pytest.approx(slope, abs=0.05)
    assert recalibrate(y, p).intercept == pytest.approx(intercept, abs=0.1)


def test_intercept_with_slope_held_at_one_makes_mean_prediction_meet_the_prevalence():
    y, p = drawn(5, n=3000, intercept=0.6, slope=0.8)
    shifted = 1 / (1 + np.exp(-(logit(p) + calibration_intercept(y, p).value)))
    assert shifted.mean() == pytest.approx(y.mean(), abs=1e-9)


def test_predicting_too_low_gives_a_positive_intercept():
    assert calibration_intercept([1, 1, 0, 0], [0.1, 0.2, 0.1, 0.1]).value > 0
    assert calibration_intercept([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.9]).value < 0


def test_separated_classes_have_no_slope():
    with pytest.raises(NotEstimableError, match="separate"):
        calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])


def test_equal_scores_have_no_slope_but_an_intercept():
    with pytest.raises(NotEstimableError, match="the same"):
        calibration_slope([0, 1, 0, 1], [0.3] * 4)
    assert calibration_intercept([0, 1, 0, 1], [0.3] * 4).value == pytest.approx(np.log(0.7 / 0.3))


@pytest.mark.parametrize("measure", [calibration_slope, calibration_intercept])
@pytest.mark.parametrize("y", [[0, 0], [1, 1]])
def test_one_class_only_has_no_calibration(measure, y):
    with pytest.raises(NotEstimableError, match="both classes"):
        measure(y, [0.2, 0.6])


def test_certainty_is_held_a_millionth_away_from_zero_and_one():
    assert logit(np.array([0.0, 1.0])) == pytest.approx([np.log(LOGIT_CLIP), -np.log(LOGIT_CLIP)], rel=1e-5)
    assert np.isfinite(calibration_slope([0, 1, 0, 1], [0.0, 1.0, 1.0, 0.0]).value)


def test_curve_has_groups_of_equal_size_whose_means_are_those_of_the_rows():
    y, p = drawn(6, n=1000)
    bins = calibration_curve(y, p)
    assert [b.n for b in bins] == [100] * 10
    order = np.argsort(p)[:100]
    assert bins[0].predicted == pytest.approx(p[order].mean())
    assert bins[0].observed == pytest.approx(y[order].mean())
    assert all(b.lower <= b.observed <= b.upper for b in bins)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.1, 0.5, 1.0])), min_size=1, max_size=80))
@settings(max_examples=60)
def test_curve_keeps_every_row_once_and_never_parts_equal_scores(rows):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    bins = calibration_curve(y, p)
    assert sum(b.n for b in bins) == y.size
    assert sum(b.n * b.observed for b in bins) == pytest.approx(y.sum())
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    assert len(bins) <= np.unique(p).size


def test_score_shares_add_up_and_the_ends_belong_to_the_outer_steps():
    shares = score_shares([0.0, 0.049, 0.05, 1.0])
    assert len(shares) == 20
    assert (shares[0], shares[1], shares[-1]) == (0.5, 0.25, 0.25)

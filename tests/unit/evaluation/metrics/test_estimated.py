"""Performance without labels: right where scores are calibrated, honest about chance, and blind where it says it is."""

import numpy as np
import pytest

from evaluation.metrics.estimated import (
    BLIND_SPOT,
    NAMES,
    Scored,
    calibration,
    estimate,
    expected_confusion,
    realise,
    reconcile,
    reconciled_by_period,
)
from evaluation.metrics.sample import MetricInputError

THRESHOLD = 0.3


def calibrated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    p = draw.beta(1.2, 6, n)
    return (draw.random(n) < p).astype(float), p


def test_the_expected_confusion_is_the_sum_of_scores() -> None:
    found = expected_confusion([0.9, 0.5, 0.2, 0.1], 0.5)
    assert (found.true_positive, found.false_positive) == pytest.approx((1.4, 0.6))
    assert (found.false_negative, found.true_negative) == pytest.approx((0.3, 1.7))
    assert found.rows == 4


def test_of_calibrated_scores_the_estimate_is_what_comes() -> None:
    y, p = calibrated(200_000, 1)
    guess, came = estimate(p, THRESHOLD), realise(y, p, THRESHOLD)
    for name in NAMES:
        assert guess[name].value == pytest.approx(came[name].value, rel=0.015), name


def test_the_estimated_auroc_is_that_of_every_way_the_labels_can_fall() -> None:
    p = np.repeat([0.1, 0.2, 0.2, 0.6], 50)
    pairs = p[:, None] * (1 - p[None, :])
    np.fill_diagonal(pairs, 0)
    right = (pairs * ((p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :]))).sum() / pairs.sum()
    assert estimate(p, 0.5)["auroc"].value == pytest.approx(right)


def test_the_interval_holds_what_comes_nineteen_times_in_twenty() -> None:
    held = dict.fromkeys(NAMES, 0)
    for seed in range(300):
        y, p = calibrated(800, seed)
        guess, came = estimate(p, THRESHOLD), realise(y, p, THRESHOLD)
        for name in NAMES:
            low, high, value = guess[name].lower, guess[name].upper, came[name].value
            assert low is not None and high is not None and value is not None
            held[name] += low <= value <= high
    for name, count in held.items():
        assert count >= 0.91 * 300, (name, count)
    assert held["ppv"] <= 299  # an interval that holds everything would say nothing


def test_other_patients_are_seen_before_any_label() -> None:
    _, p = calibrated(5000, 2)
    assert estimate(p**2, THRESHOLD)["prevalence"].value < estimate(p, THRESHOLD)["prevalence"].value  # type: ignore[operator]


def test_another_risk_of_the_same_patients_is_not_seen_until_labels_come() -> None:
    _, p = calibrated(5000, 3)
    y = (np.random.default_rng(4).random(p.size) < p / 2).astype(float)
    found = reconcile("2026-03", y, p, THRESHOLD)
    assert found.estimated == estimate(p, THRESHOLD)
    assert {"ppv", "prevalence"} <= set(found.surprises)
    assert found.observed_over_expected.value == pytest.approx(0.5, abs=0.06)
    assert found.observed_over_expected.upper is not None and found.observed_over_expected.upper < 1
    assert "blind to concept drift" in BLIND_SPOT


@pytest.mark.parametrize("spread", [0.02, 0.5], ids=["rare", "even"])
def test_calibrated_scores_are_called_so_in_nineteen_of_twenty_cases(spread: float) -> None:
    draw = np.random.default_rng(1)
    p = draw.uniform(spread / 2, 1.5 * spread, 2000)
    found = [calibration(draw.random(p.size) < p, p) for _ in range(400)]
    held = sum((one.lower or 0) <= 1 <= (one.upper or 0) for one in found) / len(found)
    assert 0.92 <= held <= 0.98


def test_nothing_surprises_where_scores_are_calibrated() -> None:
    surprised = [len(reconcile("x", *calibrated(3000, seed), THRESHOLD).surprises) for seed in range(40)]
    assert sum(surprised) / (40 * len(NAMES)) <= 0.1


@pytest.mark.parametrize(("n", "is_estimated"), [(99, False), (100, True)])
def test_too_few_visits_are_not_estimated_from(n: int, is_estimated: bool) -> None:
    assert (estimate(np.full(n, 0.5), 0.3)["ppv"].value is not None) is is_estimated


def test_a_figure_of_few_expected_events_has_no_value() -> None:
    found = estimate(np.full(500, 0.01), 0.3)
    assert found["auroc"].value is None  # five events are expected
    assert found["ppv"].value is None  # nobody is acted upon
    assert found["alerts_per_100"].value == 0.0
    assert found["prevalence"].value == pytest.approx(0.01)


@pytest.mark.parametrize("p", [[0.5, 1.2], [-0.1], [[0.5]], [float("nan")]])
def test_what_is_no_probability_is_refused(p: list[object]) -> None:
    with pytest.raises(MetricInputError, match="probabilities"):
        estimate(p, 0.3)  # type: ignore[arg-type]


def test_displayed_and_undisplayed_are_apart_and_what_has_not_matured_is_left_out() -> None:
    y, p = calibrated(1200, 5)
    shown = p >= THRESHOLD
    y[:150] = np.nan
    period = np.array(["2026-03"] * 600 + ["2026-04"] * 600)
    visits = Scored(p, y, shown, period)
    without = reconciled_by_period(visits, THRESHOLD, displayed=False)
    assert [one.name for one in without] == ["2026-03", "2026-04"]
    assert without[0].realised["prevalence"].n == int((~shown[150:600]).sum())
    assert without[0].realised["ppv"].value is None
    shown_rows = int(shown[600:].sum())
    assert bool(reconciled_by_period(visits, THRESHOLD, displayed=True)) is (shown_rows >= 100)

"""Paired differences of two models: of one with itself nothing, of a better one something, by DeLong's own variance."""

import numpy as np
import pytest

from evaluation.evidence import Figure
from evaluation.metrics import NotEstimableError
from evaluation.metrics.intervals import Z
from evaluation.metrics.performance import auroc, auroc_and_variance
from evaluation.metrics.side_by_side import alerts_difference_per_100, auroc_difference, both_alert

RNG = np.random.default_rng(3)
Y = (RNG.uniform(size=400) < 0.2).astype(float)
GOOD = np.clip(0.2 + 0.4 * Y + RNG.normal(0, 0.2, 400), 0, 1)
FAIR = np.clip(0.2 + 0.2 * Y + RNG.normal(0, 0.2, 400), 0, 1)


def width(figure: Figure) -> float:
    assert figure.lower is not None and figure.upper is not None
    return figure.upper - figure.lower


def test_a_model_does_not_differ_from_itself() -> None:
    figure = auroc_difference(Y, GOOD, GOOD)
    assert (figure.value, figure.lower, figure.upper) == (0.0, 0.0, 0.0)
    assert (figure.n, figure.n_events) == (400, int(Y.sum()))


def test_the_difference_is_of_both_figures_and_turns_round() -> None:
    figure, turned = auroc_difference(Y, GOOD, FAIR), auroc_difference(Y, FAIR, GOOD)
    values = [auroc(Y, one).value for one in (GOOD, FAIR)]
    assert figure.value == pytest.approx(values[0] - values[1])  # type: ignore[operator]
    assert figure.lower is not None and figure.lower > 0
    assert (turned.value, turned.lower, turned.upper) == pytest.approx((-figure.value, -figure.upper, -figure.lower))  # type: ignore[operator]


def test_the_variance_is_delongs_with_the_covariance_of_the_pair() -> None:
    """By the definition: S10/m + S01/n with structural components counted pair by pair."""
    events, others = np.flatnonzero(Y == 1), np.flatnonzero(Y == 0)

    def components(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wins = (p[events][:, None] > p[others]) + 0.5 * (p[events][:, None] == p[others])
        return wins.mean(axis=1), wins.mean(axis=0)

    (a10, a01), (b10, b01) = components(GOOD), components(FAIR)
    contrast = np.array([1, -1])
    variance = contrast @ (np.cov(a10, b10) / events.size + np.cov(a01, b01) / others.size) @ contrast
    assert width(auroc_difference(Y, GOOD, FAIR)) == pytest.approx(2 * Z * np.sqrt(variance))


def test_scores_that_agree_are_told_apart_more_surely_than_independent_ones() -> None:
    near = np.clip(GOOD + RNG.normal(0, 0.01, 400), 0, 1)
    independent = 2 * Z * np.sqrt(auroc_and_variance(Y, GOOD)[1] + auroc_and_variance(Y, near)[1])
    assert width(auroc_difference(Y, GOOD, near)) < independent / 4


@pytest.mark.parametrize("events", [0, 1, 399, 400])
def test_a_class_of_one_or_none_has_no_difference(events: int) -> None:
    y = np.r_[np.ones(events), np.zeros(400 - events)]
    with pytest.raises(NotEstimableError):
        auroc_difference(y, GOOD, FAIR)


def test_alerts_are_counted_pair_by_pair() -> None:
    new, old = [0.1, 0.5, 0.9, 0.5], [0.5, 0.1, 0.9, 0.4]
    more = alerts_difference_per_100(new, old, 0.5)
    assert (more.value, more.n, more.n_events) == (25.0, 4, 3)
    both = both_alert(new, old, 0.5)
    assert (both.value, both.n, both.n_events) == (0.25, 4, 1)


def test_the_same_alerts_differ_by_nothing() -> None:
    figure = alerts_difference_per_100(GOOD, GOOD, 0.3)
    assert (figure.value, figure.lower, figure.upper) == (0.0, 0.0, 0.0)

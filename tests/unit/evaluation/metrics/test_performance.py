"""Discrimination and accuracy, held against scikit-learn, naive definitions and simulated coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from evaluation.metrics import CurrentPractice, MetricInputError, NotEstimableError
from evaluation.metrics.performance import (
    auprc,
    auroc,
    auroc_and_variance,
    auroc_of_practice,
    brier,
    prevalence,
    roc_curve,
)


def sample(seed, n=400, levels=None):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-1, 1.2, n)))
    y = (rng.random(n) < p).astype(float)
    return y, np.round(p * levels) / levels if levels else p


both_classes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda k: k / 20)), min_size=2, max_size=60
).filter(lambda rows: len({y for y, _ in rows}) == 2)


@given(both_classes)
def test_auroc_is_that_of_scikit_learn_also_with_ties(rows):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    figure = auroc(y, p)
    assert figure.value == pytest.approx(roc_auc_score(y, p))
    assert 0 <= figure.lower <= figure.value <= figure.upper <= 1


@given(both_classes, st.sampled_from([np.square, np.sqrt, lambda p: 0.1 + 0.5 * p, lambda p: np.expm1(p) / 2]))
def test_auroc_does_not_change_under_a_monotone_transform(rows, transform):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert auroc_and_variance(y, transform(p)) == pytest.approx(auroc_and_variance(y, p))


@given(both_classes)
def test_auroc_of_the_opposite_ranking_is_the_complement(rows):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert auroc(y, 1 - p).value == pytest.approx(1 - auroc(y, p).value)


def test_variance_is_that_of_delongs_definition():
    y, p = sample(1, n=60, levels=10)
    cases, controls = p[y == 1], p[y == 0]
    wins = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    expected = wins.mean(axis=1).var(ddof=1) / cases.size + wins.mean(axis=0).var(ddof=1) / controls.size
    assert auroc_and_variance(y, p)[1] == pytest.approx(expected)


def test_auroc_interval_keeps_its_promise_with_twenty_events():
    rng = np.random.default_rng(7)
    truth = 0.5 * (1 + math.erf(1.2 / 2))  # two normal classes 1.2 apart: Phi(1.2 / sqrt 2)
    covered = 0
    for _ in range(600):
        y = np.repeat([1.0, 0.0], [20, 200])
        score = rng.normal(1.2 * y, 1)
        figure = auroc(y, 1 / (1 + np.exp(-score)))
        covered += figure.lower <= truth <= figure.upper
    assert 0.92 <= covered / 600 <= 0.98


def test_perfect_separation_still_admits_doubt_and_more_of_it_with_few_events():
    few = auroc([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.2, 0.3, 0.8, 0.9])
    many = auroc(np.repeat([0, 1], 100), np.repeat([0.1, 0.9], 100))
    assert few.value == many.value == 1.0
    assert few.upper == 1.0
    assert few.lower < 0.5 < 0.95 < many.lower


def test_a_single_event_says_next_to_nothing():
    figure = auroc([0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9, 0.8])
    assert figure.lower < 0.1
    assert figure.upper == 1.0


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
@pytest.mark.parametrize("measure", [auroc, roc_curve, lambda y, p: auprc(y, p, seed=1)])
def test_one_class_only_has_no_figure_and_never_zero(y, measure):
    with pytest.raises(NotEstimableError, match="both classes"):
        measure(y, [0.1, 0.2, 0.3])


@given(both_classes)
@settings(max_examples=50)
def test_auprc_is_that_of_scikit_learn_also_with_ties(rows):
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert auprc(y, p, seed=1, replicates=5).value == pytest.approx(average_precision_score(y, p))


def test_auprc_interval_holds_the_value_repeats_with_the_seed_and_narrows_with_rows():
    small, large = (auprc(*sample(3, n=n), seed=5) for n in (400, 8000))
    assert small == auprc(*sample(3, n=400), seed=5)
    assert small != auprc(*sample(3, n=400), seed=6)
    assert small.lower < small.value < small.upper
    assert large.upper - large.lower < (small.upper - small.lower) / 3


def test_brier_is_that_of_scikit_learn_with_the_interval_of_a_mean():
    y, p = sample(4)
    figure = brier(y, p)
    assert figure.value == pytest.approx(brier_score_loss(y, p))
    error = np.std((y - p) ** 2, ddof=1) / np.sqrt(y.size)
    assert figure.upper - figure.value == pytest.approx(1.959964 * error, rel=1e-5)


def test_brier_of_known_rows():
    assert brier([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.3]).value == pytest.approx((0.01 + 0.01 + 0.04 + 0.09) / 4)
    assert brier([1], [0.4]).value == pytest.approx(0.36)


def test_brier_needs_no_second_class():
    assert brier([0, 0], [0.0, 0.0]).value == 0.0


def test_prevalence_counts_events():
    figure = prevalence([0, 1, 0, 0])
    assert (figure.value, figure.n, figure.n_events) == (0.25, 4, 1)


def test_roc_curve_has_the_corners_of_scikit_learn():
    y, p = sample(5, levels=12)
    curve = roc_curve(y, p)
    expected = sklearn_roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, expected[0])
    np.testing.assert_allclose(curve.true_positive_rate, expected[1])


def test_current_practice_is_judged_on_the_rows_where_it_was_recorded():
    practice = CurrentPractice.from_triage_level([1, 3, np.nan, 5, 2, np.nan])
    figure = auroc_of_practice([1, 0, 1, 0, 1, 0], practice)
    assert (figure.value, figure.n, figure.n_events) == (1.0, 4, 2)


def test_current_practice_recorded_nowhere_has_no_figure():
    with pytest.raises(NotEstimableError, match="on no row"):
        auroc_of_practice([1, 0], CurrentPractice.from_triage_level([np.nan, np.nan]))


def test_level_two_is_flagged_and_level_three_is_not():
    practice = CurrentPractice.from_triage_level([1, 2, 3, np.nan])
    assert practice.flagged.tolist() == [True, True, False, False]
    assert practice.recorded.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "no rows"),
        ([0, 1], [0.5], "two vectors alike"),
        ([[0, 1]], [[0.5, 0.5]], "two vectors alike"),
        ([0, 2], [0.5, 0.5], "outcome in row 1 is 2.0"),
        ([0, np.nan], [0.5, 0.5], "outcome in row 1 is nan"),
        ([0, 1], [0.5, 1.0001], "score in row 1 is 1.0001"),
        ([0, 1], [-0.0001, 0.5], "score in row 0"),
        ([0, 1], [0.5, np.nan], "score in row 1 is nan"),
    ],
)
@pytest.mark.parametrize("measure", [auroc, brier])
def test_arrays_that_cannot_be_judged_are_refused_naming_the_row(y, p, message, measure):
    with pytest.raises(MetricInputError, match=message):
        measure(y, p)


def test_probabilities_of_zero_and_one_are_allowed():
    assert brier([0, 1], [0.0, 1.0]).value == 0.0

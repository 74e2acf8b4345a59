"""Confidence intervals against published examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import intervals


@pytest.mark.parametrize(
    ("events", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(events, n, lower, upper):
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    assert intervals.wilson(events, n) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_between_zero_and_one(counts):
    events, n = counts
    lower, upper = intervals.wilson(events, n)
    assert 0 <= lower <= events / n <= upper <= 1


def test_exact_bound_of_full_success():
    # Clopper and Pearson: (alpha / 2) ** (1 / n); 10 of 10 gives 0.6915.
    assert intervals.share_on_logit(1.0, 0.0, 10) == (pytest.approx(0.6915, abs=1e-4), 1.0)


def test_interval_of_a_mean_needs_two_rows_to_have_a_width():
    assert intervals.mean(np.array([0.3])) == (0.3, 0.3)
    lower, upper = intervals.mean(np.array([0.0, 1.0]))
    assert upper - lower == pytest.approx(2 * 1.959964 * 0.5)


@given(st.floats(0.001, 0.999), st.floats(1e-12, 10))
def test_interval_on_the_logit_stays_between_zero_and_one(value, variance):
    lower, upper = intervals.share_on_logit(value, variance, 5)
    assert 0 <= lower <= value <= upper <= 1

"""Effect sizes, distances and the control of multiplicity, by hand and against published numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from evaluation.drift.comparison import adjusted, compare_categories, compare_counts, compare_numeric


def test_standardised_difference_of_means_by_hand():
    old, new = np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])
    assert compare_numeric(old, new).effect == pytest.approx(1.0)
    assert compare_numeric(old, new).distance == pytest.approx(1 / 3)


def test_standardised_difference_of_a_share_is_austins():
    """(p1 - p2) / sqrt((p1(1-p1) + p2(1-p2)) / 2), Austin 2009."""
    old, new = ["true"] * 20 + ["false"] * 80, ["true"] * 30 + ["false"] * 70
    comparison = compare_categories(old, new)
    assert comparison.effect == pytest.approx(0.1 / math.sqrt((0.16 + 0.21) / 2))
    assert comparison.distance == pytest.approx(0.1)


def test_total_variation_is_the_share_of_rows_that_moved():
    assert compare_categories(["a"] * 5 + ["b"] * 5, ["a"] * 5 + ["c"] * 5).distance == pytest.approx(0.5)


@given(st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=2, max_size=50))
def test_a_vector_does_not_differ_from_itself(values):
    comparison = compare_numeric(np.array(values), np.array(values))
    assert (comparison.effect, comparison.distance) == (0, 0)
    assert comparison.p_value == pytest.approx(1)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=50))
def test_categories_do_not_differ_from_themselves(names):
    comparison = compare_categories(names, names)
    assert comparison.distance == 0
    assert comparison.effect == pytest.approx(0, abs=1e-6)
    assert comparison.p_value == pytest.approx(1)


def test_a_constant_that_became_another_is_enormous_and_one_that_stayed_is_nothing():
    fives, sixes = np.full(30, 5.0), np.full(30, 6.0)
    assert compare_numeric(fives, sixes).effect == 10
    assert compare_numeric(fives, fives).effect == 0


def test_order_of_categories_does_not_matter_to_the_effect():
    counts = np.array([[50, 30, 20], [30, 40, 30]])
    effects = [compare_counts(counts[:, order]).effect for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0])]
    assert effects == pytest.approx([effects[0]] * 3)


def test_multiplicity_is_controlled_as_in_the_paper():
    """Benjamini & Hochberg 1995, section 3.2: of these fifteen, the first four are rejected at 0.05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719]
    p += [0.6528, 0.7590, 1.0000]
    assert [q <= 0.05 for q in adjusted(p)] == [True] * 4 + [False] * 11


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values_are_those_of_scipy_and_never_smaller(p):
    q = adjusted(p)
    assert q == pytest.approx(false_discovery_control(p).tolist() if p else [])
    assert all(b >= a - 1e-12 for a, b in zip(p, q, strict=True))

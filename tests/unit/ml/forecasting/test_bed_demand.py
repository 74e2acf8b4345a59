import itertools
from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from ml.forecasting import BadHistory
from ml.forecasting.bed_demand import bed_demand, minus, plus, poisson, poisson_binomial

risks = st.lists(st.floats(0, 1), max_size=12)


def by_enumeration(risks):
    found = np.zeros(len(risks) + 1)
    for outcome in itertools.product((0, 1), repeat=len(risks)):
        found[sum(outcome)] += np.prod([p if came else 1 - p for p, came in zip(risks, outcome, strict=True)])
    return found


@given(st.lists(st.floats(0, 1), max_size=8))
def test_the_sum_of_risks_is_the_distribution_that_enumeration_gives(given_risks):
    assert poisson_binomial(given_risks).probabilities == pytest.approx(by_enumeration(given_risks))


@pytest.mark.parametrize("mean", [0, 0.3, 7.5, 400])
def test_arrivals_are_poisson(mean):
    found = poisson(mean)
    assert found.mean == pytest.approx(mean)
    for count in (0, 3, 10):
        expected = exp(-mean) * mean**count / factorial(count)
        assert found.at(count) == pytest.approx(expected, abs=1e-12)


@given(risks, st.floats(0, 1), st.floats(0, 60), st.floats(0, 1), risks)
def test_probabilities_add_up_quantiles_rise_and_the_mean_is_the_sum_of_its_parts(now, share, mean, admitted, leaving):
    found = bed_demand(now, share, mean, admitted, leaving)
    assert found.probabilities.sum() == pytest.approx(1) and (found.probabilities >= 0).all()
    quantiles = [found.quantile(level) for level in (0.05, 0.25, 0.5, 0.75, 0.95)]
    assert quantiles == sorted(quantiles)
    assert found.mean == pytest.approx(sum(now) * share + mean * admitted - sum(leaving), abs=1e-6)


@given(risks, risks)
def test_adding_and_taking_away_are_exact(one, other):
    together = plus(poisson_binomial(one), poisson_binomial(other))
    assert together.probabilities == pytest.approx(poisson_binomial([*one, *other]).probabilities)
    apart = minus(poisson_binomial(one), poisson_binomial(other))
    assert apart.lowest == -len(other) and len(apart.probabilities) == len(one) + len(other) + 1


def outcomes(days, seed, factor=1.0):
    """Days of a hospital whose risks are right (or wrong by a factor): the distribution, what came, a uniform draw."""
    rng = np.random.default_rng(seed)
    for _ in range(days):
        now, leaving = rng.beta(1, 3, rng.integers(3, 15)), rng.beta(1, 6, 40)
        came = (rng.random(now.size) < now * 0.7).sum() + rng.poisson(9 * 0.2) - (rng.random(40) < leaving).sum()
        yield bed_demand(list(now * factor), 0.7, 9, 0.2, list(leaving)), int(came), rng.random()


def test_randomised_pit_is_uniform_where_the_risks_are_right_and_is_not_where_they_are_halved():
    right = [one.pit(came, draw) for one, came, draw in outcomes(600, 5)]
    halved = [one.pit(came, draw) for one, came, draw in outcomes(600, 5, factor=0.5)]
    assert kstest(right, "uniform").pvalue > 0.05
    assert kstest(halved, "uniform").pvalue < 0.001


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (([1.2], 1, 1, 1, []), "An admission risk is 1.2"),
        (([float("nan")], 1, 1, 1, []), "An admission risk is nan"),
        (([], 2, 1, 1, []), "in_time is 2"),
        (([], 1, -1, 1, []), "mean count is -1"),
        (([], 1, 1e9, 1, []), "mean count"),
    ],
)
def test_what_is_no_probability_is_refused(arguments, fault):
    with pytest.raises(BadHistory, match=fault):
        bed_demand(*arguments)

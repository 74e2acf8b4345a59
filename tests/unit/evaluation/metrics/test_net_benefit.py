"""Net benefit by hand, its rivals, its paired bootstrap and the burden of alerts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import CurrentPractice, MetricInputError
from evaluation.metrics.net_benefit import decision_curve, net_benefit, net_benefit_at, operating_point

# Ten patients, three events. At 0.2 the model flags five: two events, three others.
Y = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=float)
P = np.array([0.9, 0.2, 0.1, 0.5, 0.3, 0.2, 0.1, 0.1, 0.0, 0.0])
LEVEL = np.array([1, 3, 2, 2, 3, 4, 5, np.nan, np.nan, 3])


def test_net_benefit_is_true_alarms_less_weighed_false_ones():
    """2/10 - 3/10 * 0.2/0.8, the formula of Vickers & Elkin (and of the dcurves package)."""
    assert net_benefit(Y, P, 0.2) == pytest.approx(0.2 - 0.3 * 0.25)


def test_a_score_at_the_threshold_is_flagged_and_one_just_below_is_not():
    below = np.where(P == 0.2, 0.2 - 1e-9, P)
    assert net_benefit(Y, below, 0.2) == pytest.approx(0.1 - 0.2 * 0.25)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 100).map(lambda k: k / 100)), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
)
def test_net_benefit_is_that_of_the_definition_for_any_rows(rows, threshold):
    n = len(rows)
    hits = sum(y and p >= threshold for y, p in rows)
    false = sum(not y and p >= threshold for y, p in rows)
    expected = hits / n - false / n * threshold / (1 - threshold)
    y, p = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert net_benefit(y, p, threshold) == pytest.approx(expected)


def test_flagging_everybody_is_worth_nothing_at_the_prevalence():
    point = decision_curve(Y, P, thresholds=[0.3])[0]
    assert point.treat_all == pytest.approx(0.0)


def test_current_practice_is_weighed_on_the_rows_where_it_was_recorded():
    """Eight recorded rows, three events; flagged are levels 1 and 2: two events, one other."""
    result = net_benefit_at(Y, P, 0.2, CurrentPractice.from_triage_level(LEVEL), seed=1)
    assert result.practice_n == 8
    assert result.current_practice == pytest.approx(2 / 8 - 1 / 8 * 0.25)
    model_there = 2 / 8 - 3 / 8 * 0.25
    assert result.treat_all == pytest.approx(0.3 - 0.7 * 0.25)
    leads = {
        "treat_all": result.model.value - result.treat_all,
        "treat_none": result.model.value,
        "current_practice": model_there - result.current_practice,
    }
    assert result.rival == min(leads, key=leads.get) == "current_practice"
    assert result.gain.value == pytest.approx(leads["current_practice"])


def test_without_a_record_of_current_practice_two_rivals_remain():
    unrecorded = CurrentPractice.from_triage_level(np.full(10, np.nan))
    for practice in (None, unrecorded):
        result = net_benefit_at(Y, P, 0.2, practice, seed=1)
        assert result.current_practice is None
        assert result.practice_n == 0
        assert result.gain.value == pytest.approx(min(result.model.value, result.model.value - result.treat_all))


def test_a_model_that_copies_its_rival_gains_nothing_with_certainty():
    practice = CurrentPractice(urgency=P, flagged=P >= 0.2)
    y, p = np.tile(Y, 50), np.tile(P, 50)
    result = net_benefit_at(y, p, 0.2, CurrentPractice(np.tile(P, 50), np.tile(practice.flagged, 50)), seed=1)
    assert result.gain.value <= 1e-12
    assert result.gain.upper <= 1e-12


def test_bootstrap_of_the_table_agrees_with_a_bootstrap_of_rows():
    rng = np.random.default_rng(3)
    p = rng.beta(1, 8, 800)
    y = (rng.random(800) < p).astype(float)
    figure = net_benefit_at(y, p, 0.1, None, seed=4, replicates=4000).model
    rows = [net_benefit(y[i], p[i], 0.1) for i in rng.integers(0, 800, (2000, 800))]
    assert (figure.lower, figure.upper) == pytest.approx(np.quantile(rows, [0.025, 0.975]), abs=0.002)


def test_same_seed_same_interval():
    first, again, other = (net_benefit_at(Y, P, 0.2, None, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.model.value == other.model.value


def test_net_benefit_needs_no_event():
    assert net_benefit_at([0, 0], [0.9, 0.1], 0.5, None, seed=1).model.value == pytest.approx(-0.5)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 1.1, float("nan")])
@pytest.mark.parametrize("measure", [net_benefit, operating_point])
def test_a_threshold_that_is_no_probability_between_is_refused(threshold, measure):
    with pytest.raises(MetricInputError, match="threshold"):
        measure(Y, P, threshold)


def test_burden_of_alerts_at_a_threshold():
    point = operating_point(Y, P, 0.2)
    assert point.alerts_per_100.value == pytest.approx(50)
    assert point.sensitivity.value == pytest.approx(2 / 3)
    assert point.ppv.value == pytest.approx(2 / 5)
    assert point.alerts_per_100.lower < 50 < point.alerts_per_100.upper


def test_shares_of_nothing_have_no_value():
    assert operating_point(Y, P, 0.95).ppv.value is None
    assert operating_point(np.zeros(10), P, 0.2).sensitivity.value is None


def test_decision_curve_has_the_current_practice_only_where_it_was_recorded():
    curve = decision_curve(Y, P, CurrentPractice.from_triage_level(LEVEL))
    assert len(curve) == 50
    assert all(point.current_practice is not None for point in curve)
    assert all(point.current_practice is None for point in decision_curve(Y, P))

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from evaluation.evidence import EvidenceHead
from evaluation.metrics import MetricInputError
from evaluation.metrics.forecast import ForecastSample, evaluate_forecasts, forecast_figures, pinball
from evaluation.metrics.forecast_evidence import forecast_evidence

LEVELS = (0.05, 0.5, 0.95)
HEAD = EvidenceHead("staffing", "pbj", "0" * 64, "1" * 64, dt.datetime(2026, 11, 27, tzinfo=dt.UTC), {})


def sample(days=200, per_day=1, half_width=1.645, miss=0.0, seed=1):
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), per_day)
    truth = rng.normal(0, 1, day.size) + 50
    quantiles = np.full((day.size, 3), 50.0 + miss) + np.array([-half_width, 0, half_width])
    return ForecastSample("census_1d", day, truth, LEVELS, quantiles, {"persistence": np.full(day.size, 52.0)})


def test_figures_are_those_of_the_definition():
    one = sample()
    found = forecast_figures(one, 0.9, 1)
    error, other = np.abs(one.truth - 50), np.abs(one.truth - 52)
    assert found["mae"].value == pytest.approx(error.mean())
    assert found["persistence.skill"].value == pytest.approx(1 - error.mean() / other.mean())
    assert found["width"].value == pytest.approx(3.29)
    assert found["coverage"].value == pytest.approx((error <= 1.645).mean())


def test_pinball_loss_of_a_hand_made_row():
    assert pinball(np.array([10.0]), np.array([[8.0, 10.0, 13.0]]), LEVELS)[0] == pytest.approx((0.1 + 0 + 0.15) / 3)


def test_honest_intervals_are_found_consistent_and_narrow_ones_are_not():
    honest, narrow = forecast_figures(sample(), 0.9, 1)["coverage"], forecast_figures(sample(half_width=1), 0.9, 1)
    assert honest.lower <= 0.9 <= honest.upper
    assert narrow["coverage"].upper < 0.9


def test_errors_that_hang_together_widen_the_interval():
    day = np.arange(196)
    alternating, in_runs = np.where(day % 2, 1.0, 3.0), np.where((day // 28) % 2, 1.0, 3.0)

    def width(errors):
        flat = np.column_stack([np.zeros(196)] * 3)
        found = forecast_figures(ForecastSample("x_1d", day, errors, LEVELS, flat, {}), 0.9, 1)["mae"]
        return found.upper - found.lower

    assert width(in_runs) > 3 * width(alternating)


def test_series_of_one_day_are_drawn_together():
    alone, copied = sample(), sample()
    copied = ForecastSample(
        "census_1d",
        np.repeat(alone.day, 5),
        np.repeat(alone.truth, 5),
        LEVELS,
        np.repeat(alone.quantiles, 5, axis=0),
        {},
    )
    one, five = (forecast_figures(each, 0.9, 1)["mae"] for each in (alone, copied))
    assert (five.lower, five.upper) == pytest.approx((one.lower, one.upper))


def test_too_few_days_give_a_value_without_bounds():
    found = forecast_figures(sample(days=20), 0.9, 1)["mae"]
    assert found.value is not None and found.lower is None


def test_a_baseline_that_is_always_right_leaves_no_skill_to_state():
    one = sample()
    perfect = ForecastSample("x_1d", one.day, one.truth, LEVELS, one.quantiles, {"oracle": one.truth})
    assert forecast_figures(perfect, 0.9, 1)["oracle.skill"].value is None


def test_the_document_and_the_outcome_say_the_same():
    judged = evaluate_forecasts([sample()], HEAD, coverage=0.9, seed=1)
    outcome = judged.outcomes["census_1d"]
    assert outcome["coverage_90"] == judged.evidence.figures["census_1d.coverage"].value
    assert outcome["skill"]["persistence"]["lower"] == judged.evidence.figures["census_1d.persistence.skill"].lower
    assert judged.evidence.kind == "performance"


def test_the_method_says_the_blocks_that_were_drawn():
    monthly = replace(sample(), block=3)
    for said, samples, by_unit in (("3", [monthly], {}), ("3 or 14", [monthly], {"A": [sample()]})):
        documents = forecast_evidence(samples, by_unit, HEAD, coverage=0.9, seed=1)
        methods = {one.detail["method"] for one in documents}
        assert methods == {f"circular block bootstrap of {said} periods, 2000 replicates, seed 1"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: {"truth": s.truth[:0], "day": s.day[:0]}, "no forecasts to judge"),
        (lambda s: {"day": s.day[:-1]}, "different lengths"),
        (lambda s: {"quantiles": s.quantiles[:, ::-1]}, "quantiles cross"),
        (lambda s: {"truth": np.where(s.day == 3, np.nan, s.truth)}, "is missing"),
    ],
)
def test_columns_that_cannot_be_judged_are_refused(change, fault):
    one = sample()
    columns = {name: getattr(one, name) for name in ("name", "day", "truth", "levels", "quantiles", "baselines")}
    with pytest.raises(MetricInputError, match=fault):
        ForecastSample(**(columns | change(one)))


def test_an_interval_that_was_not_forecast_is_refused():
    with pytest.raises(MetricInputError, match=r"0\.025 was not forecast"):
        forecast_figures(sample(), 0.95, 1)

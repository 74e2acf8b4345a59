import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ml.forecasting import NotEnoughHistory
from ml.forecasting.backtest import backtest_forecast, rolling_forecasts
from ml.forecasting.features import calendar_columns, earlier, trailing_mean, weekday_mean
from ml.forecasting.fit import fit
from ml.forecasting.history import History

from .conftest import COLUMNS, FIRST, history, small_table

CUT = FIRST + dt.timedelta(days=160)


@pytest.fixture(scope="module")
def whole(table):
    return history(table)


@pytest.fixture(scope="module")
def result(whole, declared):
    return backtest_forecast(whole, declared, site="city", region="US", train_until=CUT, test_from=CUT, seed=7)


def altered(whole, day):
    """The same history with every figure from `day` on replaced."""
    values = {name: array.copy() for name, array in whole.values.items()}
    for array in values.values():
        array[:, whole.index(day) :] = 99.0
    return History(whole.first, whole.series, values)


def test_nothing_from_the_end_of_training_on_reaches_the_model(whole, declared, result):
    other = fit(altered(whole, CUT), declared, site="city", region="US", train_until=CUT, seed=7)
    assert {name: one.trees.text for name, one in other.targets.items()} == {
        name: one.trees.text for name, one in result.model.targets.items()
    }


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_forecast_reads_nothing_after_its_origin(whole, result, declared, step):
    day = CUT + dt.timedelta(days=20)
    before, _ = rolling_forecasts(result.model, whole, "nurse_hours", step, CUT, declared.coverage)
    after, _ = rolling_forecasts(result.model, altered(whole, day), "nurse_hours", step, CUT, declared.coverage)
    names = [name for name in before.column_names if name != "actual"]
    same = [when < day + dt.timedelta(days=step) for when in before["date"].to_pylist()]
    assert any(same) and not all(same)
    assert before.select(names).filter(pa.array(same)).equals(after.select(names).filter(pa.array(same)))
    later = [not one for one in same]
    assert not before.select(names).filter(pa.array(later)).equals(after.select(names).filter(pa.array(later)))


def test_every_target_horizon_and_series_is_forecast_for_every_day(result, declared):
    assert result.n_train == 160 and result.n_test == 40 and not any(result.left_out.values())
    counts = result.forecasts.group_by(["target", "step", "unit", "shift"]).aggregate([("date", "count")])
    assert set(counts["date_count"].to_pylist()) == {40}
    assert counts.num_rows == len(declared.targets) * 7 * 4


def test_quantiles_rise_and_are_never_negative(result):
    names = [name for name in result.forecasts.column_names if name.startswith("q_")]
    spread = np.column_stack([result.forecasts[name].to_numpy() for name in names])
    assert (np.diff(spread, axis=1) >= 0).all() and (spread >= 0).all() and np.isfinite(spread).all()


def test_days_after_a_gap_are_left_out_and_counted_until_the_past_is_dense_again(declared):
    rows = small_table(days=240)
    kept = [not (180 <= (day - FIRST).days < 200) for day in rows["date"].to_pylist()]
    gapped = backtest_forecast(
        history(rows.filter(pa.array(kept))), declared, site="c", region="US", train_until=CUT, test_from=CUT, seed=7
    )
    one = gapped.forecasts.filter(pa.array(np.array(gapped.forecasts["target"]) == "census"))
    days = {(day - FIRST).days for day in one["date"].to_pylist()}
    assert gapped.n_test == 60 and gapped.left_out["census_1d"] > 0
    assert not days & set(range(180, 200)) and 201 not in days and 239 in days


def test_the_same_seed_gives_the_same_forecasts(whole, declared, result):
    again = backtest_forecast(whole, declared, site="city", region="US", train_until=CUT, test_from=CUT, seed=7)
    assert again.forecasts.equals(result.forecasts)


def test_too_little_to_learn_from_or_to_test_on_is_refused_with_what_is_needed(whole, declared):
    early, late = FIRST + dt.timedelta(days=50), whole.last + dt.timedelta(days=1)
    with pytest.raises(NotEnoughHistory, match=r"50 known days .* at least 84"):
        backtest_forecast(whole, declared, site="c", region="US", train_until=early, test_from=early, seed=7)
    with pytest.raises(NotEnoughHistory, match="no known day from"):
        backtest_forecast(whole, declared, site="c", region="US", train_until=CUT, test_from=late, seed=7)


def test_windows_look_back_and_never_ahead():
    values = np.arange(30.0)[None, :]
    assert np.isnan(earlier(values, 3)[0, :3]).all() and earlier(values, 3)[0, 10] == 7
    assert trailing_mean(values, 7, 1)[0, 10] == 7 and trailing_mean(values, 7, 1)[0, 2] == 1
    assert weekday_mean(values, 2)[0, 20] == (15 + 8 + 1) / 3


def test_the_calendar_is_that_of_the_day_that_is_forecast():
    columns = calendar_columns(dt.date(2024, 12, 20), 7, 5, "US")
    assert columns["is_christmas"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert columns["is_weekday_2"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert columns["was_holiday"].tolist() == [0, 0, 0, 0, 1, 1, 0]


def test_a_unit_whose_demand_jumps_has_wider_intervals_than_its_quiet_neighbour(declared):
    rng, days = np.random.default_rng(11), 170
    rows = [
        (unit, FIRST + dt.timedelta(days=day), "day", 30, float(100 + noise * rng.standard_t(3)), 0.0, 0.0)
        for unit, noise in (("LOUD", 6.0), ("QUIET", 3.0))
        for day in range(days)
    ]
    columns = zip(*rows, strict=True)
    names = ("unit", "date", "shift", *COLUMNS)
    table = pa.table(dict(zip(names, map(list, columns), strict=True)))
    cut = FIRST + dt.timedelta(days=112)
    found = backtest_forecast(
        history(table), declared, site="city", region="US", train_until=cut, test_from=cut, seed=7
    ).forecasts
    held = {}
    for unit in ("LOUD", "QUIET"):
        own = found.filter(pa.array([one == unit for one in found["unit"].to_pylist()]))
        own = own.filter(pa.array([one == "rn_hours" for one in own["target"].to_pylist()]))
        truth = own["actual"].to_numpy()
        held[unit] = np.mean((own["q_0.05"].to_numpy() <= truth) & (truth <= own["q_0.95"].to_numpy()))
    assert min(held.values()) > 0.8 and abs(held["LOUD"] - held["QUIET"]) < 0.12

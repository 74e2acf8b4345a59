"""Monthly forecasts: last year's month, grown; the last month, moved by the season; nothing after the origin."""

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest

from ml.forecasting import BadHistory, NotEnoughHistory
from ml.forecasting.demand import require_any, site_days, site_months
from ml.forecasting.monthly import Months, months_of, point, rolling_months, spread_of
from ml.usecases import load_demand

SEASON = np.array([1.0, 0.9, 1.1, 1.2, 1.0, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 0.9])
FIRST = dt.date(2016, 4, 1)


@pytest.fixture(scope="module")
def recipe():
    return load_demand("demand").monthly


def grown(months=24, units=30, growth=0.1, noise=0.0, seed=1):
    """Units of different size with one season, which grow from year to year."""
    rng = np.random.default_rng(seed)
    size = np.linspace(50, 500, units)[:, None]
    season, year = SEASON[np.arange(months) % 12], np.arange(months) // 12
    rates = size * season * np.exp(growth * year) * np.exp(rng.normal(0, noise, (units, months)))
    bare = Months(FIRST, tuple((f"U{n:02d}", "") for n in range(units)), rates)
    return Months(FIRST, bare.series, rates * bare.lengths)


def test_a_season_that_grows_is_forecast_exactly_once_growth_can_be_seen(recipe):
    months = grown()
    rates = months.counts / months.lengths
    assert point(rates[:, :13], 12, 1, recipe) == pytest.approx(rates[:, 13])
    assert point(rates[:, :15], 14, 9, recipe) == pytest.approx(rates[:, 23])


def test_before_a_year_is_known_the_forecast_is_last_years_month_or_none(recipe):
    rates = grown().counts / grown().lengths
    assert point(rates[:, :12], 11, 3, recipe) == pytest.approx(rates[:, 2])
    assert np.isnan(point(rates[:, :6], 5, 3, recipe)).all()


def test_nothing_after_the_origin_is_read(recipe):
    months = grown(noise=0.05)
    before, _ = rolling_months(months, 2, dt.date(2018, 1, 1), recipe)
    changed = months.counts.copy()
    changed[:, 22:] *= 9
    after, _ = rolling_months(Months(FIRST, months.series, changed), 2, dt.date(2018, 1, 1), recipe)
    january = [row for row in before.to_pylist() if row["date"] == dt.date(2018, 1, 1)]
    assert [{**row, "actual": 0} for row in january] == [
        {**row, "actual": 0} for row in after.to_pylist() if row["date"] == dt.date(2018, 1, 1)
    ]


def test_a_unit_that_opened_within_the_year_is_left_out_and_counted(recipe):
    months = grown(noise=0.05)
    months.counts[0, :20] = np.nan
    table, left_out = rolling_months(months, 1, dt.date(2018, 1, 1), recipe)
    assert left_out == 3 and "U00" not in table["unit"].to_pylist()


def test_an_interval_is_never_narrower_than_one_of_fewer_months_ahead(recipe):
    rates = grown(noise=0.1).counts / grown().lengths
    widths = [np.ptp(spread_of(rates, 23, step, recipe)) for step in range(1, 13)]
    assert widths == sorted(widths) and widths[0] > 0


def test_the_calendar_is_that_of_months_and_a_negative_count_is_refused_by_name():
    months = months_of({(("RF4", ""), dt.date(2016, 12, 1)): 31.0, (("RF4", ""), dt.date(2017, 2, 1)): 28.0})
    assert list(months.lengths) == [31, 31, 28] and math.isnan(months.counts[0, 1])
    assert months.date(2) == dt.date(2017, 2, 1) and months.index(dt.date(2017, 2, 14)) == 2
    with pytest.raises(BadHistory, match="RF4 in 2016-12 counts -1"):
        months_of({(("RF4", ""), dt.date(2016, 12, 1)): -1.0})
    with pytest.raises(NotEnoughHistory, match="no monthly counts"):
        months_of({})


def test_a_window_without_last_year_is_refused_in_words(recipe):
    with pytest.raises(NotEnoughHistory, match="can be forecast 1 months ahead"):
        rolling_months(grown(months=10), 1, dt.date(2016, 6, 1), recipe)


def test_the_mart_is_read_by_period_and_streams_are_added_up_where_units_are_forecast():
    columns = ("site", "unit", "stream", "period", "date", "arrivals")
    rows = [
        ("here", "A", "1", "month", dt.date(2020, 1, 1), 10.0),
        ("here", "A", "2", "month", dt.date(2020, 1, 1), 5.0),
        ("here", "A", "1", "day", dt.date(2020, 1, 1), 3.0),
        ("there", "A", "1", "day", dt.date(2020, 1, 1), 4.0),
    ]
    mart = pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True)))
    declared = load_demand("demand")
    months, days = site_months(mart, declared, "here"), site_days(mart, declared, "here")
    assert months is not None and months.series == (("A", ""),) and months.counts.tolist() == [[15.0]]
    assert days is not None and days.series == (("A", "1"),) and days.values["arrivals"].tolist() == [[3.0]]
    assert site_months(mart, declared, "there") is None
    with pytest.raises(NotEnoughHistory, match="Land its demand feed"):
        require_any(None, None, "nowhere")

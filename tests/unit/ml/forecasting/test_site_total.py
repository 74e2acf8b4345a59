"""Units and site agree, hours follow the census where nobody reports them, and drivers are only what was known."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.forecasting import BadHistory
from ml.forecasting.fit import fit
from ml.forecasting.mart import site_history
from ml.forecasting.predict import predict
from ml.forecasting.ratios import Places
from ml.forecasting.site_total import Spread, forecast_site, reconciled, totals
from tests.unit.ml.forecasting.conftest import FIRST, history, small_table

ZONE = ZoneInfo("Europe/Dublin")
DAYS = 200
AS_OF = dt.datetime.combine(FIRST + dt.timedelta(days=DAYS), dt.time(13), ZONE)
PLACES = Places({"MED": "ward", "SUR": "ward"}, {"day": 12.0, "night": 12.0})


@pytest.fixture(scope="module")
def past(table):
    return history(table)


@pytest.fixture(scope="module")
def model(past, declared):
    return fit(past, declared, site="here", region="EU", train_until=AS_OF.date(), seed=1)


def mart(table, **columns):
    rows = table.num_rows
    known = pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)] * rows, pa.timestamp("us", "UTC"))
    for name, values in {"site": ["here"] * rows, "known_at": known, **columns}.items():
        table = table.append_column(name, pa.array(values) if isinstance(values, list) else values)
    return table


def test_units_add_up_to_the_total_at_every_day_and_no_interval_becomes_a_sum_of_intervals(past, model, declared):
    units, whole = forecast_site(model, declared, past, AS_OF, declared.horizons_days)
    assert len(whole.lines) == len(declared.targets) * 2 * 7
    for total in whole.lines:
        parts = [
            one.quantiles
            for one in units.lines
            if (one.target, one.shift, one.date) == (total.target, total.shift, total.date)
        ]
        assert sum(one[0.5] for one in parts) == pytest.approx(total.quantiles[0.5])
        width = total.quantiles[0.95] - total.quantiles[0.05]
        assert 0 < width < sum(one[0.95] - one[0.05] for one in parts)
        assert all(sorted(one.values()) == list(one.values()) and min(one.values()) >= 0 for one in parts)


def test_the_gap_is_shared_by_variance_and_nobody_falls_below_nothing():
    sure, unsure, empty = (
        Spread({0.05: p - d, 0.5: p, 0.95: p + d}, d) for p, d in ((20.0, 1.0), (20.0, 3.0), (0.5, 3.0))
    )
    (one, other), total = reconciled([sure, unsure], Spread({0.05: 40.0, 0.5: 51.0, 0.95: 60.0}, 1.0))
    assert (one.point, other.point, total.point) == pytest.approx((21.0, 29.0, 50.0))
    assert other.quantiles[0.95] - other.quantiles[0.05] == pytest.approx(6.0)
    (high, low), total = reconciled([sure, empty], Spread({0.5: 1.0}, 1.0))
    assert low.point == 0.0 and (high.point, total.point) == pytest.approx((10.5, 10.5)), "halfway from 20 to 1"
    nobody, none = reconciled([empty, empty], Spread({0.5: 0.0}, 1e-9))
    assert (nobody[0].point, none.point) == pytest.approx((0.0, 0.0))
    alone, same = reconciled([sure], Spread({0.5: 99.0}, 1.0))
    assert alone[0] is same is sure


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 10)), min_size=2, max_size=8),
    st.floats(0, 400), st.floats(0.1, 10),
)  # fmt: skip
def test_what_a_unit_at_nothing_cannot_give_is_shared_among_the_others(units, total, unsure):
    """The optimum of least squares with bounds: one multiplier for everybody above 0, and none who would rise at 0."""
    given, above = [Spread({0.5: p}, d) for p, d in units], Spread({0.5: total}, unsure)
    found, whole = reconciled(given, above)
    assert sum(one.point for one in found) == pytest.approx(whole.point, abs=1e-6)
    share = (total - whole.point) / unsure**2
    for before, after in zip(given, found, strict=True):
        wanted = before.point + share * before.deviation**2
        assert after.point == pytest.approx(max(0.0, wanted), abs=1e-5)


def test_a_unit_that_closes_or_opens_changes_the_total_and_a_gap_leaves_it_unknown():
    table = small_table(days=100, units=("A", "B"), shifts=("day",))
    dates, units = (np.array(table[name].to_pylist()) for name in ("date", "unit"))
    closed = (units == "B") & (dates >= FIRST + dt.timedelta(days=40))
    found = totals(history(table.filter(pa.array(~closed)))).values["census"][0]
    alone = history(table).values["census"]
    assert found[:40] == pytest.approx(alone[:, :40].sum(axis=0))
    assert np.isnan(found[40:67]).all() and found[70:] == pytest.approx(alone[0, 70:])


def test_hours_that_nobody_reports_follow_the_census_by_ratios_and_are_said_to(declared):
    table = small_table(units=("MED",), shifts=("day",))
    empty = pa.nulls(table.num_rows, pa.float64())
    for name in ("rn_hours", "lpn_hours", "aide_hours"):
        table = table.set_column(table.column_names.index(name), name, empty)
    census = np.array(table["census"].to_pylist())
    sickest = [int(one) // 4 for one in census]
    rows = mart(table, census_level_1=[0] * len(census), census_level_2=sickest)
    found = site_history(rows, declared, "here", places=PLACES)
    expected = 0.5 * (6 * np.array(sickest) + 4.8 * (census - np.array(sickest)))
    assert found.values["rn_hours"][0] == pytest.approx(expected)
    assert found.values["nurse_hours"][0] == pytest.approx(
        sum(found.values[n][0] for n in ("rn_hours", "lpn_hours", "aide_hours"))
    )
    lines = [one for one in predict(None, declared, found, AS_OF, [1]).lines if one.target == "rn_hours"]
    assert lines[0].tier == "rule" and "by the ratios of 2026-11-27" in lines[0].reason
    assert not site_history(mart(small_table()), declared, "here", places=PLACES).by_ratio


def test_a_skill_of_the_ratios_that_is_no_target_is_refused_by_name(declared):
    strange = declared.model_copy(update={"skills": {**declared.skills, "midwife": "midwife"}})
    with pytest.raises(BadHistory, match=r"skill 'midwife'.*midwife_hours is no target"):
        site_history(mart(small_table()), strange, "here", places=PLACES)


def driven(shift_bookings=0):
    """A ward whose census of a day is a base and what was booked for it; booked days vary without a pattern."""
    rng = np.random.default_rng(4)
    table = small_table(days=DAYS + 8, units=("MED",), shifts=("day",), seed=9)
    booked = rng.poisson(6, DAYS + 8)
    booked[DAYS + 1] += shift_bookings
    census = 20 + 3 * booked + rng.integers(-1, 2, DAYS + 8)
    known = [int(one) if n < DAYS else None for n, one in enumerate(census)]
    table = table.set_column(table.column_names.index("census"), "census", pa.array(known))
    for name in ("rn_hours", "lpn_hours", "aide_hours"):
        values = table[name].to_pylist()[:DAYS] + [None] * 8
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.float64()))
    leads = {f"booked_{lead}d": pa.array(booked.astype(int)) for lead in range(1, 10)}
    return mart(table, **leads)


def test_bookings_raise_the_forecast_of_their_day_and_the_reason_says_so(declared):
    usual, more = (site_history(driven(extra), declared, "here") for extra in (0, 8))
    model = fit(usual, declared, site="here", region="EU", train_until=AS_OF.date(), seed=1)
    lines = [
        next(one for one in predict(model, declared, past, AS_OF, [1]).lines if one.target == "census")
        for past in (usual, more)
    ]
    assert usual.last == FIRST + dt.timedelta(days=DAYS - 1)
    assert lines[1].quantiles[0.5] > lines[0].quantiles[0.5] + 6
    assert lines[1].reason.startswith("Booked admissions for the day are") and "above the mean" in lines[1].reason
    assert lines[1].reason.endswith("raises the forecast.")


def test_a_history_without_the_drivers_of_a_model_is_forecast_all_the_same(declared):
    model = fit(
        site_history(driven(), declared, "here"), declared, site="here", region="EU", train_until=AS_OF.date(), seed=1
    )
    table = driven()
    bare = table.select([name for name in table.column_names if not name.startswith("booked_")])
    rows = bare.filter(pc.call_function("is_valid", [bare["census"]]))
    found = predict(model, declared, site_history(rows, declared, "here"), AS_OF, [1]).lines
    assert all(one.quantiles for one in found)

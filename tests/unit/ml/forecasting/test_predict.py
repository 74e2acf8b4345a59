import datetime as dt
import json
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from ml.forecasting import ModelRefused
from ml.forecasting.backtest import level_names, rolling_forecasts
from ml.forecasting.bundle import forecast_files, load, save
from ml.forecasting.fit import fit
from ml.forecasting.predict import predict
from ml.registry.canonical import canonical_json, document_digest

from .conftest import FIRST, history, small_table

ZONE = ZoneInfo("America/New_York")
CUT = FIRST + dt.timedelta(days=180)
NOW = dt.datetime.combine(FIRST + dt.timedelta(days=200), dt.time(9), ZONE)


@pytest.fixture(scope="module")
def whole(table):
    return history(table)


@pytest.fixture(scope="module")
def model(whole, declared):
    return fit(whole, declared, site="city", region="US", train_until=CUT, seed=7)


def cut_off(table, last_day, unit=None):
    """The rows up to a day (of one unit, or of all)."""
    kept = [
        (unit is not None and one != unit) or (day - FIRST).days <= last_day
        for one, day in zip(table["unit"].to_pylist(), table["date"].to_pylist(), strict=True)
    ]
    return history(table.filter(pa.array(kept)))


def tiers(forecast, unit=None):
    return {line.tier for line in forecast.lines if unit in (None, line.unit)}


def test_every_unit_shift_target_and_day_gets_an_interval_and_a_reason_from_the_model(model, declared, whole):
    found = predict(model, declared, whole, NOW, declared.horizons_days)
    assert len(found.lines) == 4 * len(declared.targets) * 7 and tiers(found) == {"model"}
    assert found.ignore_when == declared.board.ignore_when
    for line in found.lines:
        spread = list(line.quantiles.values())
        assert list(line.quantiles) == list(declared.recipe.quantiles)
        assert spread == sorted(spread) and spread[0] >= 0 and not line.why
        assert line.reason.endswith(".") and len(line.reason) > 30


def test_a_live_forecast_is_the_one_that_the_backtest_judges(model, declared, table, whole):
    origin = FIRST + dt.timedelta(days=189)
    live = predict(
        model, declared, cut_off(table, 189), dt.datetime.combine(origin, dt.time(23), ZONE) + dt.timedelta(days=1), [2]
    )
    judged, _ = rolling_forecasts(model, whole, "census", 3, CUT, declared.coverage)
    rows = [row for row in judged.to_pylist() if row["date"] == origin + dt.timedelta(days=3)]
    assert len(rows) == 4
    for row in rows:
        [line] = [
            one for one in live.lines if (one.unit, one.shift, one.target) == (row["unit"], row["shift"], "census")
        ]
        assert list(line.quantiles.values()) == pytest.approx([row[name] for name in level_names(model)])


def test_stale_counts_step_down_to_the_weekdays_average_and_say_so(model, declared, table):
    found = predict(model, declared, cut_off(table, 195), NOW, [1])
    assert tiers(found) == {"rule"}
    line = found.lines[0]
    assert "105 hours old, more than 48; the average of the same weekday is given instead" in line.why
    rows = cut_off(table, 195).values["census"][0]
    wanted = FIRST + dt.timedelta(days=201)
    same = [rows[day] for day in range(195, -1, -1) if (FIRST + dt.timedelta(days=day)).weekday() == wanted.weekday()]
    miss = line.quantiles[0.5] - np.mean(same[:6])
    assert abs(miss) < 5


def test_one_silent_unit_steps_down_alone(model, declared, table):
    found = predict(model, declared, cut_off(table, 195, "SUR"), NOW, [1])
    assert tiers(found, "MED") == {"model"} and tiers(found, "SUR") == {"rule"}


def test_a_thin_past_steps_down_from_model_to_average_and_a_new_unit_to_its_last_figure(model, declared, table):
    holes = [(day - FIRST).days not in (188, 190, 192) for day in table["date"].to_pylist()]
    assert tiers(predict(model, declared, history(table.filter(pa.array(holes))), NOW, [1])) == {"rule"}

    newest = [(day - FIRST).days > 196 for day in table["date"].to_pylist()]
    fresh = predict(model, declared, history(table.filter(pa.array(newest))), NOW, [1])
    assert tiers(fresh) == {"history"}
    assert {tuple(line.quantiles) for line in fresh.lines} == {(0.5,)}


def test_with_data_older_than_two_weeks_the_manager_is_asked(model, declared, table):
    found = predict(model, declared, cut_off(table, 180), NOW, [1])
    assert tiers(found) == {"manual"}
    assert all(line.quantiles is None and "enter your own" in line.reason for line in found.lines)


def test_without_a_model_or_with_a_fault_the_next_tier_answers_with_the_fault(declared, whole, model):
    none = predict(None, declared, whole, NOW, [1])
    broken = predict(model, declared, whole, NOW, [1], fault="The bed board's feed is stopped by its contract")
    assert tiers(none) == tiers(broken) == {"rule"}
    assert none.lines[0].why.startswith("There is no released model; the average")
    assert broken.lines[0].why.startswith("The bed board's feed is stopped by its contract; the average")


def test_a_tier_that_was_stepped_down_to_is_not_left_upwards(model, declared, whole):
    assert tiers(predict(model, declared, whole, NOW, [1], allowed="history")) == {"history"}


@pytest.mark.parametrize(("allowed", "answers"), [("reduced", "rule"), ("reference", "manual")])
def test_a_tier_that_forecasts_do_not_have_is_answered_by_the_next_below(model, declared, whole, allowed, answers):
    assert tiers(predict(model, declared, whole, NOW, [1], allowed=allowed)) == {answers}


def test_a_unit_that_the_model_never_saw_is_not_forecast_by_it(model, declared):
    other = history(small_table(units=("MED", "NEW")))
    found = predict(model, declared, other, NOW, [1])
    assert tiers(found, "MED") == {"model"} and tiers(found, "NEW") == {"rule"}
    assert "has not learned this unit" in next(line.why for line in found.lines if line.unit == "NEW")


def test_a_model_survives_its_files_and_the_same_inputs_give_the_same_digest(model, declared, whole, tmp_path):
    digest = save(model, tmp_path / "one")
    again = load(tmp_path / "one", digest)
    assert predict(again, declared, whole, NOW, [1, 7]) == predict(model, declared, whole, NOW, [1, 7])
    assert forecast_files(again) == forecast_files(model)
    refit = fit(whole, declared, site="city", region="US", train_until=CUT, seed=7)
    assert save(refit, tmp_path / "two") == digest
    head = json.loads((tmp_path / "one" / "forecast.json").read_bytes())
    assert canonical_json(head) == (tmp_path / "one" / "forecast.json").read_bytes()
    assert digest == document_digest(
        {name: __import__("hashlib").sha256(content).hexdigest() for name, content in forecast_files(model).items()}
    )


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda f: (f / "census.lgb.txt").unlink(), "names"),
        (lambda f: (f / "more.txt").write_text("x"), "names"),
        (lambda f: (f / "errors.json").write_text("{}"), "not well-formed"),
        (lambda f: (f / "census.lgb.txt").write_text("tree"), "cut short"),
        (lambda f: (f / "forecast.json").write_text('{"schema": "other/2"}'), "reads 'pilothouse.forecast_model/2'"),
        (lambda f: (f / "link.json").symlink_to(f / "forecast.json"), "no place"),
    ],
)
def test_a_folder_that_is_not_what_was_saved_is_refused(model, tmp_path, harm, fault):
    digest = save(model, tmp_path / "model")
    harm(tmp_path / "model")
    with pytest.raises(ModelRefused, match=fault):
        load(tmp_path / "model")
    with pytest.raises(ModelRefused, match="no place|not " + digest[:12]):
        load(tmp_path / "model", digest)

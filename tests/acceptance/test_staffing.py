"""Seven years of a real facility's nurse hours: landed, shaped, forecast, compared with two baselines computed here."""

import csv
import datetime as dt
import gzip
import json
from statistics import fmean

import pytest

from .conftest import Home

pytestmark = [pytest.mark.shared_data, pytest.mark.xdist_group("staffing")]

TEST_FROM = dt.date(2023, 1, 1)
HORIZONS = range(1, 8)


@pytest.fixture(scope="module")
def facility(tmp_path_factory, shared_data):
    """The file as published, ingested and run; the slow part is dbt building every table once."""
    home = Home(tmp_path_factory.mktemp("staffing") / "home")
    receipts = home.ok("ingest", shared_data / "nurse_staffing_pbj", "--site", "pbj")["receipts"]
    assert [(one["received"], one["landed"]) for one in receipts] == [(2466, 2466)]
    published = shared_data / "demand_timeseries" / "nhs_ae_attendances_2016_2018.csv"
    assert home.ok("ingest", published, "--site", "nhs_ae")["receipts"][0]["landed"] == 8393
    assert home.ok("run", "--site", "pbj")["succeeded"]
    return home


@pytest.fixture(scope="module")
def truth(shared_data):
    """Date -> census and nurse hours, read from the published file by nothing of the product's."""
    with gzip.open(shared_data / "nurse_staffing_pbj" / "daily_2017_2023.csv.gz", "rt") as text:
        rows = list(csv.DictReader(text))
    days = [dt.date.fromisoformat(row["WorkDate"]) for row in rows]
    hours = [sum(float(row[name]) for name in ("Hrs_RN", "Hrs_LPN", "Hrs_CNA")) for row in rows]
    census = [float(row["MDScensus"]) for row in rows]
    return {
        "census": dict(zip(days, census, strict=True)),
        "nurse_hours": dict(zip(days, hours, strict=True)),
    }


@pytest.fixture(scope="module")
def found(facility):
    return facility.ok("backtest", "staffing", "--site", "pbj", "--train-until", TEST_FROM, "--test-from", TEST_FROM)


def baseline(values, lag_days):
    tested = [day for day in values if day >= TEST_FROM]
    return fmean(abs(values[day] - values[day - dt.timedelta(days=lag_days)]) for day in tested)


def test_what_ended_years_ago_is_judged_but_not_rehearsed_so_the_gate_refuses_it(facility):
    ran = facility.run("gate", "explain", "staffing", "--site", "pbj", "--stage", "shadow", "--json")
    assert ran.code == 1
    unmet = {one["clause"]: one["reason"] for one in ran.json["results"] if not one["met"]}
    assert unmet == {"rollback-rehearsed": "no rehearsal evidence for this release"}


def test_the_last_year_is_tested_and_the_missing_quarter_is_said(found):
    assert (found["n_train"], found["n_test"]) == (2101, 365)
    assert found["gaps"] == [{"first": "2018-01-01", "last": "2018-03-31", "days": 90}]
    assert not found["left_out"]


@pytest.mark.parametrize("target", ["census", "nurse_hours"])
def test_baselines_are_what_a_person_would_have_said(found, truth, target):
    for horizon in HORIZONS:
        reported = found["outcomes"][f"{target}_{horizon}d"]["baselines"]
        assert reported["persistence"]["mae"] == pytest.approx(baseline(truth[target], horizon))
        assert reported["seasonal_naive"]["mae"] == pytest.approx(baseline(truth[target], 7))


def test_nurse_hours_are_at_least_a_tenth_better_than_both_baselines_from_two_days_ahead_on(found, truth):
    for horizon in HORIZONS:
        best = min(baseline(truth["nurse_hours"], horizon), baseline(truth["nurse_hours"], 7))
        outcome = found["outcomes"][f"nurse_hours_{horizon}d"]
        assert outcome["mae"] < 0.9 * best
        assert min(skill["lower"] for skill in outcome["skill"].values()) > 0.1


def test_the_census_is_a_random_walk_and_the_model_does_not_pretend_otherwise(found, truth):
    for horizon in HORIZONS:
        outcome = found["outcomes"][f"census_{horizon}d"]
        assert outcome["mae"] <= 1.05 * min(baseline(truth["census"], horizon), baseline(truth["census"], 7))
        assert outcome["skill"]["persistence"]["value"] < 0.1, (
            "no longer a miss: correct README and its decision record"
        )


def test_intervals_cover_nine_in_ten_within_what_blocks_of_days_allow(found):
    for name, outcome in found["outcomes"].items():
        low, high = outcome["coverage_90_interval"]
        assert low <= 0.9 <= high, name
        assert outcome["width_90"] > 0 and outcome["pinball"] < outcome["mae"]


def test_a_test_that_would_begin_in_training_and_a_site_without_hours_are_refused_in_words(facility):
    early = facility.run(
        *("backtest", "staffing", "--site", "pbj", "--train-until", "2023-01-01", "--test-from", "2022-12-31", "--json")
    )
    assert (early.code, early.json["kind"]) == (1, "ForecastOverlaps")
    nobody = facility.run(
        *(
            "backtest",
            "staffing",
            "--site",
            "city",
            "--train-until",
            "2023-01-01",
            "--test-from",
            "2023-01-01",
            "--json",
        )
    )
    assert nobody.code == 1 and "Land its staffing feed" in json.dumps(nobody.json)


def test_attendances_of_a_country_are_forecast_a_year_ahead_beside_what_a_person_would_have_said(facility, shared_data):
    with (shared_data / "demand_timeseries" / "nhs_ae_attendances_2016_2018.csv").open() as text:
        counts: dict[tuple[str, str], float] = {}
        for row in csv.DictReader(text):
            key = (row["org_code"], row["period"][:7])
            counts[key] = counts.get(key, 0.0) + float(row["attendances"])
    found = facility.ok(
        "backtest", "demand", "--site", "nhs_ae", "--train-until", "2017-04-01", "--test-from", "2017-04-01"
    )
    assert (found["n_train"], found["n_test"], len(found["outcomes"])) == (12, 12, 12)
    misses = []
    for (unit, month), count in counts.items():
        before = (
            f"{int(month[:4]) - 1}{month[4:]}",
            f"{dt.date(int(month[:4]), int(month[5:]), 1) - dt.timedelta(days=1):%Y-%m}",
        )
        if month >= "2017-04" and all((unit, one) in counts for one in before):
            misses.append(abs(count - counts[unit, before[0]]))
    month = found["outcomes"]["arrivals_1m"]
    assert (month["n"], month["baselines"]["seasonal_naive"]["mae"]) == (len(misses), pytest.approx(fmean(misses)))
    assert month["skill"]["persistence"]["lower"] > 0 and month["skill"]["seasonal_naive"]["lower"] > 0
    for outcome in found["outcomes"].values():
        assert outcome["skill"]["seasonal_naive"]["value"] > -0.05 and outcome["width_90"] > 0

"""Forecasts at work: a facility's staffing, published demand, every ward of a large hospital, bed demand's calibration.

Here belongs what is measured; `stages.py` runs it in a process of its own. Real files go in by the command line's own
steps: landed under their contract, shaped by dbt, then `backtest`.
"""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SOURCES = (
    ("pbj", "nurse_staffing_pbj", "staffing", dt.date(2023, 1, 1)),
    ("nhs_ae", "demand_timeseries/nhs_ae_attendances_2016_2018.csv", "demand", dt.date(2017, 4, 1)),
    ("ae_daily", "demand_timeseries/daily_ed_arrivals_simulated.csv", "demand", dt.date(2017, 10, 1)),
    ("wards", "demand_timeseries/inpatient_arrivals_synthetic.csv", "demand", dt.date(2031, 10, 1)),
)
"""Site, file, use case, and the local day on which its test begins: fixed before any of it was scored."""
WARDS, SHIFTS, DAYS, SEED = 40, ("day", "evening", "night"), 140, 7
BED_SITE, BED_FIRST, BED_DAYS, BED_LEARNED, BED_EVERY = "city", dt.date(2026, 1, 5), 120, 60, 19


def backtests(shared: Path) -> dict[str, Any]:
    """Land the real files in the stage's home, build the tables once, and backtest every site."""
    from orchestration.defs.launch import Launcher
    from orchestration.settings import apply_third_party_switches, load_settings
    from orchestration.steps.intake.landing import ingest_paths
    from orchestration.steps.learning.backtest import backtest_any

    settings = load_settings()
    apply_third_party_switches(settings)
    for site, file, use_case, _ in SOURCES:
        ingest_paths(settings, [shared / file], site, "staffing" if use_case == "staffing" else "demand")
    if not Launcher(settings, lambda _: None).build_tables():
        raise SystemExit("The tables could not be built; see above.")
    return {
        site: backtest_any(settings, use_case, site, midnight(day), midnight(day), SEED)["outcomes"]
        for site, _, use_case, day in SOURCES
    }


def midnight(day: dt.date) -> dt.datetime:
    """The local beginning of a day, as the command line reads one."""
    return dt.datetime.combine(day, dt.time())


def large_hospital() -> dict[str, Any]:
    """Forty wards of 25 beds in three shifts: fit, and then every target of every ward, one to seven days ahead."""
    from ml.forecasting.fit import fit
    from ml.forecasting.history import history_of
    from ml.forecasting.site_total import forecast_site
    from ml.usecases import load_forecast

    declared = load_forecast("staffing")
    columns = [one.column for one in declared.targets if one.column]
    history = history_of(_wards(), columns, {one.name: one.sum_of for one in declared.targets if one.sum_of})
    as_of = dt.datetime(2026, 1, 1, 13, tzinfo=dt.UTC)
    started = time.perf_counter()
    model = fit(history, declared, site="large", region="US", train_until=as_of.date(), seed=SEED)
    fitted = time.perf_counter()
    units, whole = forecast_site(model, declared, history, as_of, declared.horizons_days)
    done = time.perf_counter()
    sums: dict[tuple[str, str, dt.date], float] = {}
    for one in units.lines:
        place = (one.target, one.shift, one.date)
        sums[place] = sums.get(place, 0.0) + (one.quantiles or {0.5: np.nan})[0.5]
    totals = {(one.target, one.shift, one.date): (one.quantiles or {0.5: np.nan})[0.5] for one in whole.lines}
    gap = max(abs(total - sums[place]) for place, total in totals.items())
    name = f"{WARDS} wards x {len(SHIFTS)} shifts, {len(units.lines):,} figures"
    return {"fit_seconds": fitted - started, "seconds": done - fitted, "name": name, "gap": gap}


def _wards() -> pa.Table:
    rng = np.random.default_rng(SEED)
    first = dt.date(2026, 1, 1) - dt.timedelta(days=DAYS)
    dates = [first + dt.timedelta(days=day) for day in range(DAYS)]
    weekend = np.array([0.9 if day.weekday() > 4 else 1.0 for day in dates])
    names = ("unit", "date", "shift", "census", "rn_hours", "lpn_hours", "aide_hours")
    rows: dict[str, list[Any]] = {name: [] for name in names}
    for ward in range(WARDS):
        for shift in SHIFTS:
            walk = 20 + np.cumsum(rng.normal(0, 0.4, DAYS))
            census = np.clip(np.round(walk * weekend + rng.normal(0, 1.5, DAYS)), 0, 25)
            rows["unit"] += [f"W{ward:02d}"] * DAYS
            rows["date"] += dates
            rows["shift"] += [shift] * DAYS
            rows["census"] += list(census)
            for name, ratio in (("rn_hours", 1.6), ("lpn_hours", 0.3), ("aide_hours", 0.8)):
                rows[name] += list(np.maximum(ratio * census + rng.normal(0, 2, DAYS), 0))
    return pa.table(rows)


def bed_demand() -> dict[str, Any]:
    """Randomised PIT of the simulated city's beds, every nineteen hours of two months, risks by triage priority."""
    from orchestration.simulator.world import World
    from orchestration.steps.forecasts.bed_demand import WINDOWS, bed_demand_of
    from orchestration.steps.forecasts.bed_demand_input import stays_of
    from tests.unit.orchestration.steps.simulated_stays import RISK_OF_PRIORITY, stay_table

    world = World(BED_SITE, BED_FIRST, seed=SEED)
    charts = [chart for _ in range(BED_DAYS) for chart in world.advance(measure=False).charts]
    stays = stays_of(stay_table(charts), world.site, dt.datetime.fromtimestamp(world.hospital.now, dt.UTC))
    risks = {chart.visit.id: RISK_OF_PRIORITY[chart.priority] for chart in charts}
    rng = np.random.default_rng(SEED)
    found: dict[str, dict[int, list[tuple[float, float, float]]]] = {
        tier: {hours: [] for hours in WINDOWS} for tier in ("model", "history")
    }
    start = dt.datetime.combine(BED_FIRST, dt.time(), world.site.zone) + dt.timedelta(days=BED_LEARNED)
    for step in range((BED_DAYS - BED_LEARNED - 2) * 24 // BED_EVERY):
        at = start + dt.timedelta(hours=step * BED_EVERY)
        for tier, why in (("model", ""), ("history", "it is off")):
            told = bed_demand_of(stays, risks, at, world.site.zone, why)
            for hours, one in told.windows.items():
                came = stays.net(told.as_of.timestamp(), hours)
                width = one.quantile(0.95) - one.quantile(0.05)
                found[tier][hours].append((one.pit(came, rng.random()), width, abs(came - one.mean)))
    return {
        f"{BED_SITE}, {tier}": {str(hours): _calibration(rows) for hours, rows in windows.items()}
        for tier, windows in found.items()
    }


def _calibration(rows: list[tuple[float, float, float]]) -> dict[str, float]:
    """Largest gap of the PIT from the uniform distribution, beside what chance allows at 99 %, and the rest."""
    pits, widths, misses = (np.array(column) for column in zip(*rows, strict=True))
    ordered, n = np.sort(pits), len(pits)
    ranks = np.arange(1, n + 1) / n
    gap = float(np.maximum(ranks - ordered, ordered - (ranks - 1 / n)).max())
    return {"n": n, "gap": gap, "allowed": 1.628 / n**0.5, "width": float(widths.mean()), "miss": float(misses.mean())}

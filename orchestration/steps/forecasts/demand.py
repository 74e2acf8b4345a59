"""The backtest of a demand series: from the published mart to figures, for the days and for the months of a site.

What does not belong here: the forecasts (ml/forecasting) and what the figures mean (evaluation/metrics).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from evaluation.evidence import EvidenceHead
from evaluation.metrics.forecast import ForecastSample, evaluate_forecasts
from ml.forecasting.backtest import backtest_forecast
from ml.forecasting.demand import require_any, site_days, site_months
from ml.forecasting.history import History
from ml.forecasting.mart import read_staffing
from ml.forecasting.monthly import Months, rolling_months
from ml.usecases import DemandUseCase, load_demand
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.forecasts.forecast_judging import BASELINES, NO_MODEL, ForecastOverlaps, samples_of

BLOCK_MONTHS = 3
"""A quarter: years are too few to draw blocks of them, and neighbouring months share a winter."""


def backtest_demand(
    settings: Settings, use_case: str, site: str, train_until: date, test_from: date, seed: int
) -> dict[str, Any]:
    """Learn from what came before `train_until` (exclusive), forecast what came from `test_from` (inclusive) on.

    Raises `ForecastOverlaps`, `NotEnoughHistory`, `BadHistory`.
    """
    if test_from < train_until:
        raise ForecastOverlaps(f"--test-from {test_from} lies before --train-until {train_until}; choose a later one.")
    declared, place = load_demand(use_case), load_site(site)
    snapshot = read_staffing(settings.snapshots, f"{use_case}_mart")
    days, months = site_days(snapshot.mart, declared, site), site_months(snapshot.mart, declared, site)
    require_any(days, months, site)
    said: dict[str, Any] = {"use_case": use_case, "site": site, "n_train": 0, "n_test": 0, "left_out": {}}
    said |= {"train_until": str(train_until), "test_from": str(test_from)}
    samples: list[ForecastSample] = []
    if days is not None:
        samples += _days(days, declared, site, place.region, (train_until, test_from), seed, said)
    if months is not None:
        samples += _months(months, declared, test_from, said)
    head = EvidenceHead(use_case, site, NO_MODEL, snapshot.digest, datetime.now(UTC), {"from": str(test_from)})
    judged = evaluate_forecasts(samples, head, coverage=declared.coverage, seed=seed)
    return said | {"outcomes": {name: dict(found) for name, found in judged.outcomes.items()}}


def _days(
    days: History,
    declared: DemandUseCase,
    site: str,
    region: str,
    window: tuple[date, date],
    seed: int,
    said: dict[str, Any],
) -> Iterator[ForecastSample]:
    until, since = window
    result = backtest_forecast(days, declared, site=site, region=region, train_until=until, test_from=since, seed=seed)
    said["n_train"] += result.n_train
    said["n_test"] += result.n_test
    said["left_out"] |= {name: count for name, count in result.left_out.items() if count}
    said["gaps"] = [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in days.gaps()]
    return samples_of(result.forecasts, declared)


def _months(months: Months, declared: DemandUseCase, since: date, said: dict[str, Any]) -> Iterator[ForecastSample]:
    told = np.isfinite(months.counts).sum(axis=0) > 0
    start = max(months.index(since), 0)
    said["n_train"] += int(told[:start].sum())
    said["n_test"] += int(told[start:].sum())
    for step in declared.horizons_months:
        name = f"{declared.targets[0].name}_{step}m"
        table, left_out = rolling_months(months, step, since, declared.monthly)
        said["left_out"] |= {name: left_out} if left_out else {}
        levels = declared.monthly.quantiles
        yield ForecastSample(
            name=name,
            day=table["month"].to_numpy().astype(np.int64),
            truth=table["actual"].to_numpy(),
            levels=levels,
            quantiles=np.column_stack([table[f"q_{level:g}"].to_numpy() for level in levels]),
            baselines={baseline: table[baseline].to_numpy() for baseline in BASELINES},
            block=BLOCK_MONTHS,
        )

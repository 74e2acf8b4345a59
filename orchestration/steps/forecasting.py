"""A forecast's backtest: from the published mart to figures.

What does not belong here: the model (ml/forecasting) and what the figures mean (evaluation/metrics).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evaluation.evidence import EvidenceHead
from evaluation.metrics.forecast import ForecastSample, evaluate_forecasts
from ml.forecasting.backtest import backtest_forecast
from ml.forecasting.mart import read_staffing, site_history
from ml.usecases import ForecastUseCase, load_forecast
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.errors import StepError

if TYPE_CHECKING:
    from ml.forecasting.backtest import ForecastBacktest

BASELINES = ("persistence", "seasonal_naive")
NO_MODEL = "0" * 64


class ForecastOverlaps(StepError):
    """A backtest would be tested on what it learned from."""


def backtest_site(
    settings: Settings, use_case: str, site: str, train_until: date, test_from: date, seed: int
) -> dict[str, Any]:
    """Fit on the days before `train_until` (exclusive), forecast those from `test_from` (inclusive), site-local."""
    declared, place = load_forecast(use_case), load_site(site)
    if test_from < train_until:
        raise ForecastOverlaps(
            f"--test-from {test_from} lies before --train-until {train_until}: the test would hold days that were "
            "learned from. Choose a later --test-from."
        )
    snapshot = read_staffing(settings.snapshots, f"{use_case}_mart")
    history = site_history(snapshot.mart, declared, place.id)
    result = backtest_forecast(
        history, declared, site=site, region=place.region, train_until=train_until, test_from=test_from, seed=seed
    )
    head = EvidenceHead(
        use_case, site, NO_MODEL, snapshot.digest, datetime.now(UTC), {"from": str(test_from), "to": str(history.last)}
    )
    judged = evaluate_forecasts(list(samples_of(result, declared)), head, coverage=declared.coverage, seed=seed)
    return {
        "use_case": use_case,
        "site": site,
        "train_until": str(train_until),
        "test_from": str(test_from),
        "n_train": result.n_train,
        "n_test": result.n_test,
        "gaps": [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in history.gaps()],
        "left_out": {name: count for name, count in result.left_out.items() if count},
        "outcomes": {name: _chosen(result, name) | dict(found) for name, found in judged.outcomes.items()},
    }


def samples_of(result: "ForecastBacktest", declared: ForecastUseCase) -> Iterator[ForecastSample]:
    """Cut the table of forecasts into one sample per target and horizon that has rows."""
    table, levels = result.forecasts, declared.recipe.quantiles
    target, step = table["target"].to_numpy(), table["step"].to_numpy()
    for name in result.model.targets:
        for horizon in declared.horizons_days:
            rows = table.filter(pa.array((target == name) & (step == horizon)))
            if rows.num_rows:
                yield ForecastSample(
                    name=f"{name}_{horizon}d",
                    day=rows["date"].cast(pa.int32()).to_numpy().astype(np.int64),
                    truth=rows["actual"].to_numpy(),
                    levels=levels,
                    quantiles=np.column_stack([rows[f"q_{level:g}"].to_numpy() for level in levels]),
                    baselines={baseline: rows[baseline].to_numpy() for baseline in BASELINES},
                )


def _chosen(result: "ForecastBacktest", name: str) -> dict[str, Any]:
    target, _, horizon = name.rpartition("_")
    return {"blend": result.model.targets[target].blends[int(horizon.removesuffix("d"))]}

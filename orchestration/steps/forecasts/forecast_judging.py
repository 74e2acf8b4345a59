"""Forecasts held against the days that came after: a backtest on demand, and the evidence about a candidate.

What does not belong here: training (`forecasting.py`), what figures mean (`evaluation/metrics`), plans.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.evidence import Evidence, EvidenceHead
from evaluation.metrics.forecast import ForecastSample, evaluate_forecasts, forecast_figures
from evaluation.metrics.forecast_evidence import forecast_evidence
from ml.forecasting.backtest import backtest_forecast
from ml.forecasting.mart import read_staffing, site_history
from ml.usecases import DemandUseCase, ForecastUseCase, load_forecast
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.errors import StepError
from orchestration.steps.forecasts.forecast_history import places_of
from orchestration.steps.learning.evidence import head_of, keep_evidence
from orchestration.steps.learning.stores import (
    predictions_file,
    read_candidate,
)

if TYPE_CHECKING:
    from ml.forecasting.backtest import ForecastBacktest


BASELINES = ("persistence", "seasonal_naive")
NO_MODEL = "0" * 64
UNIT_TARGET_HORIZONS = (1, 7)
"""Units are judged at the nearest and the furthest day: every day between would only repeat them."""


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
    history = site_history(snapshot.mart, declared, place.id, places=places_of(place))
    result = backtest_forecast(
        history, declared, site=site, region=place.region, train_until=train_until, test_from=test_from, seed=seed
    )
    head = EvidenceHead(
        use_case, site, NO_MODEL, snapshot.digest, datetime.now(UTC), {"from": str(test_from), "to": str(history.last)}
    )
    judged = evaluate_forecasts(
        list(samples_of(result.forecasts, declared)), head, coverage=declared.coverage, seed=seed
    )
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


def samples_of(table: pa.Table, declared: ForecastUseCase | DemandUseCase) -> Iterator[ForecastSample]:
    """Cut a table of forecasts (`ml/forecasting/backtest`) into one sample per target and horizon that has rows."""
    levels = declared.recipe.quantiles
    target, step = table["target"].to_numpy(zero_copy_only=False), table["step"].to_numpy()
    for name in (one.name for one in declared.targets):
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


def figures_of(samples: list[ForecastSample], declared: ForecastUseCase, seed: int) -> dict[str, float]:
    """Return every figure of some samples that could be estimated, by sample and name."""
    found = {sample.name: forecast_figures(sample, declared.coverage, seed) for sample in samples}
    return {
        f"{name}.{of}": figure.value
        for name, figures in found.items()
        for of, figure in figures.items()
        if figure.value is not None
    }


def judge_forecast(settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
    """Write and return performance, intervals and units of the current candidate, on the days after its training."""
    record, declared = read_candidate(settings, use_case, site), load_forecast(use_case)
    table = pq.read_table(predictions_file(settings, record))
    evidence = forecast_evidence(
        list(samples_of(table, declared)),
        {unit: _of_unit(table, unit, declared) for unit in sorted(set(table["unit"].to_pylist()))},
        head_of(record, {"from": record.test_from, "as_of": record.as_of, "n_train": str(record.n_train)}),
        coverage=declared.coverage,
        seed=record.seed,
    )
    keep_evidence(settings, record, evidence)
    return evidence


def _of_unit(table: pa.Table, unit: str, declared: ForecastUseCase) -> list[ForecastSample]:
    rows = table.filter(pa.array([one == unit for one in table["unit"].to_pylist()]))
    wanted = {f"{one.name}_{horizon}d" for one in declared.targets for horizon in UNIT_TARGET_HORIZONS}
    return [sample for sample in samples_of(rows, declared) if sample.name in wanted]

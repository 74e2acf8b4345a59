"""Rolling-origin forecasts of days that came after training, for somebody else to judge.

The model's parameters stay as they were on the last day of training; each forecast reads the days up to its origin, and
its interval the errors that were known then. Metrics are `evaluation/metrics`, and orchestration joins the two.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ml.forecasting import NotEnoughHistory
from ml.forecasting.features import WEEK, earlier
from ml.forecasting.fit import fit
from ml.forecasting.history import EPOCH, Floats, History
from ml.forecasting.intervals import join, offsets
from ml.forecasting.model import Errors, ForecastModel
from ml.forecasting.points import points
from ml.usecases.demand import DemandUseCase
from ml.usecases.forecast import ForecastUseCase


@dataclass(frozen=True)
class ForecastBacktest:
    """A model and its forecasts of later days (see `rolling_forecasts`). `n_train` and `n_test` count known days;
    `left_out` counts pairs of day and series that could not be forecast or compared, by `<target>_<step>d`."""

    model: ForecastModel
    forecasts: pa.Table
    n_train: int
    n_test: int
    left_out: dict[str, int]


def backtest_forecast(
    history: History,
    declared: ForecastUseCase | DemandUseCase,
    *,
    site: str,
    region: str,
    train_until: dt.date,
    test_from: dt.date,
    seed: int,
) -> ForecastBacktest:
    """Fit on the days before `train_until` (exclusive) and forecast every known day from `test_from` (inclusive).

    Raises `NotEnoughHistory` when there is nothing to learn from or to test on.
    """
    if test_from < train_until:
        raise ValueError(f"test_from {test_from} lies before train_until {train_until}.")
    model = fit(history, declared, site=site, region=region, train_until=train_until, seed=seed)
    known = np.any([np.isfinite(history.values[name]).any(axis=0) for name in model.targets], axis=0)
    n_test = int(known[max(history.index(test_from), 0) :].sum())
    if not n_test:
        raise NotEnoughHistory(f"{site} has no known day from {test_from} on; its history ends on {history.last}.")
    tables, left_out = [], {}
    for target in model.targets:
        for step in declared.horizons_days:
            table, missing = rolling_forecasts(model, history, target, step, test_from, declared.coverage)
            tables.append(table)
            left_out[f"{target}_{step}d"] = missing
    n_train = int(known[: history.index(train_until)].sum())
    return ForecastBacktest(model, pa.concat_tables(tables), n_train, n_test, left_out)


def rolling_forecasts(
    model: ForecastModel, history: History, target: str, step: int, test_from: dt.date, coverage: float
) -> tuple[pa.Table, int]:
    """Forecasts of one target, each made `step` days before its date, and how many known days had none.

    Columns: target, step, unit, shift, date, actual; `q_<level>` for every level of the recipe; persistence (the value
    on the origin) and seasonal_naive (the value seven days before the date).
    """
    values, width = history.values[target], model.targets[target].width
    origin_points = points(model, history, target, step)
    errors = known_errors(model, history, target, step, origin_points)
    median, last, week = (earlier(array, step) for array in (origin_points, values, earlier(values, WEEK - step)))
    day = np.arange(values.shape[1])
    wanted = np.isfinite(values) & (day >= history.index(test_from))[None, :]
    usable = wanted & np.isfinite(median) & np.isfinite(last) & np.isfinite(week)
    rows, days = np.nonzero(usable)
    columns = {
        "target": pa.array([target] * len(rows)),
        "step": pa.array([step] * len(rows), pa.int32()),
        "unit": pa.array([model.series[row][0] for row in rows]),
        "shift": pa.array([model.series[row][1] for row in rows]),
        "date": pa.array([history.date(int(place)) for place in days], pa.date32()),
        "actual": pa.array(values[usable]),
    }
    if len(rows):
        distinct, inverse = np.unique(days - step, return_inverse=True)
        shifts = offsets(
            errors, distinct.astype(np.int64) + (history.first - EPOCH).days, step, model.recipe, coverage
        )[inverse]
    else:
        shifts = np.empty((0, len(model.recipe.quantiles)))
    spread = quantiles(median[usable], shifts, width[rows])
    columns |= {name: pa.array(spread[:, n]) for n, name in enumerate(level_names(model))}
    columns |= {"persistence": pa.array(last[usable]), "seasonal_naive": pa.array(week[usable])}
    return pa.table(columns), int(wanted.sum() - usable.sum())


def known_errors(model: ForecastModel, history: History, target: str, step: int, origin_points: Floats) -> Errors:
    """The model's own out-of-sample errors, and those of every day from the end of training on."""
    values = history.values[target]
    miss = (values - earlier(origin_points, step)) / model.targets[target].width[:, None]
    later = np.isfinite(miss) & (np.arange(values.shape[1]) >= history.index(model.train_until))[None, :]
    days, rows = np.nonzero(later.T)
    found = Errors((days + (history.first - EPOCH).days).astype(np.float64), miss[rows, days])
    return join(model.targets[target].errors[step], found)


def quantiles(median: Floats, shifts: Floats, width: Floats) -> Floats:
    """Rows × levels: the point forecast shifted by the error's quantiles; never negative, rising with the level."""
    return np.maximum(median[:, None] + shifts * width[:, None], 0.0)


def level_names(model: ForecastModel) -> Iterator[str]:
    """Column names of the recipe's levels."""
    return (f"q_{level:g}" for level in model.recipe.quantiles)

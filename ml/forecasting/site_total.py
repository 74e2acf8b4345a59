"""Unit and site made to agree: what is said of the units adds up to what is said of the hospital.

The total is forecast as a series of its own by the same model, whose features are free of scale. Points are
reconciled by weighted least squares with a diagonal covariance (MinT's variance scaling; Wickramasuriya,
Athanasopoulos and Hyndman 2019), which for two levels has a closed form: the gap between total and sum is shared out
by error variance. Intervals move with their points and keep their widths; the total's width comes from errors of totals
and is no sum of units' intervals. What does not belong here: forecasting (`predict.py`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from ml.forecasting.drivers import ACUITY
from ml.forecasting.fit import scale_of
from ml.forecasting.history import Floats, History
from ml.forecasting.model import ForecastModel, TargetModel
from ml.forecasting.predict import Forecast, Line, predict
from ml.usecases.forecast import ForecastUseCase
from ml.usecases.ladder import TierName

EVERY_UNIT = ""
"""The unit of a total: no unit of a site is called so."""
OPEN_DAYS = 28


@dataclass(frozen=True)
class Spread:
    """A forecast as rising quantiles by level; `deviation` is the size of its typical error."""

    quantiles: Mapping[float, float]
    deviation: float

    @property
    def point(self) -> float:
        return self.quantiles[0.5]

    def moved(self, by: float) -> "Spread":
        """The same about another point; a figure is never negative, and its quantiles still rise."""
        return replace(self, quantiles={level: max(0.0, one + by) for level, one in self.quantiles.items()})


def totals(history: History) -> History:
    """Each shift's sum over units. A day counts where every unit that was open then is known.

    A unit is open while it has a figure in the four weeks before: one that closed stops counting, one that opened
    counts from its first figure on.
    """
    shifts = tuple(sorted({shift for _, shift in history.series}))
    rows = {shift: [row for row, (_, one) in enumerate(history.series) if one == shift] for shift in shifts}
    values = {
        name: np.stack([(_mean if name == ACUITY else _sum)(grid[rows[shift]]) for shift in shifts])
        for name, grid in history.values.items()
    }
    return History(history.first, tuple((EVERY_UNIT, shift) for shift in shifts), values)


def _sum(grid: Floats) -> Floats:
    known = np.isfinite(grid)
    counts = np.cumsum(known, axis=1)
    before = np.zeros_like(counts)
    before[:, OPEN_DAYS:] = counts[:, :-OPEN_DAYS]
    is_open = counts > before
    whole = (known | ~is_open).all(axis=0) & known.any(axis=0)
    return np.where(whole, np.where(known, grid, 0.0).sum(axis=0), np.nan)


def _mean(shares: Floats) -> Floats:
    known = np.isfinite(shares)
    total = np.where(known, shares, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def model_of_totals(model: ForecastModel, history: History) -> ForecastModel:
    """The same parameters for the series of totals, in units of the totals' own scale."""
    past = history.until(min(history.last, model.train_until))
    targets: dict[str, TargetModel] = {}
    for name, one in model.targets.items():
        scale = scale_of(past.values[name])
        targets[name] = replace(one, scale=scale, spread=np.ones(len(scale)))
    return replace(model, series=history.series, targets=targets)


def forecast_site(
    model: ForecastModel | None,
    declared: ForecastUseCase,
    history: History,
    as_of: dt.datetime,
    horizons: Sequence[int],
    allowed: TierName = "model",
    fault: str = "",
) -> tuple[Forecast, Forecast]:
    """Forecasts of the units and of their totals, which agree. Raises as `predict` does."""
    whole = totals(history)
    units = predict(model, declared, history, as_of, horizons, allowed=allowed, fault=fault)
    above = None if model is None else model_of_totals(model, whole)
    return agree(units, predict(above, declared, whole, as_of, horizons, allowed=allowed, fault=fault))


def agree(units: Forecast, total: Forecast) -> tuple[Forecast, Forecast]:
    """The forecasts of units and of totals, made to add up for every target, shift and date.

    Where any unit has no figure, no total is given; where one has no interval, the total is the sum, without one.
    """
    of_total = {_place(line): line for line in total.lines}
    groups: dict[tuple[str, str, dt.date], list[Line]] = {}
    for line in units.lines:
        groups.setdefault(_place(line), []).append(line)
    settled = {place: _agreed(lines, of_total[place]) for place, lines in groups.items() if place in of_total}
    moved = {(place, line.unit): line for place, (lines, _) in settled.items() for line in lines}
    return (
        replace(units, lines=tuple(moved.get((_place(line), line.unit), line) for line in units.lines)),
        replace(total, lines=tuple(settled[place][1] for place in of_total if place in settled)),
    )


def _place(line: Line) -> tuple[str, str, dt.date]:
    return line.target, line.shift, line.date


def _agreed(lines: list[Line], total: Line) -> tuple[list[Line], Line]:
    if any(line.quantiles is None for line in lines):
        return lines, replace(total, quantiles=None)
    every = [line.quantiles for line in lines if line.quantiles is not None]
    if any(len(one) == 1 for one in every) or total.quantiles is None or len(total.quantiles) == 1:
        return lines, replace(total, quantiles={0.5: float(sum(one[0.5] for one in every))})
    found, whole = reconciled([_spread(one) for one in every], _spread(total.quantiles))
    moved = [replace(line, quantiles=one.quantiles) for line, one in zip(lines, found, strict=True)]
    return moved, replace(total, quantiles=whole.quantiles)


def _spread(quantiles: Mapping[float, float]) -> Spread:
    """With the deviation that the outermost levels would have if errors were normal."""
    low, high = min(quantiles), max(quantiles)
    widths = NormalDist().inv_cdf(high) - NormalDist().inv_cdf(low)
    return Spread(quantiles, (quantiles[high] - quantiles[low]) / widths)


def reconciled(units: Sequence[Spread], total: Spread) -> tuple[tuple[Spread, ...], Spread]:
    """Units and total whose points add up exactly; no point becomes negative.

    With one unit the total is that unit. Where a unit would be drawn below 0, it is at 0, and the others and the total
    share what it did not take.
    """
    if len(units) == 1:
        return tuple(units), units[0]
    found = _settled(
        np.array([one.point for one in units]),
        np.maximum(np.array([one.deviation for one in units]) ** 2, 1e-12),
        total.point,
        max(total.deviation**2, 1e-12),
    )
    moved = tuple(one.moved(float(to - one.point)) for one, to in zip(units, found, strict=True))
    return moved, total.moved(float(sum(one.point for one in moved) - total.point))


def _settled(points: Floats, variances: Floats, total: float, of_total: float) -> Floats:
    """The points nearest to those given, weighed by error variance, none below 0 and the total their sum.

    Whoever would fall below 0 is set to 0, and the gap is shared out again among the rest, until nobody else would.
    """
    free = np.ones(len(points), np.bool_)
    while True:
        gap = total - points[free].sum()
        share = gap / (variances[free].sum() + of_total)
        found = np.where(free, points + variances * share, 0.0)
        if not (found < 0).any():
            return found
        free &= found >= 0

"""Forecasts of monthly counts, one to twelve months ahead, for many units at once.

All figures are counts per day of the month, so that a short month is no fall. A forecast is last year's figure of the
month, grown as the last months have over theirs of the year before (drawn from the unit's own growth towards that of
all units), blended with the last month moved by the season that all units together had a year before. What is not known
yet (the first year has no year before) drops out of the blend; the least that is left is last year's figure. Intervals
are quantiles of relative errors that were known at the origin, pooled over units. Nothing after an origin is read.
"""

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ml.forecasting import BadHistory, NotEnoughHistory
from ml.forecasting.history import Floats, Series
from ml.usecases.demand import MonthlyRecipe

YEAR = 12
FEWEST_ERRORS = 20
SMALLEST = 0.5 / 31
"""Per day: half a person a month stands for none, where logarithms are taken."""


@dataclass(frozen=True)
class Months:
    """`counts`: series × months from `first` (a first of a month), NaN where nothing was reported."""

    first: dt.date
    series: tuple[Series, ...]
    counts: Floats

    def date(self, index: int) -> dt.date:
        """First day of the month at a position."""
        year, month = divmod(self.first.month - 1 + index, YEAR)
        return dt.date(self.first.year + year, month + 1, 1)

    def index(self, day: dt.date) -> int:
        """Position of the month that a day lies in."""
        return (day.year - self.first.year) * YEAR + day.month - self.first.month

    @property
    def lengths(self) -> Floats:
        """Days of every month."""
        days = [self.date(n) for n in range(self.counts.shape[1])]
        return np.array([calendar.monthrange(day.year, day.month)[1] for day in days], np.float64)


def months_of(counts: Mapping[tuple[Series, dt.date], float]) -> Months:
    """Put counts into a grid of months. Raises `BadHistory` for a negative one, `NotEnoughHistory` for none."""
    if not counts:
        raise NotEnoughHistory("There are no monthly counts: nothing has landed for this site yet.")
    for (series, day), count in counts.items():
        if not 0 <= count < np.inf:
            raise BadHistory(f"{' '.join(series).strip()} in {day:%Y-%m} counts {count:g}; expected 0 or more.")
    first = min(day for _, day in counts)
    every = tuple(sorted({series for series, _ in counts}))
    rows = {series: row for row, series in enumerate(every)}
    bare = Months(first, every, np.full((len(every), 0), np.nan))
    grid = np.full((len(every), bare.index(max(day for _, day in counts)) + 1), np.nan)
    for (series, day), count in counts.items():
        grid[rows[series], bare.index(day)] = count
    return Months(first, every, grid)


def point(rates: Floats, origin: int, step: int, recipe: MonthlyRecipe) -> Floats:
    """One forecast per series, of the rate `step` months after `origin`; NaN where last year's is not known."""
    before = origin + step - YEAR
    if before < 0:
        return np.full(len(rates), np.nan)
    seasonal = np.log(rates[:, before])
    seasonal = seasonal + _growth(rates, origin, recipe) if origin >= YEAR else seasonal
    moved = _moved(rates, origin, before)
    share = np.where(np.isfinite(moved), recipe.profile_share, 0.0)
    return np.exp((1 - share) * seasonal + share * np.nan_to_num(moved))


def _growth(rates: Floats, origin: int, recipe: MonthlyRecipe) -> Floats:
    """Yearly growth as a logarithm, per series; 0 where nobody's is known."""
    months = np.arange(max(origin - recipe.growth_months + 1, YEAR), origin + 1)
    grown = np.log(rates[:, months]) - np.log(rates[:, months - YEAR])
    known = np.isfinite(grown)
    if not known.any():
        return np.zeros(len(rates))
    every = float(np.median(grown[known]))
    counts = known.sum(axis=1)
    own = np.where(known, grown, 0.0).sum(axis=1) / np.maximum(counts, 1)
    return np.where(counts > 0, recipe.own_share * own + (1 - recipe.own_share) * every, every)


def _moved(rates: Floats, origin: int, before: int) -> Floats:
    """The last month moved by the season of all units a year before, as a logarithm; NaN where it is not known."""
    if origin < YEAR:
        return np.full(len(rates), np.nan)
    both = np.isfinite(rates[:, before]) & np.isfinite(rates[:, origin - YEAR])
    if not both.any():
        return np.full(len(rates), np.nan)
    season = np.median(np.log(rates[both, before]) - np.log(rates[both, origin - YEAR]))
    return np.log(rates[:, origin]) + season


def relative_errors(rates: Floats, until: int, step: int, recipe: MonthlyRecipe) -> Floats:
    """Logarithms of what came over what was forecast, of all months up to `until` that could be forecast.

    While fewer than two months could, those of the last figure `step` months before stand in, or of as many months as
    there are: they hold the season too, and are wider. Errors are about their own
    median: in few months, what all units missed together says nothing about the next.
    """
    own = [np.log(rates[:, at]) - np.log(point(rates, at - step, step, recipe)) for at in range(YEAR, until + 1)
           if at - step >= 0]  # fmt: skip
    if len(own) < 2:
        gap = min(step, until)
        own += [np.log(rates[:, at]) - np.log(rates[:, at - gap]) for at in range(gap, until + 1)] if gap else []
    found = np.concatenate(own) if own else np.empty(0)
    found = found[np.isfinite(found)]
    return found - np.median(found) if found.size else found


def spread_of(rates: Floats, until: int, step: int, recipe: MonthlyRecipe) -> Floats | None:
    """Quantiles of the relative error `step` months ahead, None where too few errors are known at any step.

    Never narrower than fewer months ahead: the longest steps have the fewest errors, all of the same few months.
    """
    levels = np.array(recipe.quantiles)
    found = [relative_errors(rates, until, one, recipe) for one in range(1, step + 1)]
    every = [np.quantile(errors, levels) for errors in found if errors.size >= FEWEST_ERRORS]
    if not every:
        return None
    return np.where(levels < 0.5, np.min(every, axis=0), np.max(every, axis=0))


def rolling_months(months: Months, step: int, test_from: dt.date, recipe: MonthlyRecipe) -> tuple[pa.Table, int]:
    """Forecasts made `step` months before every month from `test_from` on, and how many counts had none.

    Columns: unit, shift (the stream), date, actual, `q_<level>`, persistence (the origin's count), seasonal_naive (the
    count a year before).
    """
    lengths = months.lengths
    rates = np.maximum(months.counts / lengths, SMALLEST)
    rows: list[dict[str, object]] = []
    left_out = 0
    for at in range(max(months.index(test_from), 0), months.counts.shape[1]):
        origin = at - step
        told = np.isfinite(months.counts[:, at])
        if origin < 0 or at < YEAR:
            left_out += int(told.sum())
            continue
        spread = spread_of(rates[:, : origin + 1], origin, step, recipe)
        middle = point(rates, origin, step, recipe) * lengths[at]
        last, year = months.counts[:, origin], months.counts[:, at - YEAR]
        usable = told & np.isfinite(middle) & np.isfinite(last) & np.isfinite(year)
        usable &= spread is not None
        left_out += int(told.sum() - usable.sum())
        for row in np.flatnonzero(usable):
            pairs = zip(recipe.quantiles, spread if spread is not None else (), strict=True)
            levels = {f"q_{level:g}": middle[row] * np.exp(more) for level, more in pairs}
            rows.append(_row(months, row, at, levels) | {"persistence": last[row], "seasonal_naive": year[row]})
    if not rows:
        raise NotEnoughHistory(
            f"No month from {test_from} on can be forecast {step} months ahead: last year's counts are missing."
        )
    return pa.Table.from_pylist(rows), left_out


def _row(months: Months, row: np.intp, at: int, levels: Mapping[str, float]) -> dict[str, object]:
    unit, stream = months.series[int(row)]
    day = months.date(at)
    place = {"unit": unit, "shift": stream, "date": day, "month": day.year * YEAR + day.month}
    return {**place, "actual": months.counts[row, at], **levels}

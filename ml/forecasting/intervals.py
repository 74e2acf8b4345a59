"""Intervals from out-of-sample errors that were known when the forecast was made: rolling split conformal prediction.

Errors of the last window give the quantiles; the miscoverage aimed at is adapted from day to day (adaptive conformal
inference, Gibbs and Candès 2021), so that intervals widen after misses and narrow after hits. Errors are in units of
the series' scale and pooled over the series of a site.
"""

import numpy as np
import numpy.typing as npt

from ml.forecasting.history import Floats
from ml.forecasting.model import Errors
from ml.usecases.forecast import Recipe

Bools = npt.NDArray[np.bool_]
WARM_UP_DAYS = 180
FEWEST_ERRORS = 20
LARGEST_POOL = 4000
NARROWEST, WIDEST = 0.005, 0.5
"""Bounds of the adapted miscoverage: beyond them an interval says nothing, or nearly everything."""


def join(earlier: Errors, later: Errors) -> Errors:
    """The two in order of the day."""
    days = np.concatenate([earlier.days, later.days])
    order = np.argsort(days, kind="stable")
    return Errors(days[order], np.concatenate([earlier.values, later.values])[order])


def offsets(errors: Errors, origins: npt.NDArray[np.int64], step: int, recipe: Recipe, coverage: float) -> Floats:
    """Quantiles of the error, in scale units, for forecasts made on `origins` (days since 1970, rising).

    Origins × levels of the recipe, each row rising; NaN where fewer than 20 errors were known. An error of day d counts
    from day d on.
    """
    levels, aim = np.array(recipe.quantiles), 1 - coverage
    start, stop = int(origins[0]) - WARM_UP_DAYS, int(origins[-1])
    found = np.full((stop - start + 1, len(levels)), np.nan)
    tails = np.isclose(levels, aim / 2), np.isclose(levels, 1 - aim / 2)
    miscoverage = aim
    for day in range(start, stop + 1):
        made = day - step - start
        if made >= 0 and np.isfinite(found[made, 0]):
            today = errors.values[slice(*np.searchsorted(errors.days, (day, day + 1)))]
            if today.size:
                low, high = found[made][tails[0]][0], found[made][tails[1]][0]
                missed = float(np.mean((today < low) | (today > high)))
                miscoverage = float(np.clip(miscoverage + recipe.adaptation * (aim - missed), NARROWEST, WIDEST))
        first, last = np.searchsorted(errors.days, (day - recipe.interval_window_days + 1, day + 1))
        pool = errors.values[first:last]
        if pool.size >= FEWEST_ERRORS:
            found[day - start] = _quantiles(pool, levels, tails, miscoverage)
    return found[origins - start]


def _quantiles(pool: Floats, levels: Floats, tails: tuple[Bools, Bools], miscoverage: float) -> Floats:
    ordered = np.sort(pool[:: max(1, pool.size // LARGEST_POOL)])
    values = np.quantile(ordered, levels)
    rank = (ordered.size + 1) * miscoverage / 2
    below = max(int(np.floor(rank)), 1) - 1
    values[tails[0]], values[tails[1]] = ordered[below], ordered[ordered.size - 1 - below]
    return np.maximum.accumulate(values)

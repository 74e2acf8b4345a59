"""What a forecast looks at: from the origin's day backwards, and the calendar of the day that is forecast.

Nothing after the origin is read: column t of every array is made of days up to t. Figures are differences from an
anchor (the last value, or the mean of the same weekdays), in units of the series' own scale, so that series of any size
share one model. A day that is unknown gives no difference; an origin with a thin past is not valid.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.forecasting.drivers import ACUITY, BOOKED
from ml.forecasting.history import Floats, History
from ml.forecasting.holidays import KINDS, holidays

WEEK = 7
WEEKDAY_WEEKS = 6
FEWEST_WEEKDAYS = 2
RECENT, FEWEST_RECENT = 14, 12
DRIVER = "census"
LAGS, DEVIATIONS, MEANS = (0, 1, 2), (1, 3, 7, 14), (7, 14, 28, 56)


@dataclass(frozen=True)
class Design:
    """Everything about one target at one step: arrays of series × days, the last axis of `columns` by `names`."""

    names: tuple[str, ...]
    columns: Floats
    last: Floats
    weekday: Floats
    valid: npt.NDArray[np.bool_]

    def anchor(self, kind: str) -> Floats:
        """The anchor called `last` or `weekday`."""
        return self.last if kind == "last" else self.weekday


def earlier(values: Floats, days: int) -> Floats:
    """Column t holds what was in column t - `days` (which is 0 or more); NaN before the beginning."""
    shifted = np.full_like(values, np.nan)
    if days < values.shape[1]:
        shifted[:, days:] = values[:, : values.shape[1] - days]
    return shifted


def same_weekdays(values: Floats, step: int) -> list[Floats]:
    """The latest known values of the weekday that lies `step` days after t, newest first."""
    first = -(-step // WEEK)
    return [earlier(values, WEEK * week - step) for week in range(first, first + WEEKDAY_WEEKS)]


def mean_of(arrays: Sequence[Floats], fewest: int) -> Floats:
    """Mean of what is known, NaN where fewer than `fewest` are."""
    stack = np.stack(arrays)
    known = np.isfinite(stack).sum(axis=0)
    total = np.nansum(stack, axis=0)
    return np.where(known >= fewest, total / np.maximum(known, 1), np.nan)


def trailing_mean(values: Floats, days: int, fewest: int) -> Floats:
    """Mean over the last `days` days including t, NaN where fewer than `fewest` are known."""
    known = np.isfinite(values)
    totals = np.cumsum(np.where(known, values, 0.0), axis=1)
    counts = np.cumsum(known, axis=1)
    totals = totals - np.nan_to_num(earlier(totals, days))
    counts = counts - np.nan_to_num(earlier(counts.astype(np.float64), days))
    return np.where(counts >= fewest, totals / np.maximum(counts, 1), np.nan)


def weekday_mean(values: Floats, step: int) -> Floats:
    """Mean of the same weekday over the last weeks, as known at t for the day `step` days later."""
    return mean_of(same_weekdays(values, step), FEWEST_WEEKDAYS)


def valid_origins(values: Floats) -> npt.NDArray[np.bool_]:
    """Origins whose past is dense enough: t itself and nearly all of the last two weeks are known."""
    recent = trailing_mean(np.isfinite(values).astype(np.float64), RECENT, RECENT)
    return np.isfinite(values) & (np.nan_to_num(recent) * RECENT > FEWEST_RECENT - 0.5)


def design(
    history: History, target: str, step: int, *, anchor: str, scale: Floats, driver_scale: Floats, region: str
) -> Design:
    """Features for `target`, `step` days after each origin.

    `scale` and `driver_scale` (one per series) are the units of differences of the target and of the census.
    """
    values = history.values[target]
    weekdays = same_weekdays(values, step)
    weekday = mean_of(weekdays, FEWEST_WEEKDAYS)
    centre = values if anchor == "last" else weekday
    unit = scale[:, None]
    found: dict[str, Floats] = {f"lag_{lag}": (earlier(values, lag) - centre) / unit for lag in LAGS}
    found |= {f"weekday_{n}": (value - centre) / unit for n, value in enumerate(weekdays[:4], 1)}
    found["weekday_mean_2"] = (mean_of(weekdays[:2], 1) - centre) / unit
    found["weekday_mean_6"] = (weekday - centre) / unit
    found["alternation"] = (weekdays[1] - weekdays[0]) / unit
    deviation = values - mean_of([earlier(values, WEEK * week) for week in range(1, 5)], FEWEST_WEEKDAYS)
    found |= {f"above_weekday_{days}": trailing_mean(deviation, days, 1) / unit for days in DEVIATIONS}
    found |= {f"mean_{days}": (trailing_mean(values, days, days // 2) - centre) / unit for days in MEANS}
    if DRIVER in history.values and target != DRIVER:
        found |= _driver(history.values[DRIVER], driver_scale[:, None])
    found |= _beside(history, step, unit)
    calendar = calendar_columns(history.first, history.days, step, region)
    past = {name: np.nan_to_num(value) for name, value in found.items()}
    names = (*past, *calendar)
    spread = [np.broadcast_to(value, values.shape) for value in calendar.values()]
    valid = valid_origins(values) & np.isfinite(weekday)
    return Design(names, np.stack([*past.values(), *spread], axis=-1), values, weekday, valid)


def _driver(census: Floats, unit: Floats) -> dict[str, Floats]:
    return {
        "census_above_week": (census - earlier(census, WEEK)) / unit,
        "census_above_yesterday": (census - earlier(census, 1)) / unit,
        "census_above_month": (census - trailing_mean(census, 28, 14)) / unit,
    }


def _beside(history: History, step: int, unit: Floats) -> dict[str, Floats]:
    """Acuity above its own month, in shares; bookings above what is usual at this step, in units of the series."""
    found: dict[str, Floats] = {}
    if ACUITY in history.values:
        acuity = history.values[ACUITY]
        found["acuity_above_month"] = acuity - trailing_mean(acuity, 28, 14)
    if (name := BOOKED.format(step)) in history.values:
        booked = np.nan_to_num(history.values[name])
        found["booked_above_usual"] = (booked - trailing_mean(booked, 28, 14)) / unit
    return found


def calendar_columns(first: dt.date, days: int, step: int, region: str) -> dict[str, Floats]:
    """Weekday, holiday and season of the day `step` days after each origin, one value per origin."""
    dates = [first + dt.timedelta(days=day) for day in range(days + step)]
    kinds = [holidays(region, day.year).get(day, "") for day in dates]
    ahead, ahead_kinds = dates[step:], np.array(kinds[step:])
    weekday = np.array([day.weekday() for day in ahead])
    angle = 2 * np.pi * np.array([day.timetuple().tm_yday for day in ahead]) / 365.25
    week_before = [_kind(first + dt.timedelta(days=t + step - WEEK), region) for t in range(days)]
    found = {f"is_weekday_{n}": (weekday == n).astype(np.float64) for n in range(WEEK)}
    found["is_holiday"] = (ahead_kinds != "").astype(np.float64)
    found |= {f"is_{kind}": (ahead_kinds == kind).astype(np.float64) for kind in KINDS.get(region, ())}
    found["was_holiday"] = (np.array(kinds[:days]) != "").astype(np.float64)
    found["was_holiday_week_before"] = np.array([float(kind != "") for kind in week_before])
    return found | {"season_sine": np.sin(angle), "season_cosine": np.cos(angle)}


def _kind(day: dt.date, region: str) -> str:
    return holidays(region, day.year).get(day, "")

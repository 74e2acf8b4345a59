"""Forecasts as people see them: per unit, shift, date and target, with interval, tier and reason.

Each series answers with the highest tier that its own data allow (`tiers.py`); what a tier below the model gives has
the spread of its own past errors. Publishing them in time is orchestration's.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.forecasting.backtest import known_errors, quantiles
from ml.forecasting.drivers import missing_drivers
from ml.forecasting.features import DRIVER, WEEKDAY_WEEKS, Design, earlier, same_weekdays, valid_origins, weekday_mean
from ml.forecasting.history import EPOCH, Floats, History
from ml.forecasting.intervals import FEWEST_ERRORS, offsets
from ml.forecasting.model import ForecastModel
from ml.forecasting.points import design_of, points
from ml.forecasting.reasons import reason
from ml.forecasting.tiers import SAID, Health, Tier, answering
from ml.usecases.forecast import ForecastUseCase
from ml.usecases.ladder import TierName

PAST_DAYS = 365


@dataclass(frozen=True)
class Line:
    """One figure to come.

    `quantiles` maps level to figure, rising: None where the manager's own figure is asked for, the median alone where a
    tier has too few past errors for an interval.
    """

    unit: str
    shift: str
    date: dt.date
    target: str
    tier: Tier
    why: str
    quantiles: Mapping[float, float] | None
    reason: str


@dataclass(frozen=True)
class Forecast:
    """All lines that were made at `as_of`; `ignore_when` is the use case's text."""

    as_of: dt.datetime
    lines: tuple[Line, ...]
    ignore_when: str


def predict(
    model: ForecastModel | None,
    declared: ForecastUseCase,
    history: History,
    as_of: dt.datetime,
    horizons: Sequence[int],
    *,
    allowed: TierName = "model",
    fault: str = "",
) -> Forecast:
    """Forecast the days `horizons` after the local date of `as_of` (with the site's zone).

    `history` is what had arrived by then; days from the date of `as_of` on are not read. `model` may be None, with the
    `fault` that keeps it from answering. Raises `NotEnoughHistory` when the history begins later.
    """
    past = history.until(as_of.date() - dt.timedelta(days=1))
    fault = fault or ("There is no released model" if model is None else "")
    learned = None if model is None else _Learned(model, declared, past)
    lines: list[Line] = []
    for target in declared.targets:
        for row, (unit, shift) in enumerate(past.series):
            known = np.flatnonzero(np.isfinite(past.values[target.name][row]))
            last = int(known[-1]) if known.size else None
            for horizon in horizons:
                date = as_of.date() + dt.timedelta(days=horizon)
                step = past.index(date) - last if last is not None else 0
                own = fault or _unlearned(model, target.name, (unit, shift), step)
                health = _health(past, target.name, row, last, step, as_of, own)
                answer = answering(health, as_of, declared.fallback, allowed)
                spread, said = _figures(learned, declared, past, target.name, row, last, step, answer.tier)
                said += _how_known(past, declared, target.name, (unit, shift))
                lines.append(Line(unit, shift, date, target.name, answer.tier, answer.why, spread, said))
    return Forecast(as_of, tuple(lines), declared.board.ignore_when)


def _how_known(past: History, declared: ForecastUseCase, target: str, series: tuple[str, str]) -> str:
    if series not in past.by_ratio or target == DRIVER:
        return ""
    return f" No hours are reported here: these are what the census needs by the ratios of {declared.ratios.date}."


def _unlearned(model: ForecastModel | None, target: str, series: tuple[str, str], step: int) -> str:
    if model is None or target not in model.targets:
        return "The model has not learned this figure"
    if series not in model.series:
        return "The model has not learned this unit and shift"
    return "" if step in model.steps else "The day is further ahead of the data than the model has learned"


def _health(
    past: History, target: str, row: int, last: int | None, step: int, as_of: dt.datetime, fault: str
) -> Health:
    if last is None:
        return Health(None, False, 0, fault)
    values = past.values[target][row : row + 1, : last + 1]
    until = dt.datetime.combine(past.date(last + 1), dt.time(), as_of.tzinfo)
    known = sum(bool(np.isfinite(one[0, -1])) for one in same_weekdays(values, step))
    return Health(until, bool(valid_origins(values)[0, -1]), min(known, WEEKDAY_WEEKS), fault)


def _figures(
    learned: "_Learned | None",
    declared: ForecastUseCase,
    past: History,
    target: str,
    row: int,
    last: int | None,
    step: int,
    tier: Tier,
) -> tuple[Mapping[float, float] | None, str]:
    label = declared.target(target).label
    if tier == "manual" or last is None:
        return None, f"{label.capitalize()}: no figure is given; enter your own."
    if tier == "model" and learned is not None:
        return learned.line(target, past.series[row], last, step)
    values = past.values[target][row : row + 1, : last + 1]
    simple = weekday_mean(values, step) if tier == "rule" else values
    levels = declared.recipe.quantiles
    miss = (values - earlier(simple, step))[0, -PAST_DAYS:]
    miss = miss[np.isfinite(miss)]
    said = f"{label.capitalize()}: {SAID[tier]}."
    if miss.size < FEWEST_ERRORS:
        return {0.5: float(simple[0, -1])}, said
    spread = np.maximum(simple[0, -1] + np.quantile(miss, levels), 0.0)
    return dict(zip(levels, map(float, spread), strict=True)), said


class _Learned:
    """The model over one history: what all series of a target and step share is worked out once."""

    def __init__(self, model: ForecastModel, declared: ForecastUseCase, past: History) -> None:
        self.model, self.declared, self.past = model, declared, aligned(past, model)
        self._done: dict[tuple[str, int, int], tuple[Design, Floats, Floats]] = {}

    def line(self, target: str, series: tuple[str, str], last: int, step: int) -> tuple[Mapping[float, float], str]:
        """Quantiles and reason of one series, from its last known day."""
        row, label = self.model.series.index(series), self.declared.target(target).label
        one, every, shifts = self._shared(target, last, step)
        spread = quantiles(every[row, -1:], shifts, self.model.targets[target].width[row : row + 1])[0]
        said = reason(self.model, one, target, step, row, last, label)
        return dict(zip(self.model.recipe.quantiles, map(float, spread), strict=True)), said

    def _shared(self, target: str, last: int, step: int) -> tuple[Design, Floats, Floats]:
        if (target, last, step) not in self._done:
            until = self.past.until(self.past.date(last))
            every = points(self.model, until, target, step)
            errors = known_errors(self.model, until, target, step, every)
            origin = np.array([(until.last - EPOCH).days])
            shifts = offsets(errors, origin, step, self.model.recipe, self.declared.coverage)
            self._done[target, last, step] = (design_of(self.model, until, target, step), every, shifts)
        return self._done[target, last, step]


def aligned(history: History, model: ForecastModel) -> History:
    """The history with exactly the model's series, in its order; one that is not there is unknown."""
    places = [history.series.index(one) if one in history.series else None for one in model.series]
    unknown: Floats = np.full(history.days, np.nan)
    values = {
        name: np.stack([grid[place] if place is not None else unknown for place in places])
        for name, grid in history.values.items()
    }
    for target in model.targets.values():
        for name in missing_drivers(target.columns, model.steps, values):
            values[name] = np.full((len(model.series), history.days), np.nan)
    return replace(history, series=model.series, values=values)

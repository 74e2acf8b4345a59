"""Fitting: from a history to a model, choosing anchor and blend by rolling validation inside the training period.

Nothing from `train_until` on is read. The errors that intervals are made of are out of sample: of models fitted before
the days they forecast.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.forecasting import NotEnoughHistory
from ml.forecasting.features import DRIVER, Design, design
from ml.forecasting.history import EPOCH, Floats, History
from ml.forecasting.learners import Ridge, Trees, with_step
from ml.forecasting.model import Errors, ForecastModel, TargetModel
from ml.forecasting.points import blended, learned_points
from ml.usecases.demand import DemandUseCase
from ml.usecases.forecast import ForecastUseCase, Recipe

FEWEST_DAYS = 84
"""Twelve weeks: six for the weekday's mean, four to validate on, two to learn from beyond that."""
SEASON_DAYS = 730
SEASON = ("season_sine", "season_cosine")
SMALLEST_SCALE = 0.5
FOLDS = 2
LARGEST_MISS = 3.0
SITE_WEIGHT_DAYS, SMALLEST_SPREAD = 14, 0.1
"""Days for which the site's errors stand in for a series' own; no series is taken to be nearly without error."""
ANCHORS = ("last", "weekday")


@dataclass(frozen=True)
class _Task:
    """One target's designs and outcomes by step, with what all fits of it share."""

    designs: Mapping[int, Design]
    outcomes: Mapping[int, Floats]
    anchor: str
    scale: Floats
    columns: tuple[str, ...]
    recipe: Recipe
    seed: int


def fit(
    history: History,
    declared: ForecastUseCase | DemandUseCase,
    *,
    site: str,
    region: str,
    train_until: dt.date,
    seed: int,
) -> ForecastModel:
    """Learn every target of the declaration that the site ever reports, from the days before `train_until`.

    Raises `NotEnoughHistory` when fewer than twelve weeks are known.
    """
    past = history.until(train_until - dt.timedelta(days=1))
    known = int(np.isfinite(next(iter(past.values.values()))).any(axis=0).sum())
    if known < FEWEST_DAYS:
        raise NotEnoughHistory(
            f"{site} has {known} known days before {train_until}; at least {FEWEST_DAYS} are needed. Land more days."
        )
    steps = tuple(range(1, max(declared.horizons_days) + declared.recipe.tolerated_lag_days + 1))
    told = [target.name for target in declared.targets if np.isfinite(past.values[target.name]).any()]
    scales = {name: scale_of(past.values[name]) for name in told}
    driver = scales.get(DRIVER, next(iter(scales.values())))
    return ForecastModel(
        use_case=declared.use_case,
        site=site,
        region=region,
        series=past.series,
        targets={
            name: _fit_target(past, name, scale, driver, steps, region, declared.recipe, seed)
            for name, scale in scales.items()
        },
        recipe=declared.recipe,
        train_until=train_until,
        trained={"first": past.first.isoformat(), "days": known, "declaration": declared.digest},
        seed=seed,
    )


def scale_of(values: Floats) -> Floats:
    """Typical difference from the same weekday a week before, per series: what a miss of one unit means there."""
    differences = np.abs(values[:, 7:] - values[:, :-7])
    known = np.isfinite(differences)
    mean = np.where(known, differences, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.maximum(mean, SMALLEST_SCALE)


def _fit_target(
    past: History,
    target: str,
    scale: Floats,
    driver: Floats,
    steps: tuple[int, ...],
    region: str,
    recipe: Recipe,
    seed: int,
) -> TargetModel:
    outcomes = {step: _later(past.values[target], step) for step in steps}
    bare = {step: _design(past, target, step, "last", scale, driver, region) for step in steps}
    anchor = min(ANCHORS, key=lambda kind: _anchor_error(bare, outcomes, kind))
    designs = (
        bare
        if anchor == "last"
        else {step: _design(past, target, step, anchor, scale, driver, region) for step in steps}
    )
    names = designs[steps[0]].names
    columns = tuple(name for name in names if past.days >= SEASON_DAYS or name not in SEASON)
    task = _Task(designs, outcomes, anchor, scale, columns, recipe, seed)
    folds = _folds(past.days, recipe.validation_days)
    members = [_members(task, *_learn(task, start)) for start, _ in folds]
    blends, validation = _choose(task, members, folds)
    found = {step: _scaled_errors(task, members, folds, step, blends[step]) for step in steps}
    spread = _spread(list(found.values()), len(scale))
    errors = {step: one.in_units_of(spread, past.first) for step, one in found.items()}
    ridges, trees = _learn(task, past.days)
    return TargetModel(anchor, scale, spread, columns, blends, ridges, trees, errors, validation)


def _design(past: History, target: str, step: int, anchor: str, scale: Floats, driver: Floats, region: str) -> Design:
    return design(past, target, step, anchor=anchor, scale=scale, driver_scale=driver, region=region)


def _later(values: Floats, step: int) -> Floats:
    shifted = np.full_like(values, np.nan)
    shifted[:, : values.shape[1] - step] = values[:, step:]
    return shifted


def _anchor_error(designs: Mapping[int, Design], outcomes: Mapping[int, Floats], kind: str) -> float:
    errors = [np.abs(outcomes[step] - one.anchor(kind))[one.valid] for step, one in designs.items()]
    return float(np.nanmean(np.concatenate(errors)))


def _folds(days: int, longest: int) -> list[tuple[int, int]]:
    """The last stretches of the training period, oldest first, as [start, stop) of target days."""
    length = min(longest, days // 4)
    return [(days - length * n, days - length * (n - 1)) for n in range(FOLDS, 0, -1)]


def _learn(task: _Task, stop: int) -> tuple[dict[int, Ridge], Trees]:
    """Fit on rows whose target day lies before `stop`."""
    ridges: dict[int, Ridge] = {}
    rows, outcomes, weights = [], [], []
    for step, one in task.designs.items():
        chosen = _rows(task, step, 0, stop)
        features = _columns(task, one)[chosen]
        outcome = ((task.outcomes[step] - one.anchor(task.anchor)) / task.scale[:, None])[chosen]
        age = stop - (np.nonzero(chosen)[1] + step)
        weight = 0.5 ** (age / task.recipe.half_life_days)
        if not len(outcome):
            raise NotEnoughHistory("Too few days in a row are known to learn from; land the missing days.")
        ridges[step] = Ridge.fit(features, outcome, weight, task.recipe.ridge_penalty)
        rows.append(with_step(features, step))
        outcomes.append(outcome)
        weights.append(weight)
    stacked = (np.concatenate(rows), np.concatenate(outcomes), np.concatenate(weights))
    return ridges, Trees.fit(*stacked, task.columns, task.recipe, task.seed)


def _columns(task: _Task, one: Design) -> Floats:
    return one.columns[..., [one.names.index(name) for name in task.columns]]


def _rows(task: _Task, step: int, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Origins that are valid and whose target day is known and lies in [start, stop)."""
    one, outcome = task.designs[step], task.outcomes[step]
    day = np.arange(outcome.shape[1]) + step
    return one.valid & np.isfinite(outcome) & ((day >= start) & (day < stop))[None, :]


def _members(task: _Task, ridges: Mapping[int, Ridge], trees: Trees) -> dict[int, Mapping[str, Floats]]:
    return {
        step: learned_points(one, task.columns, task.anchor, task.scale, ridges[step], trees, step)
        for step, one in task.designs.items()
    }


def _choose(
    task: _Task, members: list[dict[int, Mapping[str, Floats]]], folds: list[tuple[int, int]]
) -> tuple[dict[int, str], dict[int, dict[str, float]]]:
    """The blend with the smallest error over folds and steps, and what each of them had by step.

    Errors are in scale units and capped: a collapse of demand in the validation period must not choose alone. One blend
    serves all steps but the first, where the last value knows most and may win by itself.
    """
    found = {
        step: {
            name: float(
                np.minimum(np.abs(_scaled_errors(task, members, folds, step, name).values), LARGEST_MISS).mean()
            )
            for name in task.recipe.blends
        }
        for step in task.designs
    }
    first, *others = found
    together = {name: sum(found[step][name] for step in others) for name in task.recipe.blends}
    chosen = {first: min(found[first], key=lambda name: found[first][name])}
    return chosen | dict.fromkeys(others, min(together, key=lambda name: together[name])), found


def _scaled_errors(
    task: _Task, members: list[dict[int, Mapping[str, Floats]]], folds: list[tuple[int, int]], step: int, blend: str
) -> "_Scaled":
    """Scaled errors over the folds, in order of the day."""
    found: list[_Scaled] = []
    for fold, (start, stop) in zip(members, folds, strict=True):
        chosen = _rows(task, step, start, stop)
        miss = (task.outcomes[step] - blended(fold[step], task.recipe.blends[blend])) / task.scale[:, None]
        rows, origins = np.nonzero(chosen)
        order = np.argsort(origins, kind="stable")
        found.append(_Scaled((origins + step)[order], rows[order], miss[chosen][order]))
    if not sum(len(one.values) for one in found):
        raise NotEnoughHistory("No day of the validation period can be forecast; land the missing days.")
    return _Scaled(*(np.concatenate([getattr(one, name) for one in found]) for name in ("days", "rows", "values")))


@dataclass(frozen=True)
class _Scaled:
    """Errors in scale units, with the position of their day and their series' row; equal lengths."""

    days: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    values: Floats

    def in_units_of(self, spread: Floats, first: dt.date) -> Errors:
        """The same in units of each series' own spread, with days since 1970."""
        return Errors(self.days.astype(np.float64) + (first - EPOCH).days, self.values / spread[self.rows])


def _spread(found: list[_Scaled], series: int) -> Floats:
    """How large each series' errors are beside the site's, over all steps; few days are drawn towards the site's.

    Without it a unit whose demand jumps has intervals as narrow as those of its quiet neighbours. One series is 1.
    """
    rows = np.concatenate([one.rows for one in found])
    size = np.abs(np.concatenate([one.values for one in found]))
    counts = np.bincount(rows, minlength=series)
    own = np.bincount(rows, weights=size, minlength=series) / np.maximum(counts, 1)
    typical = float(size.mean())
    if typical == 0:
        return np.ones(series)
    days = counts / len(found)
    return np.maximum((days * own / typical + SITE_WEIGHT_DAYS) / (days + SITE_WEIGHT_DAYS), SMALLEST_SPREAD)

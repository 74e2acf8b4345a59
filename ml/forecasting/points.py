"""Point forecasts of a fitted model for every origin of a history at once: what intervals are laid around."""

from collections.abc import Mapping

import numpy as np

from ml.forecasting.features import DRIVER, Design, design
from ml.forecasting.history import Floats, History
from ml.forecasting.learners import Ridge, Trees
from ml.forecasting.model import Blend, ForecastModel


def learned_points(
    one: Design, columns: tuple[str, ...], anchor: str, scale: Floats, ridge: Ridge, trees: Trees, step: int
) -> Mapping[str, Floats]:
    """What each member of a blend forecasts for every origin, series × days; NaN at origins that are not valid."""
    rows = one.columns[..., [one.names.index(name) for name in columns]]
    centre, unit = one.anchor(anchor), scale[:, None]
    found = {
        "last": one.last,
        "weekday": one.weekday,
        "ridge": centre + unit * ridge.predict(rows),
        "trees": centre + unit * trees.predict(rows, step),
    }
    return {name: np.where(one.valid, values, np.nan) for name, values in found.items()}


def blended(points: Mapping[str, Floats], blend: Blend) -> Floats:
    """The weighted mean of the members, never below 0."""
    total = sum(weight for weight in blend.values())
    return np.maximum(np.sum([weight / total * points[name] for name, weight in blend.items()], axis=0), 0.0)


def design_of(model: ForecastModel, history: History, target: str, step: int) -> Design:
    """The design that the model's learners expect; `history` has the model's series, in its order."""
    driver = model.targets[DRIVER].scale if DRIVER in model.targets else model.targets[target].scale
    return design(
        history,
        target,
        step,
        anchor=model.targets[target].anchor,
        scale=model.targets[target].scale,
        driver_scale=driver,
        region=model.region,
    )


def points(model: ForecastModel, history: History, target: str, step: int) -> Floats:
    """The forecast for the day `step` days after every origin, series × days."""
    one = model.targets[target]
    members = learned_points(
        design_of(model, history, target, step),
        one.columns,
        one.anchor,
        one.scale,
        one.ridges[step],
        one.trees,
        step,
    )
    return blended(members, model.blend(target, step))

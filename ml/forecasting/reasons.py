"""The sentence of reason: what moved a forecast most, from the model's own contributions, with its baseline.

Ridge contributions and TreeSHAP are weighed as the blend weighs the learners. What may be said of which column is here;
when to ignore it is the use case's text.
"""

from collections.abc import Mapping

import numpy as np

from ml.forecasting.drivers import MODEL_COLUMNS
from ml.forecasting.features import Design
from ml.forecasting.history import Floats
from ml.forecasting.model import ForecastModel

SMALLEST = 0.05
"""Of the series' scale: below it, a contribution is not worth a sentence."""
ANCHORS: Mapping[str, str] = {
    "last": "the last known figure",
    "weekday": "the six-week average of this weekday",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CENTRED: Mapping[str, str] = {
    "lag_0": "the last known figure",
    "weekday_1": "the same weekday last week",
    "weekday_mean_2": "the mean of the last two same weekdays",
    "mean_7": "the mean of the last 7 days",
    "mean_14": "the mean of the last 14 days",
    "mean_28": "the mean of the last 28 days",
}
DEVIATIONS: Mapping[str, int] = {f"above_weekday_{days}": days for days in (1, 3, 7, 14)}
CENSUS: Mapping[str, str] = {
    "census_above_week": "a week before",
    "census_above_yesterday": "the day before",
    "census_above_month": "the mean of 28 days",
}


BESIDE = frozenset(MODEL_COLUMNS)


def contributions(model: ForecastModel, one: Design, target: str, step: int, row: int, origin: int) -> Floats:
    """What each of the model's columns adds to this forecast, in scale units."""
    fitted, blend = model.targets[target], model.blend(target, step)
    columns = one.columns[row, origin, [one.names.index(name) for name in fitted.columns]]
    found = blend.get("ridge", 0.0) * fitted.ridges[step].contributions(columns)
    if weight := blend.get("trees", 0.0):
        found = found + weight * fitted.trees.contributions(columns[None, :], step)[0]
    return found


def reason(model: ForecastModel, one: Design, target: str, step: int, row: int, origin: int, label: str) -> str:
    """One sentence: the driver that moved the forecast most, and the baseline it is compared with."""
    fitted = model.targets[target]
    baseline = ANCHORS[fitted.anchor]
    if not {"ridge", "trees"} & set(model.blend(target, step)):
        only = "last" if "last" in model.blend(target, step) else "weekday"
        return f"{label.capitalize()}: as {ANCHORS[only]}; in the past nothing else foretold it better."
    moved = contributions(model, one, target, step, row, origin)
    strength = np.where([_is_sayable(name) for name in fitted.columns], np.abs(moved), 0.0)
    at = int(np.argmax(strength))
    if strength[at] < SMALLEST:
        return f"{label.capitalize()}: close to {baseline}; nothing recent moves it."
    name = fitted.columns[at]
    value = float(one.columns[row, origin, one.names.index(name)])
    scale = model.targets["census"].scale if name in CENSUS and "census" in model.targets else fitted.scale
    level = float(one.anchor(fitted.anchor)[row, origin])
    driver = _driver(name, value, float(scale[row]), level, label, baseline)
    return f"{driver}, which {'raises' if moved[at] > 0 else 'lowers'} the forecast."


def _is_sayable(name: str) -> bool:
    return name in CENTRED or name in DEVIATIONS or name in CENSUS or name in BESIDE or name.startswith("is_")


def _beside(name: str, value: float, side: str, size: float) -> str:
    if name == "acuity_above_month":
        return (
            f"The share of patients of triage level 1 or 2 is {100 * abs(value):.0f} points {side} the mean of 28 days"
        )
    return f"Booked admissions for the day are {size:.1f} {side} the mean of the last 28 days at this notice"


def _driver(name: str, value: float, scale: float, level: float, label: str, baseline: str) -> str:
    side, size = ("above" if value >= 0 else "below"), abs(value) * scale
    if name in CENTRED:
        share = f"{100 * size / level:.0f} %" if level > 0 else f"{size:.1f}"
        return f"{label.capitalize()}: {CENTRED[name]} is {share} {side} {baseline}"
    if name in DEVIATIONS:
        days = DEVIATIONS[name]
        when = "the last day was" if days == 1 else f"the last {days} days were"
        return f"{label.capitalize()}: {when} {size:.1f} {side} the four-week baseline of their weekdays"
    if name in CENSUS:
        return f"The census is {size:.1f} {side} {CENSUS[name]}"
    if name in BESIDE:
        return _beside(name, value, side, size)
    kind = name.removeprefix("is_")
    if kind.startswith("weekday_"):
        kind = WEEKDAYS[int(kind.removeprefix("weekday_"))]
    return f"The day {'is' if value > 0 else 'is not'} {kind.replace('_', ' ')}"

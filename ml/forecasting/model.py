"""A fitted forecast model: what `fit.py` makes, `bundle.py` writes and `points.py` reads. It holds no history.

Out-of-sample errors of the last validation days travel with it, since intervals are made of them.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ml.forecasting.history import Floats, Series
from ml.forecasting.learners import Ridge, Trees
from ml.usecases.forecast import Recipe

Blend = Mapping[str, float]


@dataclass(frozen=True)
class Errors:
    """Scaled errors (truth minus forecast) and the days (since 1970) that they were known on; equal lengths."""

    days: Floats
    values: Floats


@dataclass(frozen=True)
class TargetModel:
    """One target. `scale`: the unit of differences, per series in the model's order; `spread`: how much larger than
    the site's a series' errors are in that unit; `blends`, `ridges` and `errors` by step; `columns` are those of the
    design that the learners see."""

    anchor: str
    scale: Floats
    spread: Floats
    columns: tuple[str, ...]
    blends: Mapping[int, str]
    ridges: Mapping[int, Ridge]
    trees: Trees
    errors: Mapping[int, Errors]
    validation: Mapping[int, Mapping[str, float]]

    @property
    def width(self) -> Floats:
        """The unit of errors, per series: what intervals are laid out in."""
        return self.scale * self.spread


@dataclass(frozen=True)
class ForecastModel:
    """All targets of one site. `trained` says from and until when (exclusive), and on how many days."""

    use_case: str
    site: str
    region: str
    series: tuple[Series, ...]
    targets: Mapping[str, TargetModel]
    recipe: Recipe
    train_until: dt.date
    trained: Mapping[str, str | int]
    seed: int

    @property
    def steps(self) -> tuple[int, ...]:
        """How many days after the last known one it can forecast."""
        return tuple(next(iter(self.targets.values())).ridges)

    def blend(self, target: str, step: int) -> Blend:
        """The weights of the chosen blend."""
        return self.recipe.blends[self.targets[target].blends[step]]

"""A forecast's use case: what is forecast, how far ahead, which ratios give nurse demand, when to step down.

The models (`ml/forecasting`) and the thresholds they must reach (`evaluation/policies`) do not belong here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import BoardText, Declaration, Level, Name, Part, Text, Written, refuse_twice

Day = Annotated[int, Field(ge=1, le=28)]
HOURS = "h"
BLENDED = frozenset({"last", "weekday", "ridge", "trees"})


class People(Part):
    """Hours of a shift as people: the name that a plan gives them, and their name for readers."""

    target: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
    label: Text


class Target(Part):
    """One figure that is forecast. `column` is the mart's; `sum_of` names the targets that it is the sum of.

    `people` says that its hours are also published as people, by the length of the shift.
    """

    name: Name
    label: Text
    unit: Text
    column: Name | None = None
    sum_of: tuple[Name, ...] = ()
    people: People | None = None
    definition: Text

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.column) == bool(self.sum_of):
            raise ValueError(f"target {self.name}: give either its column or what it is the sum of")
        if self.people and self.unit != HOURS:
            raise ValueError(f"target {self.name}: people come from hours ({HOURS}), not from {self.unit}")
        return self


class AcuityLevel(Part):
    """Nurse hours by skill that one patient of this level needs in 24 hours; `up_to` is its highest triage level
    (ESI: 1 is the sickest)."""

    level: Name
    up_to: int = Field(ge=1, le=5)
    hours_per_patient_day: Mapping[Name, Annotated[float, Field(ge=0, le=48)]] = Field(min_length=1)


class NurseRatios(Written):
    """From acuity to nurse hours, per kind of unit; `unknown` is the level of a patient whose acuity is not known."""

    units: Mapping[Name, tuple[AcuityLevel, ...]] = Field(min_length=1)
    unknown: Name

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        for unit, levels in self.units.items():
            refuse_twice(f"acuity level of {unit}", [level.level for level in levels])
            if self.unknown not in {level.level for level in levels}:
                raise ValueError(f"ratios.units.{unit}: the level {self.unknown!r} of unknown acuity is missing")
            if len({frozenset(level.hours_per_patient_day) for level in levels}) > 1:
                raise ValueError(f"ratios.units.{unit}: every level must name the same skills")
        return self


class FreshnessLimits(Written):
    """Oldest data, in hours before the forecast is made, with which each tier still answers."""

    model_hours: float = Field(gt=0)
    rule_hours: float = Field(gt=0)
    history_hours: float = Field(gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.model_hours <= self.rule_hours <= self.history_hours:
            raise ValueError("fallback: a lower tier must tolerate data at least as old")
        return self


class Recipe(Written):
    """How the model is made, frozen on `date`; `rationale` says on which rows it was chosen.

    Each blend weighs the last value, the weekday's mean, ridge regression and boosted trees; per target and step the
    one with the smallest error in a rolling validation inside the training period is taken, the first of equals.
    """

    half_life_days: float = Field(gt=0)
    ridge_penalty: float = Field(gt=0)
    trees: int = Field(ge=1, le=2000)
    leaves: int = Field(ge=2, le=256)
    learning_rate: float = Field(gt=0, le=1)
    fewest_rows_per_leaf: int = Field(ge=1)
    validation_days: int = Field(ge=28)
    interval_window_days: int = Field(ge=28)
    adaptation: float = Field(ge=0, lt=0.2)
    tolerated_lag_days: int = Field(ge=0, le=7)
    quantiles: tuple[Level, ...] = Field(min_length=3)
    blends: Mapping[Name, Mapping[str, Annotated[float, Field(gt=0, le=1)]]] = Field(min_length=1)

    @model_validator(mode="after")
    def _weights_and_levels(self) -> Self:
        for name, weights in self.blends.items():
            if unknown := set(weights) - BLENDED:
                raise ValueError(f"recipe.blends.{name}: unknown member {', '.join(sorted(unknown))}")
            if abs(sum(weights.values()) - 1) > 1e-3:
                raise ValueError(f"recipe.blends.{name}: the weights add up to {sum(weights.values()):g}, not 1")
        if list(self.quantiles) != sorted(set(self.quantiles)) or 0.5 not in self.quantiles:
            raise ValueError("recipe.quantiles must rise, each once, with 0.5 among them")
        return self


class ForecastUseCase(Declaration):
    """The use case of a forecast."""

    kind: Literal["forecast"]  # pyright: ignore[reportIncompatibleVariableOverride]
    targets: tuple[Target, ...] = Field(min_length=1)
    horizons_days: tuple[Day, ...] = Field(min_length=1)
    coverage: Level
    skills: Mapping[Name, Text] = Field(min_length=1)
    ratios: NurseRatios
    recipe: Recipe
    fallback: FreshnessLimits
    board: BoardText

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [target.name for target in self.targets]
        refuse_twice("target", [*names, *(one.people.target for one in self.targets if one.people)])
        if unknown := {part for target in self.targets for part in target.sum_of} - set(names):
            raise ValueError(f"targets: {', '.join(sorted(unknown))} is part of a sum and no target")
        if list(self.horizons_days) != sorted(set(self.horizons_days)):
            raise ValueError("horizons_days must rise, each once")
        tails = ((1 - self.coverage) / 2, (1 + self.coverage) / 2)
        if any(min(abs(tail - level) for level in self.recipe.quantiles) > 1e-9 for tail in tails):
            raise ValueError(f"recipe.quantiles must hold {tails[0]:g} and {tails[1]:g}, the interval's ends")
        for unit, levels in self.ratios.units.items():
            if unknown := {skill for level in levels for skill in level.hours_per_patient_day} - set(self.skills):
                raise ValueError(f"ratios.units.{unit}: unknown skill {', '.join(sorted(unknown))}")
        return self

    def target(self, name: str) -> Target:
        """The target called `name`; `KeyError` if there is none."""
        return {target.name: target for target in self.targets}[name]

    def shown_text(self) -> dict[str, Any]:
        """The board's text."""
        return self.board.model_dump(mode="json", by_alias=True)

"""A forecast's use case: what is forecast, how far ahead, which ratios give nurse demand, when to step down.

The models (`ml/forecasting`) and the thresholds they must reach (`evaluation/policies`) do not belong here.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import Declaration, Name, OverrideReason, Part, Text, refuse_twice

Day = Annotated[int, Field(ge=1, le=28)]
Level = Annotated[float, Field(gt=0, lt=1)]


class Target(Part):
    """One figure that is forecast. `column` is the mart's; `sum_of` names the targets that it is the sum of."""

    name: Name
    label: Text
    unit: Text
    column: Name | None = None
    sum_of: tuple[Name, ...] = ()
    definition: Text

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.column) == bool(self.sum_of):
            raise ValueError(f"target {self.name}: give either its column or what it is the sum of")
        return self


class Written(Part):
    """What a clinician could dispute: who stands for it, why, since when."""

    owner: Name
    rationale: Text
    date: dt.date


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


class BoardText(Part):
    """The words of the huddle board; `{...}` are filled by the forecast."""

    schema_: Literal["pilothouse.board_text/1"] = Field(alias="schema")
    title: Text
    not_for: Text
    ignore_when: Text
    override_reasons: tuple[OverrideReason, ...] = Field(min_length=1)
    override_system: Text
    source: Mapping[str, str]


class ForecastUseCase(Declaration):
    """The use case of a forecast."""

    kind: Literal["forecast"]  # pyright: ignore[reportIncompatibleVariableOverride]
    targets: tuple[Target, ...] = Field(min_length=1)
    horizons_days: tuple[Day, ...] = Field(min_length=1)
    coverage: Level
    skills: Mapping[Name, Text] = Field(min_length=1)
    ratios: NurseRatios
    fallback: FreshnessLimits
    board: BoardText

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [target.name for target in self.targets]
        refuse_twice("target", names)
        if unknown := {part for target in self.targets for part in target.sum_of} - set(names):
            raise ValueError(f"targets: {', '.join(sorted(unknown))} is part of a sum and no target")
        if list(self.horizons_days) != sorted(set(self.horizons_days)):
            raise ValueError("horizons_days must rise, each once")
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

"""The use case of a demand series: how many will come in the days or months ahead, by unit and stream.

Counts that a site sends are daily or monthly; each has its horizons and its recipe here. Nobody's shift is planned from
it (`forecast.py` is for that), so that it has no board and no tiers: it is a backtest for planners.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import Declaration, Level, Part, Written, refuse_twice
from ml.usecases.forecast import Day, Recipe, Target

Months = Annotated[int, Field(ge=1, le=12)]
Share = Annotated[float, Field(ge=0, le=1)]


class MonthlyRecipe(Written):
    """How months are forecast, frozen on `date` (see `ml/forecasting/monthly.py`).

    `growth_months`: how many last months say how a unit has grown over a year; `own_share`: how much of that is the
    unit's own and not that of all units; `profile_share`: how much the last month counts beside last year's.
    """

    growth_months: int = Field(ge=1, le=12)
    own_share: Share
    profile_share: Share
    quantiles: tuple[Level, ...] = Field(min_length=3)


class Levels(Part):
    """Which series a forecast is made for: units, or the streams of units, by the period of their counts."""

    day: Literal["unit", "stream"]
    month: Literal["unit", "stream"]


class DemandUseCase(Declaration):
    """The use case of a demand series."""

    kind: Literal["demand"]  # pyright: ignore[reportIncompatibleVariableOverride]
    targets: tuple[Target, ...] = Field(min_length=1, max_length=1)
    series: Levels
    horizons_days: tuple[Day, ...] = Field(min_length=1)
    horizons_months: tuple[Months, ...] = Field(min_length=1)
    coverage: Level
    recipe: Recipe
    monthly: MonthlyRecipe

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_twice("horizon in days", [str(one) for one in self.horizons_days])
        refuse_twice("horizon in months", [str(one) for one in self.horizons_months])
        for recipe in (self.recipe, self.monthly):
            for tail in ((1 - self.coverage) / 2, (1 + self.coverage) / 2):
                if min(abs(tail - level) for level in recipe.quantiles) > 1e-9:
                    raise ValueError(f"quantiles must hold {tail:g}, an end of the interval")
        return self

    def shown_text(self) -> dict[str, Any]:
        """Nothing is shown on a board."""
        return {}

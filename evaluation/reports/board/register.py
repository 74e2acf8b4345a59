"""The risk register of a use case, read strictly from ``governance/risks/<use_case>.yaml``.

Hazards after ISO 14971:2019: risk is severity times probability of harm, both 1 to 5, inherent before the controls and
residual after them. Here belongs the form; whether a register is good enough is asked by the readiness questions, and
what is claimed of it belongs in ``operation``.
"""

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation.reports.board.items import FOLDER, ItemsError
from evaluation.strict_yaml import first_fault, read_one

RISKS = FOLDER / "risks"
Level = Annotated[int, Field(ge=1, le=5)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Control(_Form):
    """What lowers a risk: a ``module`` of this repository, or a ``duty`` of people. Types: ISO 14971, clause 7.1."""

    type: Literal["design", "protective", "information"]
    module: Text | None = None
    duty: Text | None = None
    how: Text

    @model_validator(mode="after")
    def _one_bearer(self) -> Self:
        if bool(self.module) == bool(self.duty):
            raise ValueError("a control is either a module or a duty of people")
        return self


class Probability(_Form):
    """Of harm: before the controls, and after them."""

    inherent: Level
    residual: Level

    @model_validator(mode="after")
    def _lowered(self) -> Self:
        if self.residual > self.inherent:
            raise ValueError("controls do not raise a probability: residual is above inherent")
        return self


class Hazard(_Form):
    """One way to do harm. A hazard may be written down before anybody has a control for it; readiness then says so."""

    id: Name
    hazard: Text
    cause: Text
    harm: Text
    severity: Level
    probability: Probability
    owner: Name
    controls: tuple[Control, ...] = ()
    tested_by: tuple[Text, ...] = ()

    @property
    def residual(self) -> int:
        return self.severity * self.probability.residual


class RiskRegister(_Form):
    """All hazards of a use case; owner and date are those of the register as a whole."""

    schema_: Literal["pilothouse.risk-register/1"] = Field(alias="schema")
    use_case: Name
    owner: Name
    date: dt.date
    review_every_days: Annotated[int, Field(ge=1)]
    acceptable_residual: Annotated[int, Field(ge=1, le=25)]
    hazards: Annotated[tuple[Hazard, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [one.id for one in self.hazards]
        if len(named) > len(set(named)):
            raise ValueError("a hazard is named twice")
        return self

    @property
    def uncontrolled(self) -> tuple[str, ...]:
        """Hazards for which no control is written down."""
        return tuple(one.id for one in self.hazards if not one.controls)

    @property
    def above_acceptable(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.hazards if one.residual > self.acceptable_residual)

    @property
    def review_by(self) -> dt.date:
        return self.date + dt.timedelta(days=self.review_every_days)

    def document(self) -> dict[str, Any]:
        """The register as plain JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@lru_cache(maxsize=8)
def risk_register(use_case: str, folder: Path = RISKS) -> RiskRegister | None:
    """Read the register of a use case; None where nobody wrote one. Raises :class:`ItemsError`."""
    path = folder / f"{use_case}.yaml"
    if not path.exists():
        return None
    try:
        return RiskRegister.model_validate(read_one(path.read_text("utf-8")))
    except ValidationError as error:
        raise ItemsError(f"{path.name}: {first_fault(error)} Correct the file.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ItemsError(f"{path.name} cannot be read: {error}") from error

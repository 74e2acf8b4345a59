"""One clause of a policy: a figure of the evidence, the bound of it that counts, and the threshold.

The shape and its own consistency belong here; holding evidence against a clause belongs in ``gates/``.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from evaluation.evidence import Kind

Bound = Literal["lower", "upper", "value"]
Comparison = Literal[">=", ">", "<=", "<", "present"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]

CAUTIOUS_BOUNDS: dict[Comparison, frozenset[Bound]] = {
    ">=": frozenset({"lower", "value"}),
    ">": frozenset({"lower", "value"}),
    "<=": frozenset({"upper", "value"}),
    "<": frozenset({"upper", "value"}),
    "present": frozenset({"value"}),
}
"""A bound on the hopeful side of an interval would let uncertainty itself pass the gate."""


class FrozenModel(BaseModel):
    """Read once from YAML, never changed afterwards; an unknown member is a mistake, not an extension."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class OtherFigure(FrozenModel):
    """A threshold that is itself measured: another figure of the same evidence, plus a margin."""

    figure: Text
    bound: Bound = "value"
    plus: FiniteNumber = 0.0


class Clause(FrozenModel):
    """``figure`` (its ``bound``) must compare with ``threshold``, on at least ``min_n`` rows and
    ``min_events``.

    Evidence older than ``max_age_days`` counts as missing. ``to_meet`` tells a reader what to do about a
    refusal.
    """

    id: Identifier
    kind: Kind
    figure: Text
    bound: Bound = "value"
    comparison: Comparison
    threshold: FiniteNumber | OtherFigure | None = None
    min_n: Annotated[int, Field(ge=1)] | None = None
    min_events: Annotated[int, Field(ge=1)] | None = None
    max_age_days: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    owner: Identifier
    rationale: Text
    date: date
    to_meet: Text

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.comparison == "present") != (self.threshold is None):
            raise ValueError(f"clause {self.id}: give a threshold, or the comparison 'present' without one")
        if self.bound not in CAUTIOUS_BOUNDS[self.comparison]:
            allowed = " or ".join(sorted(CAUTIOUS_BOUNDS[self.comparison]))
            raise ValueError(f"clause {self.id}: {self.comparison} needs bound {allowed}, not {self.bound}")
        return self

    @property
    def requirement(self) -> str:
        """The threshold in words, for a reader: ``>= 0.75``, ``> critical_care.auroc.current_practice +
        0.05``."""
        if self.threshold is None:
            return "present"
        if isinstance(self.threshold, OtherFigure):
            plus = self.threshold.plus
            margin = f" {'-' if plus < 0 else '+'} {abs(plus):g}" if plus else ""
            which = "" if self.threshold.bound == "value" else f" ({self.threshold.bound} bound)"
            return f"{self.comparison} {self.threshold.figure}{which}{margin}"
        return f"{self.comparison} {self.threshold:g}"

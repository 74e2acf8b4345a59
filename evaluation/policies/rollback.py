"""The plan for going down, written before anything goes live: who decides, what clinicians are told, the steps.

The shape belongs here. What steps down by itself are the policy's triggers; who may step down are its rights.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from evaluation.policies.clause import FrozenModel, Identifier, Text

Pace = Literal["at_once", "end_of_shift"]
Summary = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=139)]
"""CDS Hooks 2.0: a card's summary is less than 140 characters."""
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]
Minutes = Annotated[int, Field(ge=1, le=10080)]


class ToldToClinicians(FrozenModel):
    """What stands on cards and boards after a step down: where advice went away, and where a lower tier answers.

    Advice that went away is told for `shown_minutes`, since no card must never be read as no risk.
    """

    withdrawn_summary: Summary
    withdrawn: Message
    lowered: Message
    shown_minutes: Minutes


class PlannedStep(FrozenModel):
    """One thing that a role does, and within how many minutes of the decision."""

    id: Identifier
    do: Text
    by: Identifier
    within_minutes: Minutes


class BreakGlassRules(FrozenModel):
    """Who may go up one stage past the gate in an emergency, for how long at the most, and how often."""

    roles: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    at_most_hours: Annotated[float, Field(gt=0, le=72, allow_inf_nan=False)]
    at_most_hours_in_7_days: Annotated[float, Field(gt=0, le=168, allow_inf_nan=False)] | None = None
    """Of all glasses of one use case at one site, in any seven days. None: only each by itself is limited."""
    owner: Identifier
    rationale: Text
    date: date

    @model_validator(mode="after")
    def _leaves_room_for_one(self) -> Self:
        if self.at_most_hours_in_7_days is not None and self.at_most_hours_in_7_days < self.at_most_hours:
            raise ValueError("at_most_hours_in_7_days is less than at_most_hours, which one glass may last")
        return self


class RollbackPlan(FrozenModel):
    """How a release is taken back. `decides` are the roles that decide what no trigger does by itself.

    `pace` is that of triggers that concern the service and not safety: a change in the middle of a shift may be less
    safe than none. A person's order always takes effect at once.
    """

    decides: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    pace: Pace
    message: ToldToClinicians
    steps: Annotated[tuple[PlannedStep, ...], Field(min_length=1)]
    owner: Identifier
    rationale: Text
    date: date

    @model_validator(mode="after")
    def _names_each_step_once(self) -> Self:
        names = [step.id for step in self.steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"step of the rollback given twice: {', '.join(twice)}")
        return self

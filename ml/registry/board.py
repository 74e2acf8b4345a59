"""The board layout of a release (`card.yaml` of a use case that advises a unit): what a huddle board says of it.

Here belongs its shape. It is reviewed and signed like a card: approvals are bound to its digest. Turning a plan into
a page belongs to serving.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ml.registry.card import Source, Text

SCHEMA = "pilothouse.board/1"
Code = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
TargetName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Target(_Part):
    """One line of a shift: its name in the plan, its name for people, and whether a person may adjust it here."""

    target: TargetName
    label: Text
    measure: Text
    is_adjustable: bool = False


class AdjustmentReason(_Part):
    """Why a person changed a figure: coded, so that reasons can be counted."""

    code: Code
    display: Text


class BoardLayout(_Part):
    """Everything that the board says of a plan but its figures."""

    schema_: Literal["pilothouse.board/1"] = Field(alias="schema")
    use_case: str
    title: Text
    window: Text
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=20)]
    adjustment_reasons: Annotated[tuple[AdjustmentReason, ...], Field(min_length=1, max_length=12)]
    not_for: Text
    ignore_when: Text
    source: Source

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for what, names in (
            ("target", [one.target for one in self.targets]),
            ("reason", [one.code for one in self.adjustment_reasons]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a {what} is declared twice")
        return self

    def target(self, name: str) -> Target | None:
        """The target called `name`; None where the layout does not know it."""
        return next((one for one in self.targets if one.target == name), None)

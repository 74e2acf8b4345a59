"""How much of a feed should come, and how often its fields and outcomes are filled: what ``semantics.yaml`` declares.

What does not belong here: comparing days (``volume``, ``filling``) and counting them in the lake.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Days = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VolumeRule(_Frozen):
    """When records are too few or too many: by the factor ``moved_ratio`` over the last days of one of the spans, where
    at least ``at_least`` came or were expected."""

    spans_days: Annotated[tuple[Days, ...], Field(min_length=1)]
    at_least: Annotated[float, Field(gt=0)]
    moved_ratio: Annotated[float, Field(gt=1)]
    rationale: Text


class FillingRule(_Frozen):
    """When a field or an outcome vanished: in at most ``gone_ratio`` of its share before, in any of the spans, or
    ``lost_share`` below it in the longest; among at least ``fewest`` visits of the last days."""

    spans_days: Annotated[tuple[Days, ...], Field(min_length=1)]
    fewest: Annotated[int, Field(ge=1)]
    gone_ratio: Annotated[float, Field(ge=0, lt=1)]
    lost_share: Annotated[float, Field(gt=0, le=1)]
    rationale: Text


class Volume(_Frozen):
    """That records of a table are counted: alone, for each visit of the table ``per``, and apart by ``by``."""

    per: Name | None = None
    by: Name | None = None


class Outcome(_Frozen):
    """What became of visits: a ``column`` that holds one of some values (any, where none is named), among those whose
    columns hold one of the codes of ``among``."""

    name: Name
    column: Name
    values: tuple[Text, ...] = ()
    among: dict[Name, tuple[Text, ...]] = {}

"""Which label is held against which workload, and when the two have come apart: what ``semantics.yaml`` declares.

A label is a code that stands for how much work there is: a triage level, a priority, a service, a shift, a role. Its
workload is what that work turned out to be: minutes of stay, hours of nurses, beds that were occupied. What does not
belong here: comparing them (``workload``) and reading them out of the lake.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Codes = tuple[Text, ...]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PairRule(_Frozen):
    """When a label moved against its workload.

    By visits: ``fewest`` of a level on each side, and a rank among all visits (0 the lightest, 1 the heaviest) that
    moved by ``moved_rank``. By days: ``fewest_days`` on each side, ``at_least`` of the label a day, and a rate that
    changed by the factor ``moved_ratio`` and by ``moved_spreads`` of its days.
    """

    fewest: Annotated[int, Field(ge=2)]
    moved_rank: Annotated[float, Field(gt=0, lt=1)]
    fewest_days: Annotated[int, Field(ge=2)]
    at_least: Annotated[float, Field(gt=0)]
    moved_ratio: Annotated[float, Field(gt=1)]
    moved_spreads: Annotated[float, Field(gt=0)]
    rationale: Text


class _Rows(_Frozen):
    """Rows of a lake table: those whose columns hold one of the codes of ``only``."""

    table: Name
    visit: Name
    only: dict[Name, Codes] = {}


class LabelColumn(_Rows):
    """The column that holds the label; ``day`` says of which day it counts, where days are compared."""

    column: Name
    day: Name | None = None


class WorkloadColumn(_Rows):
    """A number (``column``, for each ``per`` where one is named) or the minutes between ``from`` and ``until``.

    Of a day: the sum over ``by`` of the day's mean of ``column``; where no column is named, how many visits there were.
    """

    column: Name | None = None
    per: Name | None = None
    from_: Annotated[Name | None, Field(alias="from")] = None
    until: Name | None = None
    by: Name | None = None
    day: Name | None = None


class Pair(_Frozen):
    """A label and the workload that it should follow; ``within`` is what ranks are taken inside of, a unit for one."""

    name: Name
    feed: Name
    each: Literal["visit", "day"]
    label: LabelColumn
    workload: WorkloadColumn
    within: Name | None = None
    owner: Name
    date: date
    rationale: Text

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        load = self.workload
        is_span = load.from_ is not None and load.until is not None
        if self.each == "visit" and (load.column is None) != is_span:
            raise ValueError(f"{self.name}: the workload of a visit is a column, or the time from one until another")
        if self.each == "day" and None in (self.label.day, load.day):
            raise ValueError(f"{self.name}: say in which column of label and workload the day lies")
        return self


class Pairs(_Frozen):
    """The rule and the pairs that it holds for."""

    rule: PairRule
    declared: tuple[Pair, ...]

    def of(self, feed: str) -> list[Pair]:
        """Return the pairs whose label comes with a feed."""
        return [pair for pair in self.declared if pair.feed == feed]

    def named(self, name: str) -> Pair:
        """Return one pair by name."""
        return next(pair for pair in self.declared if pair.name == name)

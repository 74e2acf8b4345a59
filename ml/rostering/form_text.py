"""`pilothouse.roster/1` as it is written: names, types, bounds and meaning of every member (YAML or JSON).

`schemas/roster-1.json` is made from these models, and a test keeps the two alike. What does not belong here: what only
makes sense of several members together (`form.py`).
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ml.rostering.problem import FormKind, Source

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time, HH:MM.")]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=10_000)]
Parameter = bool | int | float | str | list[str]


class Part(BaseModel):
    """Frozen, and refusing members it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ShiftText(Part):
    """A shift. It ends on the next day where `end` is not after `start`."""

    name: Name
    start: Clock
    end: Clock
    is_night: bool = False
    unpaid_break_minutes: int = Field(default=0, ge=0, le=240, description="Not counted as hours worked.")


class SkillText(Part):
    """A skill or credential; `since` is its first valid day, `until` its last."""

    skill: Name
    since: dt.date | None = None
    until: dt.date | None = None


class RequestText(Part):
    """A wish for a day: to have a shift (or any work, where none is named), or not to."""

    date: dt.date
    wants: Literal["on", "off"]
    shift: Name | None = None
    weight: Weight = 1
    rule: str | None = Field(default=None, description="The constraint of kind requests; each one where left out.")


class WorkText(Part):
    """What a person worked on a day; several of one day are all work. Without times it is as long as the shift is."""

    date: dt.date
    shift: Name = Field(description="One of the shifts; any name where both times are given.")
    starts_at: AwareDatetime | None = Field(default=None, description="Real start, with the zone; overtime is work.")
    ends_at: AwareDatetime | None = None
    unit: Name | None = None


class ElsewhereText(WorkText):
    """A duty on another unit within the period: it stays, counts in rest, runs and hours, and is no cover here."""

    unit: Name  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]


class AgreedText(Part):
    """What a contract of employment says of a week while it holds; contracts that hold on one day add up."""

    first: dt.date | None = None
    last: dt.date | None = None
    min_week_hours: float | None = Field(default=None, ge=0, le=168)
    max_week_hours: float | None = Field(default=None, ge=0, le=168)


class CarriedText(Part):
    """Counts of earlier periods, as the last answer's `fairness` gave them (`nights_carried` and so on)."""

    nights: Count = 0
    weekends: Count = 0
    refused: Count = 0


class PersonText(Part):
    """A person under a pseudonymous id."""

    id: Name
    home: Name = Field(description="The unit that the person belongs to.")
    floats_to: tuple[Name, ...] = ()
    skills: tuple[SkillText, ...] = Field(min_length=1)
    level: Literal["novice", "competent", "expert"] = "competent"
    share: float = Field(default=1.0, gt=0, le=1, description="Part-time share of the full-time contract.")
    leave: tuple[dt.date, ...] = ()
    requests: tuple[RequestText, ...] = ()
    history_days: int = Field(default=0, ge=0, le=14, description="How many days before the period are known.")
    history: tuple[WorkText, ...] = Field(default=(), description="A known day that is not named was free.")
    elsewhere: tuple[ElsewhereText, ...] = ()
    after: tuple[WorkText, ...] = Field(default=(), description="Duties known after the period: they stay and count.")
    carried: CarriedText = CarriedText()
    agreed: tuple[AgreedText, ...] = Field(default=(), description="The contracts, day by day.")
    min_week_hours: float | None = Field(default=None, ge=0, le=168, description="One contract's, in short.")
    max_week_hours: float | None = Field(default=None, ge=0, le=168, description="One contract's, in short.")


class DemandText(Part):
    """Nurses needed on a unit's shift in a skill: the staffing forecast's chosen quantile."""

    unit: Name
    date: dt.date
    shift: Name
    skill: Name
    nurses: int = Field(ge=0, le=500)


class GuestsText(Part):
    """People of other units who stand on a shift here already: they cover it, and are not this roster's to move."""

    unit: Name
    date: dt.date
    shift: Name
    skill: Name
    nurses: int = Field(ge=1, le=500)


class IsolationText(Part):
    """Isolation beds in use: each needs a nurse of its own, in the skill of the `isolation` constraint."""

    unit: Name
    date: dt.date
    shift: Name
    beds: int = Field(ge=0, le=100)


class ConstraintText(Part):
    """A constraint as data: hard, or soft with the cost of each unit by which it is missed."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: FormKind
    source: Source
    hard: bool = False
    weight: Weight | None = None
    staff: tuple[Name, ...] | None = Field(default=None, description="Whom it is about; everybody where left out.")
    parameters: dict[str, Parameter] = Field(default_factory=dict[str, Parameter])


class DutyText(Part):
    """A shift on a unit, in a skill."""

    unit: Name
    shift: Name
    skill: Name


class FixedText(Part):
    """An assignment that stands (a free day where there is no duty); `by` says who wants it so."""

    staff: Name
    date: dt.date
    duty: DutyText | None = None
    by: str = Field(default="", max_length=120)


class ExceptionText(Part):
    """A constraint that a named person waived for one person on one day, with a reason."""

    constraint: str
    staff: Name
    date: dt.date
    by: Annotated[str, Field(min_length=1, max_length=120)]
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


class RosterText(Part):
    """A rostering problem."""

    schema_: Literal["pilothouse.roster/1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=120)]
    time_zone: str = Field(description="The site's time zone, such as Europe/Berlin: hours and rest are real time.")
    first_day: dt.date
    days: int = Field(ge=1, le=100)
    units: tuple[Name, ...] = Field(min_length=1, max_length=40)
    skills: tuple[Name, ...] = Field(min_length=1, max_length=40)
    shifts: tuple[ShiftText, ...] = Field(min_length=1, max_length=32)
    staff: tuple[PersonText, ...] = Field(min_length=1, max_length=500)
    demand: tuple[DemandText, ...] = Field(min_length=1, max_length=50_000)
    isolation: tuple[IsolationText, ...] = ()
    guests: tuple[GuestsText, ...] = ()
    constraints: tuple[ConstraintText, ...] = Field(min_length=1, max_length=500)
    fixed: tuple[FixedText, ...] = ()
    exceptions: tuple[ExceptionText, ...] = ()

"""A rostering problem as plain data: who, when, what is needed, and the rules with name, source and weight.

Days count from 0 at the start of the period; negative days lie before it (a person's history). What does not belong
here: reading files (`nrp24.py`, `form.py`), what a rule means (`rules.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

WEEK = 7
Source = Literal["law", "contract", "policy", "wish"]
FormKind = Literal[
    "cover",
    "credentials",
    "leave",
    "requests",
    "succession",
    "rest",
    "hours",
    "shift_count",
    "consecutive_shifts",
    "consecutive_nights",
    "days_off",
    "days_off_after_nights",
    "weekends",
    "part_time",
    "contract_hours",
    "skill_mix",
    "supervision",
    "breaks",
    "isolation",
    "float_pool",
    "agency",
    "fairness",
]
"""The kinds of rules that our own form can hold."""
Kind = Literal[FormKind, "fixed"]
Value = int | float | str | bool | tuple[str, ...]


@dataclass(frozen=True)
class Duty:
    """What a person does on a day: one shift, on one unit, in one skill."""

    unit: str
    shift: str
    skill: str


@dataclass(frozen=True)
class Shift:
    """`minutes` are worked minutes by day (a night of a clock change has fewer or more); `spans` are start and end in
    real minutes since the period's first midnight, or None where the problem knows no clock. Days before the period use
    `earlier` (the same, for days -1, -2, ...)."""

    name: str
    minutes: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] | None = None
    earlier: tuple[tuple[int, int], ...] = ()
    is_night: bool = False

    def span(self, day: int) -> tuple[int, int] | None:
        """Return start and end of the shift that begins on `day`."""
        if self.spans is None:
            return None
        if day >= 0:
            return self.spans[day]
        return self.earlier[-day - 1] if -day <= len(self.earlier) else None

    def minutes_on(self, day: int) -> int:
        """Return the worked minutes of the shift that begins on `day`, also before the period: without the break."""
        if day >= 0:
            return self.minutes[day]
        first, then = self.span(0), self.span(day)
        if first is None or then is None:
            return self.minutes[0]
        return then[1] - then[0] - (first[1] - first[0] - self.minutes[0])


@dataclass(frozen=True)
class Request:
    """A wish about one day: to work `shift` (None: any), or not to. `weight` is what refusing it costs.

    `rule` names the constraint of kind requests that it is asked under; None: under each, as somebody's own wish."""

    day: int
    shift: str | None
    is_on: bool
    weight: int
    rule: str | None = None


@dataclass(frozen=True)
class Carried:
    """What a person carries from earlier periods, as counts."""

    nights: int = 0
    weekends: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Work:
    """Work that is settled and no decision: before the period (a negative `day`), on another unit in it, or after it.

    `day` is the local day that it belongs to; `start` and `end` are real minutes since the period's first midnight, so
    that overtime and two duties of a day count as long as they were. `minutes` are those worked, without breaks."""

    day: int
    shift: str
    start: int
    end: int
    minutes: int
    is_night: bool = False
    unit: str | None = None


@dataclass(frozen=True)
class Agreed:
    """What a contract says of a week's minutes while it holds, `first` to `last` day (None: without that end).

    Several that hold on one day add up; a day counts a seventh of its week."""

    first: int | None = None
    last: int | None = None
    least: int | None = None
    most: int | None = None

    def holds(self, day: int) -> bool:
        """Tell whether it holds on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Person:
    """`skills` map to the last day of validity (None: for ever), `skills_from` to the first, of those that have one.

    `work` is all that is settled: of the `known_days` before the period, on other units within it, and after it."""

    name: str
    skills: Mapping[str, int | None]
    home: str
    floats_to: tuple[str, ...] = ()
    level: Literal["novice", "competent", "expert"] = "competent"
    share: float = 1.0
    leave: frozenset[int] = frozenset()
    requests: tuple[Request, ...] = ()
    known_days: int = 0
    work: tuple[Work, ...] = ()
    carried: Carried = Carried()
    agreed: tuple[Agreed, ...] = ()
    skills_from: Mapping[str, int] = field(default_factory=dict[str, int])

    def may_ever_do(self, duty: Duty) -> bool:
        """Tell whether the person has (or had) the skill, and a place on the unit."""
        return duty.skill in self.skills and duty.unit in (self.home, *self.floats_to)

    def holds(self, skill: str, day: int) -> bool:
        """Tell whether the person may work in a skill on a day."""
        until = self.skills.get(skill, -1)
        return self.skills_from.get(skill, day) <= day and (until is None or day <= until)

    @cached_property
    def known_until(self) -> int:
        """Return the day after the last of settled work; 0 where there is none in the period or after it."""
        return max([0, *(one.day + 1 for one in self.work)])

    @cached_property
    def work_on(self) -> Mapping[int, tuple[Work, ...]]:
        """Return what is settled by day."""
        found: dict[int, tuple[Work, ...]] = {}
        for one in self.work:
            found[one.day] = (*found.get(one.day, ()), one)
        return found

    def agreed_minutes(self, days: Iterable[int], bound: Literal["least", "most"]) -> int | None:
        """Return what was agreed for some days of a week, a seventh of it for each on which a contract holds. None
        where no contract is told, or one that holds says nothing."""
        told = [getattr(one, bound) for day in days for one in self.agreed if one.holds(day)]
        return None if not self.agreed or None in told else round(sum(told) / WEEK)


@dataclass(frozen=True)
class Demand:
    """So many nurses with a skill on a unit's shift; `under` and `over` cost per nurse (None: the cover rule's)."""

    day: int
    duty: Duty
    nurses: int
    under: int | None = None
    over: int | None = None


@dataclass(frozen=True)
class Rule:
    """A constraint as data: `weight` None is hard, otherwise the cost of each unit of excess. `people` None is all."""

    name: str
    kind: Kind
    source: Source
    weight: int | None = None
    people: frozenset[str] | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def number(self, name: str) -> int | None:
        """Return a whole-numbered parameter, None where it is not given."""
        value = self.parameters.get(name)
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return a parameter that lists names; empty where it is not given."""
        value = self.parameters.get(name)
        return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()

    def concerns(self, person: str) -> bool:
        """Tell whether the rule speaks about this person."""
        return self.people is None or person in self.people


@dataclass(frozen=True)
class Fixed:
    """What stands already: `duty` None is a day that must stay free. `by` says who wants it so."""

    person: str
    day: int
    duty: Duty | None
    by: str = ""


@dataclass(frozen=True)
class Waiver:
    """A rule that was waived for one person on one day, by a named person for a reason."""

    rule: str
    person: str
    day: int
    by: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """Everything a roster is made from. `first_day` is None where the problem knows no calendar (day 0 is a Monday)."""

    name: str
    days: int
    shifts: tuple[Shift, ...]
    staff: tuple[Person, ...]
    demand: tuple[Demand, ...]
    rules: tuple[Rule, ...]
    first_day: date | None = None
    fixed: tuple[Fixed, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    guests: Mapping[tuple[int, Duty], int] = field(default_factory=dict[tuple[int, Duty], int])
    """How many of other units stand on a duty here already, by day: they cover it, and are nobody's to move."""

    @cached_property
    def shift_by_name(self) -> Mapping[str, Shift]:
        """Return the shifts by name."""
        return {shift.name: shift for shift in self.shifts}

    @cached_property
    def person_by_name(self) -> Mapping[str, Person]:
        """Return the staff by name."""
        return {person.name: person for person in self.staff}

    @cached_property
    def duties(self) -> tuple[Duty, ...]:
        """Return every duty that there is demand for, or that stands already."""
        wanted = [one.duty for one in self.demand] + [one.duty for one in self.fixed if one.duty]
        return tuple(dict.fromkeys(wanted))

    def is_wish(self, request: Request) -> bool:
        """Tell whether a request is somebody's own wish, and not what stands already under another rule."""
        return request.rule is None or any(one.name == request.rule and one.source == "wish" for one in self.rules)

    def weekday(self, day: int) -> int:
        """Return 0 for a Monday to 6 for a Sunday."""
        return (day + (self.first_day.weekday() if self.first_day else 0)) % 7

    def day_text(self, day: int) -> str:
        """Return a day as people name it."""
        return f"day {day}" if self.first_day is None else (self.first_day + timedelta(days=day)).isoformat()

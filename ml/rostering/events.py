"""What happened after a roster was made: somebody is sick, or a patient more needs nurses.

Written `sick:PERSON:DATE`, `sick:PERSON:DATE..DATE`, `admission:UNIT:DATE:SHIFT:SKILL+N`; where a problem knows no
calendar a day's number stands for its date. What does not belong here: the repair (`repairing.py`).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ml.rostering.errors import EventNotUnderstood
from ml.rostering.problem import Demand, Duty, Problem

WRITTEN = "an event is written sick:PERSON:DATE, sick:PERSON:DATE..DATE or admission:UNIT:DATE:SHIFT:SKILL+N"


@dataclass(frozen=True)
class Sick:
    """A person cannot work on some days."""

    person: str
    days: frozenset[int]

    def __str__(self) -> str:
        return f"{self.person} is sick"


@dataclass(frozen=True)
class Admission:
    """More nurses are needed for a duty on a day."""

    day: int
    duty: Duty
    nurses: int

    def __str__(self) -> str:
        return f"{self.nurses} more {self.duty.skill} needed for {self.duty.shift} on {self.duty.unit}"


Event = Sick | Admission


def read_event(problem: Problem, text: str) -> Event:
    """Return an event. Raises `EventNotUnderstood` where it cannot be read, or names what the problem does not know."""
    kind, _, rest = text.partition(":")
    parts = rest.split(":")
    if kind == "sick" and len(parts) == 2:
        return _sick(problem, *parts)
    if kind == "admission" and len(parts) == 4:
        return _admission(problem, *parts)
    raise EventNotUnderstood(f"{text!r}: {WRITTEN}.")


def _sick(problem: Problem, person: str, dates: str) -> Sick:
    if person not in problem.person_by_name:
        raise EventNotUnderstood(f"sick: nobody is called {person!r}; the staff are {_some(problem.person_by_name)}.")
    first, _, last = dates.partition("..")
    start, end = read_day(problem, first), read_day(problem, last or first)
    if end < start:
        raise EventNotUnderstood(f"sick: {dates} ends before it begins.")
    return Sick(person, frozenset(range(start, end + 1)))


def _admission(problem: Problem, unit: str, date: str, shift: str, needed: str) -> Admission:
    skill, plus, number = needed.rpartition("+")
    if not plus or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 100:
        raise EventNotUnderstood(f"admission: {needed!r}; expected SKILL+N with N from 1 to 100.")
    for what, name, names in (
        ("unit", unit, {duty.unit for duty in problem.duties}),
        ("shift", shift, set(problem.shift_by_name)),
        ("skill", skill, {name for person in problem.staff for name in person.skills}),
    ):
        if name not in names:
            raise EventNotUnderstood(f"admission: unknown {what} {name!r}; expected one of {_some(sorted(names))}.")
    return Admission(read_day(problem, date), Duty(unit, shift, skill), int(number))


def read_day(problem: Problem, text: str) -> int:
    """Return a date (or a day's number, where there is no calendar) as a day of the period."""
    try:
        day = int(text) if problem.first_day is None else (dt.date.fromisoformat(text) - problem.first_day).days
    except ValueError as error:
        wanted = "the number of a day" if problem.first_day is None else "a date, YYYY-MM-DD"
        raise EventNotUnderstood(f"{text!r} is not {wanted}.") from error
    if not 0 <= day < problem.days:
        last = problem.day_text(problem.days - 1)
        raise EventNotUnderstood(f"{text} is outside of the period, {problem.day_text(0)} to {last}.")
    return day


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:20]) + (" and more" if len(listed) > 20 else "")


def first_day_of(event: Event) -> int:
    """Return the first day that an event touches: what lies before is past."""
    return min(event.days) if isinstance(event, Sick) else event.day


def after(problem: Problem, event: Event) -> Problem:
    """Return the problem as it is after an event."""
    if isinstance(event, Sick):
        staff = tuple(
            replace(one, leave=one.leave | event.days, work=tuple(w for w in one.work if w.day not in event.days))
            if one.name == event.person
            else one
            for one in problem.staff
        )
        return replace(problem, staff=staff)
    demand = list(problem.demand)
    for place, one in enumerate(demand):
        if (one.day, one.duty) == (event.day, event.duty):
            demand[place] = replace(one, nurses=one.nurses + event.nurses)
            return replace(problem, demand=tuple(demand))
    return replace(problem, demand=(*demand, Demand(event.day, event.duty, event.nurses)))

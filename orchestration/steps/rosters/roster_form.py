"""A unit's people, duties and need as a problem of `pilothouse.roster/1`, plain data.

What a contract tells comes before what past duties let guess. What does not belong here: reading them
(`roster_inputs.py`, `roster_people.py`), what the members of the form mean (`ml/rostering`).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from ml.usecases import RosterUseCase
from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import HISTORY_DAYS, STANDS, Need, Row, Unit, sick_days
from orchestration.steps.rosters.roster_people import Contract, Wish

LEAST_SHARE = 0.1
Stays = Mapping[tuple[str, date], tuple[str, int]]
"""Published duties that people keep if they can: shift and weight, by person and day."""


def form_of(declared: RosterUseCase, site: Site, unit: Unit, need: Need, stays: Stays) -> dict[str, Any]:
    """Return the unit's problem. Days on which somebody is away, for whatever reason, are leave."""
    away = away_days(unit)
    wishes = wishes_of(declared, site, unit)
    return {
        "schema": "pilothouse.roster/1",
        "name": f"{site.id} {unit.name}",
        "time_zone": site.timezone,
        "first_day": unit.first.isoformat(),
        "days": unit.days,
        "units": [unit.name],
        "skills": [one.name for one in declared.skills],
        "shifts": [
            {
                "name": one.id,
                "start": one.starts.strftime("%H:%M"),
                "end": one.ends.strftime("%H:%M"),
                "is_night": one.ends <= one.starts,
            }
            for one in site.shifts
        ],
        "staff": [_person(declared, unit, name, stays, away, wishes.get(name, [])) for name in unit.people],
        "demand": [
            {"unit": unit.name, "date": day.isoformat(), "shift": shift, "skill": skill, "nurses": nurses}
            for (day, shift, skill), nurses in sorted(need.items())
        ],
        "constraints": [rule.constraint() for rule in declared.rules],
    }


def away_days(unit: Unit) -> set[tuple[str, date]]:
    """Return the person-days of the period on which somebody is sick, on duty elsewhere, on leave, or not employed."""
    elsewhere = {
        (row.staff, row.date) for row in unit.rows if row.staff and row.unit != unit.name and row.status in STANDS
    }
    told = {(person, day) for person in unit.people for day in unit.personnel.away(person, unit.dates)}
    return sick_days(unit) | elsewhere | told


def wishes_of(declared: RosterUseCase, site: Site, unit: Unit) -> dict[str, list[Wish]]:
    """Return by person the wishes that count: of the unit's people, about the site's shifts, if a rule is for them."""
    shifts, people = {one.id for one in site.shifts}, frozenset(unit.people)
    found: dict[str, list[Wish]] = {}
    for one in unit.personnel.wishes if declared.wish_rule else ():
        if one.staff in people and (one.shift is None or one.shift in shifts):
            found.setdefault(one.staff, []).append(one)
    return found


def is_refused(wish: Wish, shift: str | None) -> bool:
    """Tell whether somebody who has `shift` on the day (None: is free) was refused a wish."""
    has_it = shift is not None and wish.shift in (None, shift)
    return has_it is not wish.wants_on


def _person(
    declared: RosterUseCase,
    unit: Unit,
    name: str,
    stays: Stays,
    away: set[tuple[str, date]],
    wishes: list[Wish],
) -> dict[str, Any]:
    past = [row for row in unit.of(name) if row.status in STANDS and row.date < unit.first]
    since = unit.first - timedelta(days=declared.people.look_back_days)
    counted = [row for row in past if row.date >= since]
    recent = {row.date: row.shift for row in past if row.date >= unit.first - timedelta(days=HISTORY_DAYS)}
    shifts = {row.date: row.shift for row in counted}
    told, here = {row.date for row in unit.rows}, [day for day in unit.dates if (name, day) not in away]
    asked = [one for one in wishes if since <= one.date < unit.first and one.date in told]
    return {
        "id": name,
        "home": unit.name,
        **_employed(declared, unit, name, past, counted),
        "leave": [day.isoformat() for day in unit.dates if day not in here],
        "requests": [
            *(_stay(declared, day, *stays[name, day]) for day in here if (name, day) in stays),
            *(_wished(declared, one) for one in wishes if one.date in here),
        ],
        "history_days": HISTORY_DAYS,
        "history": [{"date": day.isoformat(), "shift": shift} for day, shift in sorted(recent.items())],
        "carried": {
            "nights": sum(1 for row in counted if row.ends_at.date() > row.date),
            "weekends": len({row.date.isocalendar()[:2] for row in counted if row.date.weekday() >= 5}),
            "refused": sum(1 for one in asked if is_refused(one, shifts.get(one.date))),
        },
    }


def _stay(declared: RosterUseCase, day: date, shift: str, weight: int) -> dict[str, Any]:
    return {
        "date": day.isoformat(),
        "wants": "on",
        "shift": shift,
        "weight": weight,
        "rule": declared.published_rule,
    }


def _wished(declared: RosterUseCase, one: Wish) -> dict[str, Any]:
    return {
        "date": one.date.isoformat(),
        "wants": "on" if one.wants_on else "off",
        "shift": one.shift,
        "weight": one.weight,
        "rule": declared.wish_rule,
    }


def _employed(declared: RosterUseCase, unit: Unit, name: str, past: list[Row], counted: list[Row]) -> dict[str, Any]:
    """Skills, level, share and hours of a week: of the contracts that hold in the period, else guessed from duties."""
    contracts = [one for one in unit.personnel.of(name) if any(map(one.holds, unit.dates))]
    roles = {row.role for row in past} | {one.role for one in contracts}
    agreed = _least(unit, contracts, lambda one: one.weekly_hours)
    hours = _usual_hours(unit, counted) if agreed is None else agreed
    guessed: dict[str, str | None] = {row.skill: None for row in past}
    skills = dict(_skills(contracts)) if contracts else guessed
    return {
        "skills": [{"skill": skill, "until": until} for skill, until in sorted(skills.items())],
        "level": "expert" if roles & set(declared.people.expert_roles) else "competent",
        "share": round(min(1.0, max(LEAST_SHARE, hours / declared.people.full_time_hours)), 2),
        "min_week_hours": _least(unit, contracts, lambda one: one.minimum_hours),
        "max_week_hours": _least(unit, contracts, lambda one: one.maximum_hours),
    }


def _skills(contracts: list[Contract]) -> Iterator[tuple[str, str | None]]:
    """Each skill with the last day of the contract that lets somebody work in it longest; None for no end."""
    for skill in {one.skill for one in contracts}:
        ends = [one.skill_until for one in contracts if one.skill == skill]
        told = [one for one in ends if one is not None]
        yield skill, max(told).isoformat() if len(told) == len(ends) else None


def _usual_hours(unit: Unit, counted: list[Row]) -> float:
    """Hours a week that somebody worked on average, as far as is looked back."""
    weeks = max(1.0, (unit.first - min((row.date for row in counted), default=unit.first)).days / 7)
    return sum(row.hours for row in counted) / weeks


def _least(unit: Unit, contracts: list[Contract], hours: Callable[[Contract], float | None]) -> float | None:
    """Hours of a week by the contracts of one day together, on the day of the period that allows least: a contract that
    another takes the place of is no second one. None where no day's contracts all say something."""
    days = [[hours(one) for one in contracts if one.holds(day)] for day in unit.dates]
    told = [sum(one for one in day if one is not None) for day in days if day and None not in day]
    return min(168.0, *told) if told else None

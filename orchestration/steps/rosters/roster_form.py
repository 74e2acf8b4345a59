"""A unit's people, duties and need as a problem of `pilothouse.roster/1`, plain data.

What a contract tells comes before what past duties let guess. Duties on other units are settled: they stay and count.
What does not belong here: reading them
(`roster_inputs.py`, `roster_people.py`), what the members of the form mean (`ml/rostering`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from ml.usecases import RosterUseCase
from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import HISTORY_DAYS, STANDS, Need, Row, Unit, sick_days
from orchestration.steps.rosters.roster_isolation import isolation_of, without_isolation
from orchestration.steps.rosters.roster_people import Contract, Wish
from orchestration.steps.rosters.settled import (
    Settled,
    after_period,
    before_period,
    guests_of,
    is_night_duty,
    on_other_units,
)

LEAST_SHARE, WEEK = 0.1, 7
Stays = Mapping[tuple[str, date], tuple[str, int]]
"""Published duties that people keep if they can: shift and weight, by person and day."""


def form_of(declared: RosterUseCase, site: Site, unit: Unit, need: Need, stays: Stays) -> dict[str, Any]:
    """Return the unit's problem. Days on which somebody is away are leave; duties on other units are none."""
    away, wishes = away_days(unit), wishes_of(declared, site, unit)
    before, elsewhere, after = (
        _by_person(settled(site, unit)) for settled in (before_period, on_other_units, after_period)
    )
    taken, skills = away | _days_of(elsewhere), [one.name for one in declared.skills]
    special = [declared.isolation_skill] if declared.isolation_skill else []
    here = {name: [day for day in unit.dates if (name, day) not in taken] for name in unit.people}
    return {
        "schema": "pilothouse.roster/1",
        "name": f"{site.id} {unit.name}",
        "time_zone": site.timezone,
        "first_day": unit.first.isoformat(),
        "days": unit.days,
        "units": list(dict.fromkeys([unit.name, *unit.floats.values()])),
        "skills": [*skills, *special],
        "shifts": [
            {
                "name": one.id,
                "start": one.starts.strftime("%H:%M"),
                "end": one.ends.strftime("%H:%M"),
                "is_night": one.ends <= one.starts,
            }
            for one in site.shifts
        ],
        "staff": [
            {
                "id": name,
                "home": unit.floats.get(name, unit.name),
                "floats_to": [unit.name] if name in unit.floats else [],
                **_employed(declared, unit, name, away),
                "requests": list(_requests(declared, name, here[name], stays, wishes.get(name, []))),
                "carried": _carried(declared, site, unit, name, wishes.get(name, [])),
                "leave": [day.isoformat() for day in unit.dates if (name, day) in away],
                "history_days": HISTORY_DAYS,
                "history": [_work(one) for one in before.get(name, ())],
                "elsewhere": [_work(one) for one in elsewhere.get(name, ())],
                "after": [_work(one) for one in after.get(name, ())],
            }
            for name in unit.people
        ],
        "demand": [
            {"unit": unit.name, "date": day.isoformat(), "shift": shift, "skill": skill, "nurses": nurses}
            for (day, shift, skill), nurses in sorted(without_isolation(declared, unit, need).items())
        ],
        "isolation": isolation_of(declared, unit, need),
        "guests": list(_guests(guests_of(site, unit, skills))),
        "constraints": [rule.constraint() for rule in declared.rules],
    }


def _by_person(works: Iterable[Settled]) -> dict[str, list[Settled]]:
    found: dict[str, list[Settled]] = {}
    for one in works:
        found.setdefault(one.staff, []).append(one)
    return found


def _days_of(works: Mapping[str, Iterable[Settled]]) -> set[tuple[str, date]]:
    return {(name, one.date) for name, mine in works.items() for one in mine}


def _work(one: Settled) -> dict[str, Any]:
    times = {"starts_at": one.starts_at.isoformat(), "ends_at": one.ends_at.isoformat()}
    return {"date": one.date.isoformat(), "shift": one.shift, "unit": one.unit, **times}


def _guests(works: Iterable[Settled]) -> Iterator[dict[str, Any]]:
    counts = Counter((one.date, one.shift, one.skill, one.unit) for one in works)
    for (day, shift, skill, unit), nurses in sorted(counts.items()):
        yield {"unit": unit, "date": day.isoformat(), "shift": shift, "skill": skill, "nurses": nurses}


def away_days(unit: Unit) -> set[tuple[str, date]]:
    """Return the person-days of the period on which somebody is sick, on leave, or not employed."""
    told = {(person, day) for person in unit.people for day in unit.personnel.away(person, unit.dates)}
    return sick_days(unit) | told


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


def _counted(declared: RosterUseCase, unit: Unit, name: str) -> list[Row]:
    """The duties of somebody as far as is looked back."""
    since = unit.first - timedelta(days=declared.people.look_back_days)
    return [row for row in unit.of(name) if row.status in STANDS and since <= row.date < unit.first]


def _requests(
    declared: RosterUseCase, name: str, here: Sequence[date], stays: Stays, wishes: Sequence[Wish]
) -> Iterator[dict[str, Any]]:
    """What somebody has, and wishes for, on the days that they could work here."""
    for day in here:
        if (name, day) in stays:
            yield _stay(declared, day, *stays[name, day])
    yield from (_wished(declared, one) for one in wishes if one.date in here)


def _carried(declared: RosterUseCase, site: Site, unit: Unit, name: str, wishes: Sequence[Wish]) -> dict[str, int]:
    """Nights, weekends and refused wishes of somebody as far as is looked back."""
    counted, told = _counted(declared, unit, name), {row.date for row in unit.rows}
    shifts = {row.date: row.shift for row in counted}
    since = unit.first - timedelta(days=declared.people.look_back_days)
    asked = [one for one in wishes if since <= one.date < unit.first and one.date in told]
    return {
        "nights": sum(1 for row in counted if is_night_duty(site, row)),
        "weekends": len({row.date.isocalendar()[:2] for row in counted if row.date.weekday() >= 5}),
        "refused": sum(1 for one in asked if is_refused(one, shifts.get(one.date))),
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


def _employed(declared: RosterUseCase, unit: Unit, name: str, away: set[tuple[str, date]]) -> dict[str, Any]:
    """Skills, level, share and hours of a week: of the contracts that hold in the period, else guessed from duties."""
    past = [row for row in unit.of(name) if row.status in STANDS and row.date < unit.first]
    contracts = unit.personnel.nursing(name, unit.dates)
    roles = {row.role for row in past} | {one.role for one in contracts}
    hours = _agreed_hours(unit, contracts, [day for day in unit.dates if (name, day) not in away])
    hours = _usual_hours(unit, _counted(declared, unit, name)) if hours is None else hours
    guessed = [{"skill": skill} for skill in sorted({row.skill for row in past})]
    return {
        "skills": list(_trained(declared, unit, name, contracts)) if contracts else guessed,
        "level": _level(declared, contracts, roles),
        "share": round(min(1.0, max(LEAST_SHARE, hours / declared.people.full_time_hours)), 2),
        "agreed": [_agreed(one) for one in _of_weeks(unit, name)] if contracts else [],
    }


def _level(declared: RosterUseCase, contracts: Sequence[Contract], roles: set[str]) -> str:
    """How experienced somebody is: as their contracts tell, else an expert where a role says so."""
    told = {one.experience for one in contracts if one.experience}
    if "novice" in told:
        return "novice"
    return "expert" if "expert" in told or roles & set(declared.people.expert_roles) else "competent"


def _skills(contracts: Sequence[Contract]) -> Iterator[dict[str, str | None]]:
    """Each skill from the first day of the contracts that let somebody work in it to the last; None for no end."""
    for skill in sorted({one.skill for one in contracts if one.skill}):
        mine = [one for one in contracts if one.skill == skill]
        told = [one.skill_until for one in mine if one.skill_until is not None]
        until = max(told).isoformat() if len(told) == len(mine) else None
        yield {"skill": skill, "since": min(one.skill_from for one in mine).isoformat(), "until": until}


def _trained(
    declared: RosterUseCase, unit: Unit, name: str, contracts: Sequence[Contract]
) -> Iterator[dict[str, str | None]]:
    """The skills of somebody's contracts, and that of isolation beds where they are trained: while theirs holds, and on
    the days for which such beds are counted, so that a search that ends early keeps nobody for beds of a later day."""
    told = declared.isolation
    for one in _skills(contracts):
        yield one
        is_theirs = told is not None and one["skill"] == told.skill and declared.isolation_skill
        if told and is_theirs and unit.isolation_beds and unit.personnel.is_trained(name, told.training, unit.dates):
            last = (unit.first + timedelta(days=told.ahead_days - 1)).isoformat()
            yield {**one, "skill": declared.isolation_skill, "until": min(one["until"] or last, last)}


def _of_weeks(unit: Unit, name: str) -> list[Contract]:
    """The contracts that hold in any of the calendar weeks that the period touches: hours count by whole weeks."""
    monday = unit.first - timedelta(days=unit.first.weekday())
    days = [monday + timedelta(days=number) for number in range(unit.days + 2 * WEEK)]
    return unit.personnel.nursing(name, days)


def _agreed(one: Contract) -> dict[str, Any]:
    return {
        "first": one.valid_from.isoformat(),
        "last": one.valid_until.isoformat() if one.valid_until else None,
        "min_week_hours": one.minimum_hours,
        "max_week_hours": one.maximum_hours,
    }


def _usual_hours(unit: Unit, counted: list[Row]) -> float:
    """Hours a week that somebody worked on average, as far as is looked back."""
    weeks = max(1.0, (unit.first - min((row.date for row in counted), default=unit.first)).days / WEEK)
    return sum(row.hours for row in counted) / weeks


def _agreed_hours(unit: Unit, contracts: Sequence[Contract], here: Sequence[date]) -> float | None:
    """Hours of a week as agreed day by day, on average over the days that somebody is there, else employed."""
    employed = [day for day in unit.dates if any(one.holds(day) for one in contracts)]
    days = [day for day in here if day in employed] or employed
    hours = [one.weekly_hours for day in days for one in contracts if one.holds(day)]
    return sum(hours) / len(days) if days else None

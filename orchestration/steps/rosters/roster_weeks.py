"""Past weeks rostered with what was known before them, beside what was worked; and as plain JSON.

What does not belong here: the candidate that they are evidence of (`roster_candidate.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from evaluation.metrics.roster import UnitWeek
from evaluation.metrics.roster_rules import Duty, Staff
from ml.rostering import Problem, Roster, repair, solve
from ml.rostering.events import Sick
from ml.usecases import RosterUseCase
from orchestration.sites import Site
from orchestration.steps.planning.meetings import time_to_plan
from orchestration.steps.rosters.roster_form import is_refused, wishes_of
from orchestration.steps.rosters.roster_inputs import (
    DID,
    HISTORY_DAYS,
    STANDS,
    Row,
    Unit,
    units_of,
    usual_need,
)
from orchestration.steps.rosters.roster_making import problem_of_unit
from orchestration.steps.rosters.roster_people import NOTHING_TOLD, Personnel
from orchestration.steps.rosters.shifts import span_of

WEEK = timedelta(days=7)


def known_before(rows: Iterable[Row], site: Site, first: date) -> list[Row]:
    """Return the rows of the days before `first` that had arrived when the plan of that day was made."""
    at = time_to_plan(site, first)
    return [row for row in rows if row.date < first and row.known_at <= at]


def rostered_weeks(
    declared: RosterUseCase, site: Site, rows: Sequence[Row], first: date, personnel: Personnel = NOTHING_TOLD
) -> list[UnitWeek]:
    """Roster every unit for the week from `first` on, with what was known before it, beside what was worked."""
    known = known_before(rows, site, first)
    worked = [row for row in rows if first <= row.date < first + WEEK and row.status in DID]
    return [
        _rostered(declared, site, unit, [row for row in worked if row.unit == unit.name])
        for unit in units_of(declared, site, known, first, 7, personnel.known_at(time_to_plan(site, first)))
    ]


def _rostered(declared: RosterUseCase, site: Site, unit: Unit, worked: Sequence[Row]) -> UnitWeek:
    need = usual_need(declared, unit)
    problem = problem_of_unit(declared, site, unit, need, None, keep=False)
    enough = int(declared.solving.backtest_enough_per_nurse * sum(need.values()))
    answer = solve(problem, declared.solving.backtest_seconds, declared.solving.seed, enough=enough)
    roster = answer.roster or Roster({})
    history = [row for row in unit.rows if row.status in STANDS and (unit.first - row.date).days <= HISTORY_DAYS]
    staff = staff_of(unit)
    asked = [one for wishes in wishes_of(declared, site, unit).values() for one in wishes if one.date in unit.dates]
    shifts = {(name, unit.first + timedelta(days=day)): duty.shift for (name, day), duty in roster.duties.items()}
    known = {one.name for one in staff}
    guests = {row.staff: row.skill for row in worked if row.staff and row.staff not in known}
    return UnitWeek(
        unit=unit.name,
        first=unit.first,
        need=need,
        staff=[*staff, *(Staff(name, frozenset({skill}), frozenset({unit.name})) for name, skill in guests.items())],
        history=[_duty(row, row.staff) for row in history if row.staff],
        made=_made(site, unit, roster),
        worked=[_duty(row, row.staff) for row in worked if row.staff],
        objective=answer.objective,
        bound=answer.bound,
        asked=len(asked),
        granted=sum(1 for one in asked if not is_refused(one, shifts.get((one.staff, one.date)))),
        changes=_changes_after_a_sick_call(declared, problem, roster),
        shares={one.name: one.share for one in problem.staff},
    )


def staff_of(unit: Unit) -> list[Staff]:
    """Return a unit's people as hard rules are judged by: from what the feeds tell, not from the solver's problem."""
    return [_staff(unit, name) for name in unit.people]


def _staff(unit: Unit, name: str) -> Staff:
    contracts = [one for one in unit.personnel.of(name) if any(map(one.holds, unit.dates))]
    guessed = {row.skill for row in unit.of(name) if row.status in STANDS and row.date < unit.first}
    until: dict[str, date] = {}
    for skill in {one.skill for one in contracts}:
        ends = [one.skill_until or date.max for one in contracts if one.skill == skill]
        until[skill] = max(ends)
    by_day = [[one.maximum_hours for one in contracts if one.holds(day)] for day in unit.dates]
    allowed = [
        sum(hours) for day in by_day if day and len(hours := [one for one in day if one is not None]) == len(day)
    ]
    return Staff(
        name,
        frozenset(until) if contracts else frozenset(guessed),
        frozenset({unit.name}),
        frozenset(unit.personnel.away(name, unit.dates)),
        until,
        min(allowed, default=None),
    )


def _duty(row: Row, person: str) -> Duty:
    is_night = row.ends_at.date() > row.starts_at.date()
    return Duty(person, row.date, row.unit, row.shift, row.skill, row.starts_at, row.ends_at, is_night)


def _made(site: Site, unit: Unit, roster: Roster) -> list[Duty]:
    found: list[Duty] = []
    for (person, day), duty in roster.duties.items():
        span = span_of(site, unit.first + timedelta(days=day), duty.shift)
        is_night = span.ends_at.date() > span.starts_at.date()
        on = unit.first + timedelta(days=day)
        found.append(Duty(person, on, duty.unit, duty.shift, duty.skill, span.starts_at, span.ends_at, is_night))
    return found


def _changes_after_a_sick_call(declared: RosterUseCase, problem: Problem, roster: Roster) -> int | None:
    """Return how many assignments change when the first who works in the middle of the week is sick that day."""
    person = min((name for name, day in roster.duties if day == problem.days // 2), default=None)
    if person is None:
        return None
    event = Sick(person, frozenset({problem.days // 2}))
    return len(repair(problem, roster, [event], declared.solving.backtest_seconds / 5, declared.solving.seed).changes)


def written(weeks: Iterable[UnitWeek]) -> list[dict[str, Any]]:
    """Return the weeks as plain JSON values."""
    found: list[dict[str, Any]] = []
    for week in weeks:
        document = asdict(replace(week, need={}))
        document["need"] = [[*key, nurses] for key, nurses in week.need.items()]
        document["staff"] = [
            {
                "name": one.name,
                "skills": sorted(one.skills),
                "units": sorted(one.units),
                "away": sorted(map(str, one.away)),
                "until": {skill: str(day) for skill, day in one.until.items()},
                "most_hours": one.most_hours,
            }
            for one in week.staff
        ]
        found.append(document)
    return found


def read_weeks(documents: Iterable[Mapping[str, Any]]) -> list[UnitWeek]:
    return [_read_week(dict(one)) for one in documents]


def _read_week(fields: dict[str, Any]) -> UnitWeek:
    fields["first"] = date.fromisoformat(fields["first"])
    fields["need"] = {(date.fromisoformat(day), shift, skill): nurses for day, shift, skill, nurses in fields["need"]}
    fields["staff"] = [_read_staff(one) for one in fields["staff"]]
    for which in ("history", "made", "worked"):
        fields[which] = [_read_duty(one) for one in fields[which]]
    return UnitWeek(**fields)


def _read_staff(one: Mapping[str, Any]) -> Staff:
    return Staff(
        one["name"],
        frozenset(one["skills"]),
        frozenset(one["units"]),
        frozenset(map(date.fromisoformat, one["away"])),
        {skill: date.fromisoformat(day) for skill, day in one["until"].items()},
        one["most_hours"],
    )


def _read_duty(one: Mapping[str, Any]) -> Duty:
    starts, ends = (datetime.fromisoformat(one[name]) for name in ("starts_at", "ends_at"))
    on = date.fromisoformat(one["date"])
    return Duty(one["person"], on, one["unit"], one["shift"], one["skill"], starts, ends, one["is_night"])

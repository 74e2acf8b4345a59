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
    Row,
    Unit,
    units_of,
    usual_need,
)
from orchestration.steps.rosters.roster_judging import duties_of, made_duties, staff_of
from orchestration.steps.rosters.roster_making import problem_of_unit
from orchestration.steps.rosters.roster_people import NOTHING_TOLD, Personnel
from orchestration.steps.rosters.settled import before_period, settled_of

WEEK = timedelta(days=7)
REPAIRING = 0.4
"""Of the seconds of a past week, at most, for its sick call: it ends as soon as fewer changes are proven impossible."""


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
        history=duties_of(before_period(site, unit)),
        made=made_duties(site, unit, roster),
        worked=duties_of(settled_of(site, worked)),
        objective=answer.objective,
        bound=answer.bound,
        asked=len(asked),
        granted=sum(1 for one in asked if not is_refused(one, shifts.get((one.staff, one.date)))),
        changes=_changes_after_a_sick_call(declared, problem, roster),
        shares={one.name: one.share for one in problem.staff},
    )


def _changes_after_a_sick_call(declared: RosterUseCase, problem: Problem, roster: Roster) -> int | None:
    """Return how many assignments change when the first who works in the middle of the week is sick that day."""
    person = min((name for name, day in roster.duties if day == problem.days // 2), default=None)
    if person is None:
        return None
    event = Sick(person, frozenset({problem.days // 2}))
    seconds = REPAIRING * declared.solving.backtest_seconds
    return len(repair(problem, roster, [event], seconds, declared.solving.seed).changes)


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
                "since": {skill: str(day) for skill, day in one.since.items()},
                "weeks": {str(monday): hours for monday, hours in one.weeks.items()},
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
        {skill: date.fromisoformat(day) for skill, day in one["since"].items()},
        {date.fromisoformat(monday): hours for monday, hours in one["weeks"].items()},
    )


def _read_duty(one: Mapping[str, Any]) -> Duty:
    starts, ends = (datetime.fromisoformat(one[name]) for name in ("starts_at", "ends_at"))
    on = date.fromisoformat(one["date"])
    return Duty(one["person"], on, one["unit"], one["shift"], one["skill"], starts, ends, one["is_night"])

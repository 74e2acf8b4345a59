"""A unit's roster as the judge of hard rules reads one, from what the feeds tell and not from the solver's problem.

What counts as work is one definition (`settled.py`). What does not belong here: the judge (`evaluation/metrics`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules
from ml.rostering import Roster
from ml.usecases import RosterUseCase
from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import STANDS, Unit
from orchestration.steps.rosters.roster_people import Contract
from orchestration.steps.rosters.settled import Settled, after_period, before_period, on_other_units
from orchestration.steps.rosters.shifts import span_of

WEEK = 7


def judge_roster(declared: RosterUseCase, site: Site, unit: Unit, roster: Roster) -> list[str]:
    """Return one sentence for each hard rule that a unit's roster breaks. Raises `MetricInputError` for a hard rule
    that cannot be judged."""
    before, elsewhere, after = (
        duties_of(settled(site, unit)) for settled in (before_period, on_other_units, after_period)
    )
    made = [replace(one, skill=declared.counts_as(one.skill)) for one in made_duties(site, unit, roster)]
    untrained = [
        f"{one.person}: is not trained for {one.skill}, on {one.date}"
        for one in made_duties(site, unit, roster)
        if declared.isolation and one.skill != declared.counts_as(one.skill)
        and not unit.personnel.is_trained(one.person, declared.isolation.training, [one.date])
    ]  # fmt: skip
    return untrained + broken_rules(made, before, staff_of(unit), _rules(declared), elsewhere, after)


def judge_across(declared: RosterUseCase, site: Site, rosters: Sequence[tuple[Unit, Roster]]) -> list[str]:
    """Return one sentence for each hard rule that people who are lent break by their duties on all units together.

    It takes each person's duties from the rosters themselves, and of what feeds tell only what none of them decides."""
    lent = sorted({person for unit, _ in rosters for person in unit.floats})
    return [said for person in lent for said in _judge_person(declared, site, person, rosters)]


def _judge_person(
    declared: RosterUseCase, site: Site, person: str, rosters: Sequence[tuple[Unit, Roster]]
) -> list[str]:
    theirs = [(unit, roster) for unit, roster in rosters if person in unit.people]
    home = next(unit for unit, _ in theirs if person not in unit.floats)
    units = frozenset(unit.name for unit, _ in theirs)
    rows = (row for row in home.of(person) if row.unit not in units or not home.first <= row.date < home.after)
    alone = replace(home, rows=tuple(rows), people=(person,))
    before, elsewhere, after = (
        duties_of(settled(site, alone)) for settled in (before_period, on_other_units, after_period)
    )
    made = [
        replace(one, skill=declared.counts_as(one.skill))
        for unit, roster in theirs
        for one in made_duties(site, unit, roster)
        if one.person == person
    ]
    staff = replace(_staff(home, person), units=units)
    return broken_rules(made, before, [staff], _rules(declared), elsewhere, after)


def _rules(declared: RosterUseCase) -> list[HardRule]:
    return [HardRule(one.name, one.kind, dict(one.parameters)) for one in declared.rules if one.hard]


def duties_of(works: Iterable[Settled]) -> list[Duty]:
    """Return settled work as the judge reads it."""
    return [
        Duty(one.staff, one.date, one.unit, one.shift, one.skill, one.starts_at, one.ends_at, one.is_night)
        for one in works
    ]


def made_duties(site: Site, unit: Unit, roster: Roster) -> list[Duty]:
    """Return a roster's duties with the times of the site's own shifts."""
    nights = {one.id for one in site.shifts if one.ends <= one.starts}
    found: list[Duty] = []
    for (person, day), duty in roster.duties.items():
        on = unit.first + timedelta(days=day)
        span = span_of(site, on, duty.shift)
        about = person, on, duty.unit, duty.shift, duty.skill
        found.append(Duty(*about, span.starts_at, span.ends_at, duty.shift in nights))
    return found


def staff_of(unit: Unit) -> list[Staff]:
    """Return a unit's people as hard rules are judged by: from what the feeds tell."""
    return [_staff(unit, name) for name in unit.people]


def _staff(unit: Unit, name: str) -> Staff:
    contracts = unit.personnel.nursing(name, unit.dates)
    guessed = {row.skill for row in unit.of(name) if row.status in STANDS and row.date < unit.first}
    since: dict[str, date] = {}
    until: dict[str, date] = {}
    for one in contracts:
        skill = str(one.skill)
        since[skill] = min(one.skill_from, since.get(skill, date.max))
        until[skill] = max(one.skill_until or date.max, until.get(skill, date.min))
    return Staff(
        name,
        frozenset(until) if contracts else frozenset(guessed),
        frozenset({unit.name}),
        frozenset(unit.personnel.away(name, unit.dates)),
        until,
        None,
        since,
        dict(_weeks(unit, name)) if contracts else {},
    )


def _weeks(unit: Unit, name: str) -> Iterable[tuple[date, float | None]]:
    """The most hours of each calendar week that the period touches, a seventh of a week for each day of a contract."""
    monday = unit.first - timedelta(days=unit.first.weekday())
    while monday <= unit.dates[-1]:
        days = [monday + timedelta(days=number) for number in range(WEEK)]
        yield monday, _allowed([one for day in days for one in unit.personnel.nursing(name, [day])])
        monday += timedelta(days=WEEK)


def _allowed(by_day: list[Contract]) -> float | None:
    hours = [one.maximum_hours for one in by_day]
    return None if None in hours else sum(one for one in hours if one is not None) / WEEK

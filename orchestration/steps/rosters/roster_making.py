"""A unit's roster by each tier: solved, the published one repaired, last week's pattern; and how it differs.

What does not belong here: reading (`roster_inputs.py`), what is needed (`roster_needs.py`), plans (`roster_plan.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from evaluation.policies import Tier
from ml.rostering import Change, Duty, Problem, Roster, RosterAnswer, check, repair, solve
from ml.rostering.events import Sick
from ml.rostering.form import parse_form
from ml.rostering.repairing import changes_of
from ml.usecases import RosterUseCase
from orchestration.sites import Site
from orchestration.steps.rosters.roster_form import form_of
from orchestration.steps.rosters.roster_inputs import STANDS, Need, Unit, sick_days, standing
from orchestration.steps.rosters.roster_judging import judge_roster

KEPT_WEIGHT, BEGUN_WEIGHT = 30, 1000
"""What moving a person away from a published duty costs (times the rule's weight), and from a shift that has begun."""


@dataclass(frozen=True)
class Made:
    """A unit's roster. `tier` made it; `why` says why no higher one did; `changes` are against the published roster.

    `taken_out` counts published duties of people who are on leave by now, whose credential does not hold then, or who
    have a duty on another unit that day."""

    unit: Unit
    problem: Problem
    roster: Roster
    tier: Tier
    why: str
    changes: tuple[Change, ...]
    answer: RosterAnswer | None = None
    taken_out: int = 0


def problem_of_unit(
    declared: RosterUseCase, site: Site, unit: Unit, need: Need, at: datetime | None, *, keep: bool = True
) -> Problem:
    """Return the unit's problem; `keep`: people stay on published duties if they can, and on begun ones all the more.

    Raises `ProblemNotUnderstood` where the feed and the site's YAML do not fit together."""
    stays = {
        (str(row.staff), row.date): (row.shift, BEGUN_WEIGHT if at and row.starts_at <= at else KEPT_WEIGHT)
        for row in standing(unit).values()
        if keep and declared.published_rule and row.shift in {one.id for one in site.shifts}
    }
    return parse_form(json.dumps(form_of(declared, site, unit, need, stays)), f"{site.id} {unit.name}")


def make_roster(declared: RosterUseCase, site: Site, problem: Problem, unit: Unit, allowed: Tier) -> Made:
    """Return the roster of the highest tier that is allowed and has one; of tier manual it is empty.

    None is returned that the independent judge of hard rules finds fault with."""
    published = published_roster(problem, unit)
    stands = _possible(problem, unit, published)
    made = _best(declared, site, problem, unit, allowed, (published, stands))
    return replace(made, taken_out=len(published.duties) - len(stands.duties))


def _best(
    declared: RosterUseCase, site: Site, problem: Problem, unit: Unit, allowed: Tier, rosters: tuple[Roster, Roster]
) -> Made:
    (published, stands), why = rosters, ""
    if allowed is Tier.MODEL:
        answer = solve(problem, declared.solving.seconds_per_unit, declared.solving.seed, start=stands)
        said = judge_roster(declared, site, unit, answer.roster) if answer.roster else []
        if answer.roster is not None and not answer.hard_violations and not said:
            return _made(declared, unit, problem, answer.roster, (Tier.MODEL, ""), published, answer)
        why = f"{unit.name}: {_no_roster(answer, len(said), 'the solver')} "
    if allowed.rank <= Tier.RULE.rank and published.duties:
        mended = repair(problem, stands, _sick(unit, problem), declared.solving.seconds_per_unit, declared.solving.seed)
        roster = mended.answer.roster
        said = judge_roster(declared, site, unit, roster) if roster else []
        if roster is not None and not mended.answer.hard_violations and not said:
            return _made(
                declared, unit, problem, roster, (Tier.RULE, f"{why}The published roster was repaired."), published
            )
        why += f"{unit.name}: {_no_roster(mended.answer, len(said), 'repairing the published one')} "
    elif allowed.rank <= Tier.RULE.rank:
        why += f"{unit.name}: nothing is published that could be repaired. "
    if allowed.rank <= Tier.HISTORY.rank:
        pattern = last_week(problem, unit)
        said = judge_roster(declared, site, unit, pattern)
        if pattern.duties and not said:
            return _made(
                declared, unit, problem, pattern, (Tier.HISTORY, f"{why}Last week's pattern is shown."), published
            )
        broken = f"breaks hard rules by the judge ({len(said)} times)" if said else "leaves no duty to repeat"
        why += f"{unit.name}: last week's pattern {broken}. "
    return Made(unit, problem, Roster({}), Tier.MANUAL, f"{why}{unit.name}: people plan by themselves.", ())


def _no_roster(answer: RosterAnswer, judged: int, whose: str) -> str:
    """Say why there is no roster that may be shown of whoever sought one."""
    if answer.conflict:
        return "the hard rules cannot all hold: " + "; ".join(one.rule for one in answer.conflict[:3]) + "."
    if answer.hard_violations:
        return f"the roster by {whose} broke a hard rule and is not shown: {answer.hard_violations[0].rule}."
    if judged:
        return f"the roster by {whose} breaks hard rules by the judge ({judged} times) and is not shown."
    return f"{whose} found no roster in its time."


def _made(
    declared: RosterUseCase,
    unit: Unit,
    problem: Problem,
    roster: Roster,
    by: tuple[Tier, str],
    was: Roster,
    answer: RosterAnswer | None = None,
) -> Made:
    counted = Roster(
        {at: replace(duty, skill=declared.counts_as(duty.skill)) for at, duty in roster.duties.items()}, roster.agency
    )
    changes = changes_of(was, counted, _sick(unit, problem)) if was.duties else ()
    return Made(unit, problem, roster, by[0], by[1], changes, answer)


def published_roster(problem: Problem, unit: Unit) -> Roster:
    """Return what the feed says is planned, the sick among them, as far as the problem knows person and duty."""
    rows = [row for row in unit.rows if row.status in (*STANDS, "sick") and row.unit == unit.name]
    return Roster(dict(_duties(problem, unit, {(row.staff, row.date): (row.shift, row.skill) for row in rows})))


def _possible(problem: Problem, unit: Unit, roster: Roster) -> Roster:
    """Return a roster without duties on leave, beside another unit's, or in a skill that does not hold; the sick stay
    for a repair."""
    sick = {(person, (day - unit.first).days) for person, day in sick_days(unit)}
    possible = {
        (name, day): duty
        for (name, day), duty in roster.duties.items()
        for person in (problem.person_by_name[name],)
        if ((name, day) in sick or day not in person.leave)
        and day not in person.work_on
        and person.holds(duty.skill, day)
    }
    return Roster(possible, roster.agency)


def last_week(problem: Problem, unit: Unit) -> Roster:
    """Return who worked on the same weekday a week before, without those who are away."""
    rows = {
        (row.staff, row.date + timedelta(days=7)): (row.shift, row.skill)
        for row in unit.rows
        if row.status in STANDS and row.unit == unit.name and row.date < unit.first
    }
    return _without_breaches(problem, Roster(dict(_duties(problem, unit, rows))))


def _without_breaches(problem: Problem, roster: Roster) -> Roster:
    """Take out duties, the latest of each broken hard rule, until none is broken: a pattern excuses none."""
    while broken := [one for one in check(problem, roster) if one.is_hard and one.waiver is None]:
        out = {(one.person, max(day for day in one.days if (one.person, day) in roster.duties)) for one in broken}
        roster = Roster({at: duty for at, duty in roster.duties.items() if at not in out})
    return roster


def _duties(
    problem: Problem, unit: Unit, rows: Mapping[tuple[str | None, date], tuple[str, str]]
) -> list[tuple[tuple[str, int], Duty]]:
    found: list[tuple[tuple[str, int], Duty]] = []
    for (staff, day), (shift, skill) in rows.items():
        number, duty = (day - unit.first).days, Duty(unit.name, shift, skill)
        is_known = staff in problem.person_by_name and duty in problem.duties and 0 <= number < problem.days
        if staff is not None and is_known and problem.person_by_name[staff].may_ever_do(duty):
            found.append(((staff, number), duty))
    return found


def _sick(unit: Unit, problem: Problem) -> list[Sick]:
    days: dict[str, set[int]] = {}
    for person, day in sick_days(unit):
        if person in problem.person_by_name:
            days.setdefault(person, set()).add((day - unit.first).days)
    return [Sick(person, frozenset(found)) for person, found in sorted(days.items())]


def document_of(made: Made) -> dict[str, Any]:
    """Return a unit's roster with names, for the staffing system and not for the board."""
    from ml.rostering.documents import change_document, roster_document

    return {
        "unit": made.unit.name,
        "tier": made.tier.value,
        "why": made.why,
        **roster_document(made.problem, made.roster),
        "changes": [change_document(made.problem, one) for one in made.changes],
    }

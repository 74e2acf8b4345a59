"""What a plan of rosters says beside its lines: what no feed tells, what stays, is lent, was taken out or changed.

Nobody is named. What does not belong here: the lines, and what gave way (`roster_plan.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from ml.usecases import RosterUseCase
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.kinds.planned import Asked
from orchestration.steps.rosters.people_feeds import otherwise_employed, told_of_feeds
from orchestration.steps.rosters.roster_agency import told_of_agency
from orchestration.steps.rosters.roster_floats import lent_to
from orchestration.steps.rosters.roster_inputs import Row, Unit, untold_days
from orchestration.steps.rosters.roster_isolation import told_of_isolation
from orchestration.steps.rosters.roster_making import Made
from orchestration.steps.rosters.roster_people import held_leave


def notes_of_site(
    settings: Settings, declared: RosterUseCase, asked: Asked, rows: Sequence[Row], unit: Unit
) -> Iterator[str]:
    """Say what the feeds of people lack for all units alike; `unit` is any of them."""
    yield from _silent(asked.site, unit)
    yield from _held(settings, declared, asked)
    yield from told_of_feeds(settings, declared, asked.site, asked.at)
    yield from otherwise_employed(declared, asked.site, rows, unit)


def notes_of_units(declared: RosterUseCase, asked: Asked, made: Sequence[Made]) -> Iterator[str]:
    """Say of each unit what its lines do not, then whom to ask an agency for, then for which beds nurses are kept."""
    for one in made:
        said = (
            _untold(one.unit), _guessed(one.unit), _elsewhere(one), _taken_out(one), _lent(one), _changed(one)
        )  # fmt: skip
        yield from filter(None, said)
    for one in made:
        yield from told_of_agency(asked, one)
    for one in made:
        yield from told_of_isolation(declared, one.unit, _trained(declared, one))


def _silent(site: Site, unit: Unit) -> Iterable[str]:
    """Say what no feed tells of a site's people, and what stands in for it."""
    if unit.personnel.silent:
        yield (
            f"{site.id} lists no feed {', '.join(unit.personnel.silent)}: contract hours are what people worked on "
            "average, absences those of the rosters feed, wishes none, as far as those feeds would tell them."
        )


def _held(settings: Settings, declared: RosterUseCase, asked: Asked) -> Iterable[str]:
    """Say that leave is held at the door: who is away may be told incompletely."""
    since = asked.at - timedelta(days=declared.people.look_back_days)
    if held := held_leave(settings, asked.site.id, since, asked.at):
        yield (
            f"{held} rows of the leave feed are in quarantine, so that somebody may be rostered on leave. See "
            f"`pilothouse quarantine list --site {asked.site.id} --feed leave` and have them repaired."
        )


def _guessed(unit: Unit) -> str:
    """Say of how many people no contract is told where a feed would tell them."""
    people = [one for one in unit.people if not unit.personnel.of(one)]
    if "workforce" in unit.personnel.silent or not people:
        return ""
    return (
        f"{unit.name}: of {len(people)} of {len(unit.people)} people no contract is told; their skills and hours are "
        "guessed from past duties."
    )


def _elsewhere(made: Made) -> str:
    """Say how many duties on other units stay as they are, and how many of others here count as cover."""
    away = sum(1 for person in made.problem.staff for one in person.work if 0 <= one.day < made.problem.days)
    here = sum(made.problem.guests.values())
    if not away and not here:
        return ""
    return (
        f"{made.unit.name}: {away} duties of its people on other units stay as they are and count in rest, runs and "
        f"hours; {here} duties of other people here count as cover."
    )


def _taken_out(made: Made) -> str:
    if not made.taken_out:
        return ""
    return (
        f"{made.unit.name}: {made.taken_out} published duties fall on leave, on a day with a duty on another unit, or "
        "where a credential does not hold, and are not counted."
    )


def _trained(declared: RosterUseCase, made: Made) -> int:
    skill = declared.isolation_skill
    return sum(1 for one in made.problem.staff if skill in one.skills)


def _lent(made: Made) -> str:
    """Say how many duties people of other units do, so that nobody counts on them twice."""
    if not made.unit.floats or not lent_to(made):
        return ""
    return f"{made.unit.name}: {lent_to(made)} duties are done by people of the float pool, who belong to other units."


def _untold(unit: Unit) -> str:
    """Say of which days just before the period no duty is known: rules that look back see days off there."""
    days = untold_days(unit)
    if not days:
        return ""
    told = f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0])
    return (
        f"{unit.name}: the rosters feed tells no duty of {len(days)} days ({told}); rest and runs before are not known."
    )


def _changed(made: Made) -> str:
    """Say how many published duties differ and why, without a name."""
    changes = [one for one in made.changes if one.person is not None]
    if not changes:
        return ""
    sick = sum(1 for one in changes if one.why.endswith("is sick") and one.now is None)
    over = sum(1 for one in changes if one.why.startswith("takes over"))
    rest = len(changes) - sick - over
    return (
        f"{made.unit.name}: {len(changes)} changes to the published roster: {sick} for sickness, {over} to take "
        f"over from the sick, {rest} for what is needed. The roster with names is in the home folder."
    )

"""The float pool: whoever may be sent elsewhere by contract covers what other units lack, once each has its own roster.

A unit that is short is rostered again with those people beside its own. What the rosters that were made have all of
them do elsewhere stays, and counts in rest, runs and hours. What does not belong here: one unit's roster
(`roster_making.py`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from evaluation.policies import Tier
from ml.rostering import RosteringError
from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import Row, Unit
from orchestration.steps.rosters.roster_making import Made
from orchestration.steps.rosters.shifts import span_of

PLANNED, LONGEST = "planned", 1000
Remade = Callable[[Unit], Made]
"""Rosters a unit, with the people who were added to it."""
Judged = Callable[[Sequence[Made]], Sequence[str]]
"""Says which hard rules the lent people break by all that the site's rosters have them do."""


def with_floats(site: Site, made: Sequence[Made], again: Remade, judged: Judged) -> tuple[list[Made], list[str]]:
    """Return the units' rosters, those that are short made again with the float pool, and what is to be said of it.

    They stay as they were where that gave no roster by the solver, one that lacks as much, or one by which somebody
    breaks a hard rule across units, and where the data do not fit together; the last two are said."""
    found, said = list(made), list[str]()
    for place, one in enumerate(found):
        if not missing(one) or one.tier is not Tier.MODEL:
            continue
        pool = list(_pool(found, one.unit))
        if not pool:
            continue
        try:
            wider = again(_with_people(site, one.unit, pool, found))
        except RosteringError as error:
            said.append(f"{one.unit.name}: nobody is lent to it, since the data do not fit together: {error}"[:LONGEST])
            continue
        if wider.tier is not Tier.MODEL or missing(wider) >= missing(one):
            continue
        if broken := judged([*found[:place], wider, *found[place + 1 :]]):
            said.append(
                f"{one.unit.name}: nobody is lent to it, since that breaks hard rules across units by the judge "
                f"({len(broken)} times)."
            )
            continue
        found[place] = wider
    return found, said


def missing(made: Made) -> int:
    """How many nurses a unit lacks of what it needs, over all shifts and skills."""
    held = Counter((day, duty) for (_, day), duty in made.roster.duties.items())
    held.update(made.problem.guests)
    return sum(max(0, one.nurses - held[one.day, one.duty]) for one in made.problem.demand)


def lent_to(made: Made) -> int:
    """How many duties of a unit's roster are done by people of the float pool."""
    return sum(1 for person, _ in made.roster.duties if person in made.unit.floats)


def _pool(made: Iterable[Made], unit: Unit) -> Iterator[tuple[str, Unit]]:
    """Give the people of other units, with their unit, whose contract lets them be sent to a unit in its period."""
    for one in made:
        if one.unit.name == unit.name or one.tier is not Tier.MODEL:
            continue
        for person in one.unit.people:
            contracts = unit.personnel.nursing(person, unit.dates)
            if person not in one.unit.floats and any(unit.name in contract.floats_to for contract in contracts):
                yield person, one.unit


def _with_people(site: Site, unit: Unit, pool: Sequence[tuple[str, Unit]], made: Sequence[Made]) -> Unit:
    """Return a unit with the people of the pool. What its own people and theirs do elsewhere is what the rosters say
    that were made: also of its own who were lent before."""
    homes = {person: home.name for person, home in pool}
    others = [one for one in made if one.unit.name != unit.name]
    told = [row for row in unit.rows if row.staff not in homes]
    told += [row for person, home in pool for row in home.of(person)]
    kept = [row for row in told if not any(_is_decided(one.unit, row) for one in others)]
    people = {*unit.people, *homes}
    decided = [row for one in others for row in _rows(site, one, people)]
    return replace(unit, rows=(*kept, *decided), people=(*unit.people, *homes), floats=homes)


def _is_decided(unit: Unit, row: Row) -> bool:
    """Tell whether a duty was a unit's to decide: its roster says now who has it."""
    return row.unit == unit.name and unit.first <= row.date < unit.after and row.staff in unit.people


def _rows(site: Site, made: Made, people: set[str]) -> Iterator[Row]:
    """Give the duties of some people in a roster that was made, as a feed would tell them."""
    for (person, day), duty in made.roster.duties.items():
        if person in people:
            on = made.unit.first + timedelta(days=day)
            span = span_of(site, on, duty.shift)
            known_at = max((row.known_at for row in made.unit.of(person)), default=span.starts_at)
            about = person, duty.unit, on, duty.shift, duty.skill, "", PLANNED
            yield Row(*about, span.starts_at, span.ends_at, span.hours, known_at)

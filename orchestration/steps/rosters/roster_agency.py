"""Agency nurses that a unit's roster would ask for where nobody of its staff may: how many, for which shift.

They are no cover that is there: nobody is booked, and a plan counts them as missing until people roster them. What does
not belong here: what they cost (`ml/usecases/roster.yaml`), when the solver asks for one (`ml/rostering`).
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from evaluation.policies import Tier
from orchestration.steps.kinds.planned import Asked
from orchestration.steps.rosters.roster_making import Made
from orchestration.steps.rosters.shifts import span_of

MOST_NAMED = 12
"""Shifts that a note names; the lines of a plan name all."""


def asked_of_agency(asked: Asked, made: Made) -> Mapping[tuple[date, str, str], int]:
    """Return how many to ask an agency for by date, shift and skill, of shifts that have not begun."""
    found: dict[tuple[date, str, str], int] = {}
    for (day, duty), nurses in made.roster.agency.items():
        on = made.unit.first + timedelta(days=day)
        if nurses and span_of(asked.site, on, duty.shift).starts_at > asked.at:
            found[on, duty.shift, duty.skill] = nurses
    return found


def told_of_agency(asked: Asked, made: Made) -> Iterator[str]:
    """Say how many agency nurses a unit lacks, and for which shifts, soonest first."""
    found = {} if made.tier is Tier.MANUAL else asked_of_agency(asked, made)
    if not found:
        return
    soonest = sorted(found, key=lambda one: (span_of(asked.site, one[0], one[1]).starts_at, one[2]))
    named = [f"{day} {shift} {found[day, shift, skill]} {skill}" for day, shift, skill in soonest[:MOST_NAMED]]
    more = f" and {len(soonest) - MOST_NAMED} shifts more" if len(soonest) > MOST_NAMED else ""
    yield (
        f"{made.unit.name}: {sum(found.values())} nurses to ask an agency for, where nobody else may or it would "
        f"cost more: {'; '.join(named)}{more}. None is booked; they count as missing."
    )

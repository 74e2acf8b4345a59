"""How well anybody could tell who will miss an appointment of the simulator: the best that there is, by its own odds.

An outcome is a throw of a coin that the simulator weighs, so that not even its own probabilities rank perfectly. Here
belong those probabilities, and the exact posterior of whoever knows the simulator's rule but of a person only what
the use case may look at: the booking, and what came of earlier ones.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from orchestration.simulator.appointments import Appointment, AppointmentBook
from orchestration.simulator.world import World

CAME = {"arrived": 0.0, "no_show": 1.0}
Known = list[tuple[float, float]]
"""Of each earlier appointment that was kept or missed: the booking's own part of the log-odds, and what came of it."""


def best_risks(site: str, first: date, seed: int, days: int) -> Mapping[str, tuple[float, float]]:
    """Appointment number -> the simulator's own probability of missing it, and the best that the use case may know.

    The second integrates over what makes a person miss (age, cover, language and habit, which the use case does not
    look at), by its distribution over all who were booked and by what came of the person's earlier appointments."""
    world = World(site, first, seed)
    book, decided, asked = AppointmentBook(world), dict[int, dict[int, tuple[float, float]]](), list[_Asked]()
    for _ in range(days):
        for change in book.changes(world.advance(measure=False)):
            one = change.appointment
            mine = decided.setdefault(one.person, {})
            if change.status == "booked":
                asked.append((one, book.odds_of_missing(one), book.odds_of_booking(one), list(mine.values())))
            elif change.status in CAME:
                mine[one.number] = book.odds_of_booking(one), CAME[change.status]
    people = np.array(list({one.person: odds - own for one, odds, own, _ in asked}.values()))
    return {one.id: (float(_chance(odds)), _posterior(people, own, known)) for one, odds, own, known in asked}


_Asked = tuple[Appointment, float, float, Known]


def _posterior(people: np.ndarray, own: float, known: Known) -> float:
    """Mean chance over all kinds of people, each weighed by how likely it makes what is known."""
    weight = np.ones_like(people)
    for booking, missed in known:
        chance = _chance(booking + people)
        weight = weight * np.where(missed, chance, 1 - chance)
    return float(np.average(_chance(own + people), weights=weight))


def _chance(odds: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(odds)))

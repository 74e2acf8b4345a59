"""The people who may come: age, sex, race, language, lasting conditions, and who is already known to the hospital.

What does not belong here: visits (`latent.py`) and how a person is written as a Patient (`people_records.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from orchestration.simulator.catalogue import Catalogue, Floats
from orchestration.simulator.chance import stream
from orchestration.simulator.profiles import Profile

DAYS_PER_YEAR = 365.2425


@dataclass
class Population:
    """Columns over people. `conditions` is what they have, `charted` what the problem list says; both (n, C)."""

    born: NDArray[np.int64]
    is_female: NDArray[np.bool_]
    race: NDArray[np.str_]
    is_hispanic: NDArray[np.bool_]
    language: NDArray[np.str_]
    conditions: NDArray[np.bool_]
    charted: NDArray[np.bool_]
    charted_days_before: NDArray[np.int64]
    weight: Floats
    is_dead: NDArray[np.bool_]
    is_here: NDArray[np.bool_]
    left_at: NDArray[np.int64]

    @property
    def size(self) -> int:
        return len(self.born)

    def ages(self, people: NDArray[np.int64], day: date) -> Floats:
        """Age in years on a day."""
        return (day.toordinal() - self.born[people]) / DAYS_PER_YEAR


def make_population(profile: Profile, catalogue: Catalogue, start: date, seed: int) -> Population:
    """Draw the people of one site, as they are on the first day."""
    rng = stream(seed, profile.site, "population")
    n = profile.people
    ages = _draw_ages(profile, rng)
    conditions = _draw_conditions(catalogue, ages, rng)
    known = rng.random(n) < profile.history_share
    charted = conditions & known[:, None] & (rng.random(conditions.shape) < profile.problem_list_share)
    return Population(
        born=start.toordinal() - np.floor(ages * DAYS_PER_YEAR).astype(np.int64),
        is_female=rng.random(n) < 0.52,
        race=_choose(profile.races or {"": 1.0}, n, rng),
        is_hispanic=rng.random(n) < profile.hispanic_share,
        language=_choose(profile.languages, n, rng),
        conditions=conditions,
        charted=charted,
        charted_days_before=rng.integers(40, 4000, conditions.shape),
        weight=_attendance(ages, conditions, rng),
        is_dead=np.zeros(n, dtype=np.bool_),
        is_here=np.zeros(n, dtype=np.bool_),
        left_at=np.zeros(n, dtype=np.int64),
    )


def _draw_ages(profile: Profile, rng: np.random.Generator) -> Floats:
    n = profile.people
    band = rng.choice(3, n, p=[profile.child_share, _adults(profile), profile.elder_share])
    child = 18 * rng.beta(0.9, 1.15, n)
    adult = 18 + 47 * rng.beta(1.0, 1.05, n)
    elder = np.minimum(65 + rng.gamma(2.0, 6.0, n), 103)
    return np.choose(band, [child, adult, elder])


def _adults(profile: Profile) -> float:
    return 1.0 - profile.child_share - profile.elder_share


def _draw_conditions(catalogue: Catalogue, ages: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Prevalence runs on the log-odds scale between its values at 20 and 80; frailty makes conditions cluster."""
    young, old = (_logit(catalogue.chronic_column(f)) for f in ("at_20", "at_80"))
    slope = (old - young) / 60
    frailty = rng.normal(0, 0.7, len(ages))
    odds = young + slope * (ages[:, None] - 20) + frailty[:, None] - 0.2
    likely = 1 / (1 + np.exp(-odds)) * np.where(ages < 12, 0.15, 1.0)[:, None]
    return rng.random(likely.shape) < likely


def _logit(p: Floats) -> Floats:
    return np.log(p / (1 - p))


def _attendance(ages: Floats, conditions: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """How often each comes, relative to others; the gamma tail makes frequent attenders."""
    by_age = 0.75 + 0.9 * np.exp(-ages / 4) + 0.9 / (1 + np.exp(-(ages - 72) / 6))
    return rng.gamma(1.3, 1 / 1.3, len(ages)) * by_age * (1 + 0.22 * conditions.sum(axis=1))


def _choose(shares: Mapping[str, float], n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    return rng.choice(np.array(list(shares)), n, p=np.array(list(shares.values())))


def pick_arrivals(
    people: Population, count: int, now: int, rng: np.random.Generator, *, return_boost: float = 2.2
) -> NDArray[np.int64]:
    """Choose who comes on a day: nobody twice, nobody dead or in the hospital; the recently seen are likelier.

    Weighted sampling without replacement by exponential keys (Efraimidis and Spirakis, 2006).
    """
    recent = (people.left_at > 0) & (now - people.left_at < timedelta(hours=72).total_seconds())
    weight = people.weight * np.where(recent, return_boost, 1.0)
    weight = np.where(people.is_dead | people.is_here, 0.0, weight)
    with np.errstate(divide="ignore"):
        keys = rng.exponential(size=people.size) / weight
    chosen = np.argpartition(keys, count)[:count]
    return chosen[np.argsort(keys[chosen])].astype(np.int64)

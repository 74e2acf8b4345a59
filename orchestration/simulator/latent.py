"""The latent model: why someone comes, how ill they are, and the true probability of what follows.

A visit's acuity is a standard normal nobody sees; vitals, the nurse's level and the arrival by ambulance are noisy
signs of it (`signs.py`). The true probabilities are

    critical_care = sigmoid(CRITICAL_INTERCEPT + complaint + age + conditions + ACUITY_CRITICAL * acuity + site)
    admission     = critical_care * (1 - ED_DEATH_SHARE) + (1 - critical_care) * sigmoid(... likewise ...)

and outcomes are drawn from them, so no model can beat these probabilities except by luck. What does not belong here:
what a nurse can see, and when a bed is free (`hospital.py`).
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from orchestration.simulator.arrivals import season
from orchestration.simulator.catalogue import Catalogue, Floats
from orchestration.simulator.population import Population
from orchestration.simulator.profiles import Profile
from orchestration.simulator.scenario import RESPIRATORY, Scenario

# Log-odds. Fitted once by trial so that prevalence is 2-4 % and 15-30 %, and the best possible AUROC about 0.89 and
# 0.85, where published models on real triage data come near.
CRITICAL_INTERCEPT = -5.0
ADMISSION_INTERCEPT = -2.45
ACUITY_CRITICAL = 1.25
ACUITY_ADMISSION = 0.80
COMPLAINT_CRITICAL = 0.85
AGE_CRITICAL = 0.016  # per year from 50, adults
AGE_ADMISSION = 0.024
CHILD_CRITICAL = -0.9
CHILD_ADMISSION = -0.9
LINK_BOOST = 2.2

ED_DEATH_SHARE = 0.05  # of visits with a critical outcome
WARD_THEN_ICU_SHARE = 0.15
WARD_DEATH_SHARE = 0.07
ICU_DEATH_SHARE = 0.17


class Fate(IntEnum):
    """What will come of a visit, once a bed is there."""

    HOME = 0
    WARD = 1
    ICU = 2
    WARD_THEN_ICU = 3
    WARD_DEATH = 4
    ED_DEATH = 5


CRITICAL = (Fate.ICU, Fate.WARD_THEN_ICU, Fate.WARD_DEATH, Fate.ED_DEATH)


@dataclass(frozen=True)
class Draws:
    """The visits of one site and day as columns over n visits."""

    people: NDArray[np.int64]
    arrived: NDArray[np.int64]
    age: Floats
    complaint: NDArray[np.int64]
    acuity: Floats
    critical_care: Floats
    admission: Floats
    fate: NDArray[np.int64]
    dies_in_icu: NDArray[np.bool_]

    @property
    def is_critical(self) -> NDArray[np.bool_]:
        return np.isin(self.fate, CRITICAL)

    @property
    def is_admitted(self) -> NDArray[np.bool_]:
        return ~np.isin(self.fate, (Fate.HOME, Fate.ED_DEATH))


def draw_visits(
    profile: Profile,
    catalogue: Catalogue,
    people: Population,
    chosen: NDArray[np.int64],
    arrived: NDArray[np.int64],
    day: date,
    rng: np.random.Generator,
    scenario: Scenario,
) -> Draws:
    """Draw the latent state, the true probabilities and the outcome of every visit of a day."""
    n = len(chosen)
    age, conditions = people.ages(chosen, day), people.conditions[chosen].astype(np.float64)
    complaint = _draw_complaints(profile, catalogue, age, conditions, day, rng, scenario)
    acuity = rng.normal(size=n) + _season_acuity(catalogue, complaint, day, scenario)
    critical, ward = _probabilities(profile, catalogue, age, conditions, complaint, acuity)
    fate = _draw_fates(critical, ward, rng)
    return Draws(
        people=chosen,
        arrived=arrived,
        age=age,
        complaint=complaint,
        acuity=acuity,
        critical_care=critical,
        admission=critical * (1 - ED_DEATH_SHARE) + (1 - critical) * ward,
        fate=fate,
        dies_in_icu=rng.random(n) < ICU_DEATH_SHARE,
    )


def _draw_complaints(
    profile: Profile,
    catalogue: Catalogue,
    age: Floats,
    conditions: Floats,
    day: date,
    rng: np.random.Generator,
    scenario: Scenario,
) -> NDArray[np.int64]:
    share = catalogue.complaint_column("share") * np.exp(catalogue.complaint_column("winter") * season(day))
    share *= np.array([profile.mix.get(name, 1.0) for name in catalogue.complaint_names])
    if scenario.is_on(day):
        share[_respiratory(catalogue)] *= scenario.respiratory_share
    band = np.digitize(age, [18, 65])
    weight = share * _by_age(catalogue)[band]
    weight = weight * (1 + LINK_BOOST * np.minimum(conditions @ catalogue.links, 2))
    edges = np.cumsum(weight, axis=1)
    return (edges < (rng.random(len(age)) * edges[:, -1])[:, None]).sum(axis=1)


def _by_age(catalogue: Catalogue) -> Floats:
    """(3, K): how much likelier each complaint is in each age band."""
    return catalogue.complaint_column("ages").T


def _respiratory(catalogue: Catalogue) -> NDArray[np.bool_]:
    return np.isin(np.array(catalogue.complaint_names), RESPIRATORY)


def _season_acuity(catalogue: Catalogue, complaint: NDArray[np.int64], day: date, scenario: Scenario) -> Floats | float:
    if not scenario.is_on(day):
        return 0.0
    return np.where(_respiratory(catalogue)[complaint], scenario.respiratory_acuity, 0.0)


def _probabilities(
    profile: Profile,
    catalogue: Catalogue,
    age: Floats,
    conditions: Floats,
    complaint: NDArray[np.int64],
    acuity: Floats,
) -> tuple[Floats, Floats]:
    """True probability of a critical outcome, and of admission given none."""
    is_child = age < 18
    years = np.where(is_child, 0.0, np.minimum(age, 95) - 50)
    critical = (
        CRITICAL_INTERCEPT
        + profile.critical_shift
        + COMPLAINT_CRITICAL * catalogue.complaint_column("critical")[complaint]
        + AGE_CRITICAL * years
        + CHILD_CRITICAL * is_child
        + conditions @ catalogue.chronic_column("critical")
        + ACUITY_CRITICAL * acuity
    )
    ward = (
        ADMISSION_INTERCEPT
        + profile.admission_shift
        + catalogue.complaint_column("admission")[complaint]
        + AGE_ADMISSION * years
        + CHILD_ADMISSION * is_child
        + conditions @ catalogue.chronic_column("admission")
        + ACUITY_ADMISSION * acuity
    )
    return _sigmoid(critical), _sigmoid(ward)


def _sigmoid(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


def _draw_fates(critical: Floats, ward: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    n = len(critical)
    is_critical, is_ward, kind = rng.random(n) < critical, rng.random(n) < ward, rng.random(n)
    edges = np.cumsum([ED_DEATH_SHARE, WARD_DEATH_SHARE, WARD_THEN_ICU_SHARE])
    kinds = np.array([Fate.ED_DEATH, Fate.WARD_DEATH, Fate.WARD_THEN_ICU, Fate.ICU])
    return np.where(is_critical, kinds[np.searchsorted(edges, kind)], np.where(is_ward, Fate.WARD, Fate.HOME))

"""What can be seen of a visit at triage: the nurse's level, vital signs, pain, arrival by ambulance, delays.

Every sign is a noisy view of the latent acuity. What does not belong here: text (`complaint_text.py`), records.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.simulator.catalogue import Catalogue, Floats
from orchestration.simulator.latent import ACUITY_CRITICAL, COMPLAINT_CRITICAL, Draws
from orchestration.simulator.population import Population
from orchestration.simulator.profiles import Profile

NURSE_NOISE = 1.8  # log-odds; leaves the level alone an AUROC of about 0.72, as on real triage data
LANGUAGE_BARRIER = 0.35  # log-odds by which patients who speak another language are judged less urgent
LEVEL_EDGES = (-3.3, -1.0, 1.75, 4.6)  # from the nurse's judgement (high = urgent) to levels 5..1
MISSING = float("nan")

READINGS = (
    "temperature",
    "heart_rate",
    "respiratory_rate",
    "oxygen_saturation",
    "systolic_bp",
    "diastolic_bp",
    "pain",
)


@dataclass(frozen=True)
class Signs:
    """Columns over n visits; NaN is a reading that was not taken. Temperature in Cel, pressures in mm[Hg]."""

    level: Floats
    vitals: dict[str, Floats]
    by_ambulance: NDArray[np.bool_]
    by_police: NDArray[np.bool_]
    has_transport: NDArray[np.bool_]
    has_complaint: NDArray[np.bool_]
    triage_delay: NDArray[np.int64]
    untaken_level: NDArray[np.bool_]


def draw_signs(
    profile: Profile, catalogue: Catalogue, people: Population, draws: Draws, rng: np.random.Generator
) -> Signs:
    """Draw what the triage nurse sees and writes down."""
    n = len(draws.people)
    level = _draw_level(profile, catalogue, people, draws, rng)
    vitals = draw_vitals(catalogue, draws.complaint, draws.acuity, draws.age, rng)
    untaken = rng.random(n) < profile.missing["triage_level"]
    ambulance = rng.random(n) < _ambulance(draws)
    return Signs(
        level=level,
        vitals=_with_gaps(profile, vitals, level, rng),
        by_ambulance=ambulance,
        by_police=~ambulance & (rng.random(n) < 0.012),
        has_transport=rng.random(n) >= profile.missing["transport"],
        has_complaint=rng.random(n) >= profile.missing["complaint"],
        triage_delay=_triage_delay(level, rng),
        untaken_level=untaken,
    )


def _draw_level(
    profile: Profile, catalogue: Catalogue, people: Population, draws: Draws, rng: np.random.Generator
) -> Floats:
    look = (
        0.75 * ACUITY_CRITICAL * draws.acuity
        + 0.9 * COMPLAINT_CRITICAL * catalogue.complaint_column("critical")[draws.complaint]
        + 0.006 * (np.minimum(draws.age, 90) - 45)
        + 0.5 * np.maximum(np.log(draws.critical_care / (1 - draws.critical_care)) + 1.5, 0)
        - LANGUAGE_BARRIER * (people.language[draws.people] != "en")
        + rng.normal(0, NURSE_NOISE * profile.nurse_noise, len(draws.people))
    )
    return 5.0 - np.digitize(look, LEVEL_EDGES)


def _ambulance(draws: Draws) -> Floats:
    odds = -2.15 + 0.024 * (np.minimum(draws.age, 90) - 45) + 1.1 * draws.acuity
    odds += 2.5 * (draws.critical_care > 0.3)
    return 1 / (1 + np.exp(-odds))


def _triage_delay(level: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Seconds from arrival to the triage level, 90 s to 50 minutes, shorter for the urgent."""
    minutes = rng.lognormal(np.log(np.where(level <= 2, 5.0, 9.0)), 0.55)
    return np.clip(minutes * 60, 90, 3000).astype(np.int64)


def draw_vitals(
    catalogue: Catalogue, complaint: NDArray[np.int64], acuity: Floats, age: Floats, rng: np.random.Generator
) -> dict[str, Floats]:
    """Draw a full set of vital signs; derangement grows with acuity beyond zero."""
    n = len(acuity)
    weights = catalogue.complaint_column("vitals")[complaint]
    strain = np.logaddexp(0, 1.6 * acuity) / 1.6
    circulation, breathing, heat = (strain * weights[:, i] for i in range(3))
    child = np.clip((12 - age) / 12, 0, 1)
    systolic = 127 + 0.32 * (age - 45) - 28 * child - 12 * circulation + rng.normal(0, 15, n)
    shock = rng.random(n) < 0.10 * np.maximum(acuity, 0) * np.minimum(weights[:, 0], 1.5)
    systolic -= shock * rng.gamma(3, 9, n)
    return {
        "temperature": 36.7 + 0.25 * heat + _fever(heat, rng) + rng.normal(0, 0.3, n),
        "heart_rate": 79 + 45 * child + 13.5 * circulation + 4 * heat + rng.normal(0, 9, n),
        "respiratory_rate": 16 + 10 * child + 4.0 * breathing + rng.normal(0, 1.6, n),
        "oxygen_saturation": np.minimum(98.2 - 2.5 * breathing - np.abs(rng.normal(0, 1.2, n)), 100),
        "systolic_bp": np.clip(systolic, 48, 245),
        "diastolic_bp": np.clip(0.55 * systolic + 8 + rng.normal(0, 7, n), 25, 150),
        "pain": np.clip(catalogue.complaint_column("pain")[complaint] + rng.normal(0, 2.4, n), 0, 10),
    }


def _fever(heat: Floats, rng: np.random.Generator) -> Floats:
    return (rng.random(len(heat)) < np.clip(0.35 * heat, 0, 0.85)) * rng.gamma(4, 0.35, len(heat))


def _with_gaps(
    profile: Profile, vitals: dict[str, Floats], level: Floats, rng: np.random.Generator
) -> dict[str, Floats]:
    """Leave readings out: more often for the least urgent, and temperature and pain for the most urgent."""
    factor = np.choose(5 - level.astype(np.int64), [2.2, 1.6, 0.9, 0.6, 0.8])
    urgent = np.where(level <= 1, 4.0, 1.0)
    kept: dict[str, Floats] = {}
    pressure = rng.random(len(level)) < profile.missing["blood_pressure"] * factor
    for name, values in vitals.items():
        if name in ("systolic_bp", "diastolic_bp"):
            gap = pressure
        else:
            more = urgent if name in ("temperature", "pain") else 1.0
            gap = rng.random(len(level)) < np.minimum(profile.missing[name] * factor * more, 0.9)
        kept[name] = np.where(gap, MISSING, values)
    return kept

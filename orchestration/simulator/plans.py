"""From drawn visits to plans a hospital can run: durations, wards, patience, where people go afterwards.

What does not belong here: waiting (`hospital.py`) and outcomes (`latent.py`).
"""

import numpy as np

from orchestration.simulator.catalogue import Catalogue
from orchestration.simulator.clock import DAY, HOUR
from orchestration.simulator.hospital import Disposition, Plan
from orchestration.simulator.latent import Draws, Fate
from orchestration.simulator.profiles import Profile
from orchestration.simulator.signs import Signs
from orchestration.sites import Site, UnitKind

SURGICAL = frozenset(
    {
        "abdominal_pain",
        "assault",
        "back_pain",
        "fall",
        "gi_bleed",
        "head_injury",
        "laceration",
        "limb_injury",
        "motor_vehicle",
        "skin_infection",
    }
)
NEVER = 40 * DAY  # the patience of those who cannot walk out
PATIENCE_HOURS = 2.2
AGAINST_ADVICE_SHARE = 0.008  # of those who would be sent home; they are seen, and leave before the end
WARD_DAYS, ICU_DAYS = 2.9, 2.6
AFTER_WARD: tuple[Disposition, ...] = ("home", "snf", "rehab", "other-hcf")


def make_plans(
    profile: Profile, catalogue: Catalogue, site: Site, draws: Draws, signs: Signs, rng: np.random.Generator
) -> list[Plan]:
    """Return one plan per visit."""
    n = len(draws.people)
    level = signs.level.astype(int)
    stay = rng.lognormal(np.log(profile.ed_minutes * np.choose(5 - level, [0.45, 0.65, 1.0, 1.15, 0.7])), 0.5)
    stay = np.maximum(stay * 60, signs.triage_delay + 15 * 60)
    patience = np.maximum(rng.lognormal(np.log(PATIENCE_HOURS), 0.5, n) * HOUR, signs.triage_delay + 25 * 60)
    patience = np.where((level >= 3) & ~signs.by_ambulance, patience, NEVER)
    ward = np.minimum(rng.lognormal(np.log(WARD_DAYS * (1 + 0.15 * np.maximum(draws.acuity, 0))), 0.75, n), 45) * DAY
    icu = np.minimum(rng.lognormal(np.log(ICU_DAYS), 0.7, n), 30) * DAY
    walks_out = rng.random(n) < AGAINST_ADVICE_SHARE
    leaves = rng.choice(4, n, p=[0.80, 0.11, 0.06, 0.03])
    hour = rng.uniform(10, 17, n)
    wards = _wards(catalogue, site, draws)
    return [
        Plan(
            fate=Fate(int(draws.fate[i])),
            priority=int(level[i]),
            patience=int(patience[i]),
            ed_stay=int(stay[i]),
            ward=wards[i],
            ward_stay=int(ward[i]),
            icu_stay=int(icu[i]),
            dies_in_icu=bool(draws.dies_in_icu[i]),
            disposition=_after_ed(bool(walks_out[i])) if draws.fate[i] == Fate.HOME else AFTER_WARD[leaves[i]],
            discharge_hour=float(hour[i]),
        )
        for i in range(n)
    ]


def _after_ed(walks_out: bool) -> Disposition:
    return "aadvice" if walks_out else "home"


def _wards(catalogue: Catalogue, site: Site, draws: Draws) -> list[str]:
    """Surgical complaints go to the last ward, the others to the first; a small site has one."""
    wards = site.units_of(UnitKind.WARD)
    names = catalogue.complaint_names
    return [wards[-1 if names[k] in SURGICAL else 0].id for k in draws.complaint]

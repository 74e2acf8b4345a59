"""How many come, and when: negative-binomial counts by hour, weekday and season.

Counts are Poisson given a gamma effect of the day and one of the hour, so the variance exceeds the mean within hours
and across days. What does not belong here: who comes (`population.py`) and why (`latent.py`).
"""

from datetime import date
from math import cos, pi

import numpy as np
from numpy.typing import NDArray

from orchestration.simulator.clock import HOUR
from orchestration.simulator.profiles import Profile

# Relative arrivals by local hour and by weekday (Monday first): the usual shape of emergency departments, low before
# dawn, a peak before noon and a shoulder in the evening; Mondays are the busiest.
BY_HOUR = np.array(
    [
        *(0.55, 0.45, 0.38, 0.34, 0.32, 0.36, 0.48, 0.70, 0.98, 1.25, 1.42, 1.48),
        *(1.45, 1.40, 1.36, 1.34, 1.35, 1.38, 1.40, 1.36, 1.26, 1.10, 0.90, 0.70),
    ]
)
BY_WEEKDAY = np.array([1.10, 1.02, 0.99, 0.98, 0.98, 0.95, 0.98])
WINTER_SHARE = 0.05


def season(day: date) -> float:
    """+1 in mid January, -1 in mid July."""
    return cos(2 * pi * (day.timetuple().tm_yday - 15) / 365.25)


def expected_visits(profile: Profile, day: date) -> float:
    """Mean number of arrivals on a day."""
    return profile.visits_per_day * float(BY_WEEKDAY[day.weekday()]) * (1 + WINTER_SHARE * season(day))


def draw_arrivals(
    profile: Profile, day: date, start: int, end: int, rng: np.random.Generator, surge: float = 1.0
) -> NDArray[np.int64]:
    """Return the sorted seconds of all arrivals in [start, end), a local day of 23 to 25 hours."""
    hours = (end - start) // HOUR
    shape = np.resize(BY_HOUR, hours) / BY_HOUR.sum()
    effect = rng.gamma(profile.daily_shape, 1 / profile.daily_shape)
    bumps = rng.gamma(profile.hourly_shape, 1 / profile.hourly_shape, hours)
    counts = rng.poisson(surge * expected_visits(profile, day) * effect * shape * bumps)
    hour = np.repeat(np.arange(hours), counts)
    return np.sort(start + hour * HOUR + rng.integers(0, HOUR, len(hour)))

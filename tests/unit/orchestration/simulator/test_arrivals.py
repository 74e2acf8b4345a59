from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from orchestration.simulator.arrivals import draw_arrivals, expected_visits
from orchestration.simulator.chance import stream
from orchestration.simulator.clock import HOUR, LocalClock
from orchestration.simulator.profiles import PROFILES

CLOCK = LocalClock(ZoneInfo("America/New_York"))


def days(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=n) for n in range(count)]


def arrivals(site: str, day: date, surge: float = 1.0) -> np.ndarray:
    return draw_arrivals(PROFILES[site], day, *CLOCK.day_span(day), stream(5, site, "arrivals", day), surge)


@pytest.mark.parametrize("site", PROFILES)
def test_daily_counts_vary_more_than_a_poisson_process_would(site: str):
    profile = PROFILES[site]
    counts = np.array([len(arrivals(site, day)) for day in days(728)])
    expected = np.array([expected_visits(profile, day) for day in days(728)])
    dispersion = ((counts - expected) ** 2 / expected).mean()
    assert dispersion > 1.3  # 1 for Poisson; its standard error over 728 days is 0.05
    assert counts.mean() == pytest.approx(profile.visits_per_day, rel=0.03)


def test_hourly_counts_within_the_day_are_over_dispersed_too():
    noon = np.array([(((arrivals("city", day) - CLOCK.day_start(day)) // HOUR) == 12).sum() for day in days(728)])
    assert noon.var() / noon.mean() > 1.5


def test_mondays_and_winters_are_busier_and_nights_are_quiet():
    city = PROFILES["city"]
    assert expected_visits(city, date(2024, 1, 8)) > expected_visits(city, date(2024, 1, 13))
    assert expected_visits(city, date(2024, 1, 8)) > expected_visits(city, date(2024, 7, 8))
    hours = np.concatenate([(arrivals("city", day) - CLOCK.day_start(day)) // HOUR for day in days(60)])
    assert (hours == 4).sum() * 3 < (hours == 11).sum()


@pytest.mark.parametrize(("day", "hours"), [(date(2024, 3, 10), 23), (date(2024, 3, 11), 24), (date(2024, 11, 3), 25)])
def test_arrivals_stay_within_the_local_day_also_when_clocks_change(day: date, hours: int):
    start, end = CLOCK.day_span(day)
    seconds = arrivals("city", day)
    assert end - start == hours * HOUR
    assert (seconds >= start).all() and (seconds < end).all()
    assert (np.diff(seconds) >= 0).all()


def test_a_surge_brings_more_people():
    assert len(arrivals("city", date(2024, 2, 1), 2.0)) > 1.5 * len(arrivals("city", date(2024, 2, 1)))

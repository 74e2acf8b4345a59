"""Shifts where clocks change, in the US and in Europe, each against lengths counted by hand."""

from datetime import UTC, date, time, timedelta
from itertools import pairwise

import pytest

from orchestration.sites import Shift, load_site
from orchestration.steps.rosters.shifts import UnknownShift, span_of

US_SPRING, US_AUTUMN = date(2026, 3, 8), date(2026, 11, 1)
EU_SPRING, EU_AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("site", "day", "hours"),
    [
        ("city", US_SPRING - timedelta(days=1), 7),
        ("city", US_AUTUMN - timedelta(days=1), 9),
        ("city", US_SPRING, 8),
        ("district", US_AUTUMN - timedelta(days=1), 9),
        ("rural", EU_SPRING - timedelta(days=1), 7),
        ("rural", EU_AUTUMN - timedelta(days=1), 9),
        ("rural", US_SPRING - timedelta(days=1), 8),
        ("city", EU_AUTUMN - timedelta(days=1), 8),
    ],
)
def test_the_night_in_which_clocks_change_is_an_hour_shorter_or_longer(site, day, hours):
    span = span_of(load_site(site), day, "night")
    assert (span.hours, span.usual_hours) == (hours, 8)
    assert (span.starts_at.time(), span.ends_at.time()) == (time(23), time(7))


@pytest.mark.parametrize(
    ("day", "hours"), [(US_SPRING, 23), (US_AUTUMN, 25), (date(2026, 7, 1), 24)], ids=["spring", "autumn", "usual"]
)
def test_a_whole_day_has_the_hours_that_pass(day, hours):
    assert span_of(load_site("pbj"), day, "all").hours == hours


@pytest.mark.parametrize("site", ["city", "rural"])
@pytest.mark.parametrize("day", [US_SPRING, US_AUTUMN, EU_SPRING, EU_AUTUMN])
def test_one_shift_begins_when_the_one_before_ends_on_every_day(site, day):
    place = load_site(site)
    spans = [span_of(place, day + timedelta(days=n), shift.id) for n in (-1, 0, 1) for shift in place.shifts]
    for one, following in pairwise(spans):
        assert one.ends_at.astimezone(UTC) == following.starts_at.astimezone(UTC)


def test_a_local_time_that_does_not_exist_is_later_and_one_that_comes_twice_is_the_first():
    odd = load_site("city").model_copy(update={"shifts": (Shift(id="odd", starts=time(2, 30), ends=time(10, 30)),)})
    spring, autumn = span_of(odd, US_SPRING, "odd"), span_of(odd, US_AUTUMN, "odd")
    assert spring.starts_at.time() == time(3, 30) and spring.hours == 7
    twice = load_site("city").model_copy(update={"shifts": (Shift(id="odd", starts=time(1, 30), ends=time(9, 30)),)})
    assert span_of(twice, US_AUTUMN, "odd").hours == 9 and autumn.hours == 8


def test_a_shift_that_the_site_does_not_have_is_said():
    with pytest.raises(UnknownShift, match="city has no shift 'dawn'; it has day, evening, night"):
        span_of(load_site("city"), US_SPRING, "dawn")

"""Which of a site's shifts a moment falls in, by its own clock, across midnight and the change of the clocks."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from serving_homes import THREE_SHIFTS

from ml.serving.hours import Hours, WorkingShift

TWELVES = (WorkingShift("day", time(7, 30), time(19, 30)), WorkingShift("night", time(19, 30), time(7, 30)))
LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("hour", "minute", "shift"),
    [(6, 59, "night"), (7, 0, "day"), (14, 59, "day"), (15, 0, "evening"), (22, 59, "evening"), (23, 0, "night")],
)
def test_three_shifts_change_on_the_hour(hour: int, minute: int, shift: str) -> None:
    assert Hours(UTC, THREE_SHIFTS).shift_of(datetime(2026, 1, 5, hour, minute, tzinfo=UTC)) == shift


@pytest.mark.parametrize(
    ("hour", "minute", "shift"),
    [(7, 29, "night"), (7, 30, "day"), (19, 29, "day"), (19, 30, "night"), (23, 59, "night"), (0, 0, "night")],
)
def test_two_shifts_of_twelve_hours_change_across_midnight(hour: int, minute: int, shift: str) -> None:
    assert Hours(LONDON, TWELVES).shift_of(datetime(2026, 1, 5, hour, minute, tzinfo=UTC)) == shift


def test_the_hours_are_the_sites_own_summer_and_winter() -> None:
    hours = Hours(NEW_YORK, TWELVES)
    assert hours.shift_of(datetime(2026, 1, 5, 12, 15, tzinfo=UTC)) == "night"  # 07:15
    assert hours.shift_of(datetime(2026, 7, 5, 12, 15, tzinfo=UTC)) == "day"  # 08:15


def test_a_moment_in_no_shift_is_in_none_and_one_in_two_is_in_the_first() -> None:
    assert Hours(UTC).shift_of(datetime(2026, 1, 5, 12, tzinfo=UTC)) is None
    assert Hours(UTC, TWELVES[1:]).shift_of(datetime(2026, 1, 5, 12, tzinfo=UTC)) is None
    long = (WorkingShift("early", time(6), time(14)), WorkingShift("late", time(13), time(22)))
    assert Hours(UTC, long).shift_of(datetime(2026, 1, 5, 13, 30, tzinfo=UTC)) == "early"


def test_a_shift_that_ends_when_it_starts_lasts_a_day() -> None:
    hours = Hours(UTC, (WorkingShift("all", time(0), time(0)),))
    assert hours.shift_of(datetime(2026, 1, 5, 0, tzinfo=UTC)) == "all"
    assert hours.shift_of(datetime(2026, 1, 5, 23, 59, tzinfo=UTC)) == "all"

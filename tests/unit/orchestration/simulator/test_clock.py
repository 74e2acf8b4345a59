from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.simulator import drop_arrives_at
from orchestration.simulator.clock import LocalClock

CLOCKS = {name: LocalClock(ZoneInfo(name)) for name in ("America/New_York", "America/Chicago", "Europe/Dublin")}


@given(st.integers(1_600_000_000, 1_900_000_000), st.sampled_from(sorted(CLOCKS)))
def test_an_instant_is_the_same_second_with_the_local_offset(second: int, zone: str):
    parsed = datetime.fromisoformat(CLOCKS[zone].instant(second))
    assert parsed.timestamp() == second
    assert parsed.utcoffset() == datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset()


@given(st.integers(1_600_000_000, 1_900_000_000))
def test_a_second_lies_in_the_span_of_its_local_day(second: int):
    clock = CLOCKS["Europe/Dublin"]
    start, end = clock.day_span(clock.date_of(second))
    assert start <= second < end


@pytest.mark.parametrize(
    ("site", "day", "utc"),
    [
        ("city", date(2024, 1, 5), datetime(2024, 1, 6, 5, tzinfo=UTC)),
        ("city", date(2024, 7, 5), datetime(2024, 7, 6, 4, tzinfo=UTC)),
        ("rural", date(2024, 1, 5), datetime(2024, 1, 6, 0, tzinfo=UTC)),
    ],
)
def test_a_drop_arrives_at_the_local_midnight_that_ends_its_day(site: str, day: date, utc: datetime):
    assert drop_arrives_at(site, day) == utc

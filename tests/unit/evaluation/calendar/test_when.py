"""Spans of a rule: half-open, by the wall clock of a site, through changes of the clock and leap years."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evaluation.calendar import Once, Span, Weekly, Yearly, spans

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
SECOND = timedelta(seconds=1)


def once(start: str, until: str) -> Once:
    return Once.model_validate({"from": start, "until": until})


def weekly(days: list[str], start: str, until: str) -> Weekly:
    return Weekly.model_validate({"days": days, "from": start, "until": until})


def yearly(start: str, until: str) -> Yearly:
    return Yearly.model_validate({"from": start, "until": until})


def at(text: str, zone: Any = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def holds(when: Any, moment: datetime, zone: Any = NEW_YORK, *, widest: bool = True) -> bool:
    found = list(spans(when, zone, moment, moment + timedelta(microseconds=1), widest=widest))
    assert all(moment in one for one in found)
    return bool(found)


FREEZE = once("2026-12-18", "2027-01-05T07:00")
NIGHT = weekly(["fri"], "22:00", "06:00")
WEEKEND = weekly(["sat", "sun"], "00:00", "00:00")
TURN = yearly("12-18", "01-05")
LEAP = yearly("02-29", "03-02")
TO_LEAP = yearly("02-20", "02-29")


@pytest.mark.parametrize(
    ("when", "moment", "is_held"),
    [
        (FREEZE, "2026-12-17T23:59:59", False),
        (FREEZE, "2026-12-18T00:00:00", True),
        (FREEZE, "2027-01-05T06:59:59", True),
        (FREEZE, "2027-01-05T07:00:00", False),
        (NIGHT, "2026-11-27T21:59:59", False),
        (NIGHT, "2026-11-27T22:00:00", True),
        (NIGHT, "2026-11-28T05:59:59", True),
        (NIGHT, "2026-11-28T06:00:00", False),
        (NIGHT, "2026-11-28T22:00:00", False),
        (WEEKEND, "2026-11-27T23:59:59", False),
        (WEEKEND, "2026-11-28T00:00:00", True),
        (WEEKEND, "2026-11-29T23:59:59", True),
        (WEEKEND, "2026-11-30T00:00:00", False),
        (TURN, "2026-12-17T23:59:59", False),
        (TURN, "2026-12-18T00:00:00", True),
        (TURN, "2027-01-04T23:59:59", True),
        (TURN, "2027-01-05T00:00:00", False),
        (TURN, "2026-01-04T23:59:59", True),
        (LEAP, "2028-02-28T23:59:59", False),
        (LEAP, "2028-02-29T00:00:00", True),
        (LEAP, "2028-03-02T00:00:00", False),
        (LEAP, "2027-02-28T23:59:59", False),
        (LEAP, "2027-03-01T00:00:00", True),
        (TO_LEAP, "2028-02-28T23:59:59", True),
        (TO_LEAP, "2028-02-29T00:00:00", False),
        (TO_LEAP, "2027-02-28T23:59:59", True),
        (TO_LEAP, "2027-03-01T00:00:00", False),
    ],
)
def test_the_start_is_in_and_the_end_is_out(when: Any, moment: str, is_held: bool) -> None:
    assert holds(when, at(moment)) is is_held


def test_the_same_freeze_is_at_another_moment_at_another_site() -> None:
    before_new_york = datetime(2026, 12, 18, 4, 59, tzinfo=UTC)
    assert not holds(FREEZE, before_new_york) and holds(FREEZE, before_new_york, KOLKATA)


SPRING = weekly(["sun"], "02:30", "04:00")
"""On 14 March 2027 the clock of New York goes from 02:00 to 03:00 (07:00 UTC)."""
AUTUMN = weekly(["sun"], "01:30", "01:45")
"""On 7 November 2027 it shows the hour from 01:00 twice: from 05:00 UTC and from 06:00 UTC."""


@pytest.mark.parametrize(
    ("when", "day", "widest", "expected"),
    [
        (SPRING, (2027, 3, 14), True, ("06:30", "08:00")),
        (SPRING, (2027, 3, 14), False, ("07:30", "08:00")),
        (AUTUMN, (2027, 11, 7), True, ("05:30", "06:45")),
        (AUTUMN, (2027, 11, 7), False, None),
    ],
)
def test_where_the_clock_is_changed_doubt_closes(when: Any, day: Any, widest: bool, expected: Any) -> None:
    start = datetime(*day, tzinfo=UTC)
    found = list(spans(when, NEW_YORK, start, start + timedelta(hours=14), widest=widest))
    told = [(f"{one.start:%H:%M}", f"{one.end:%H:%M}") for one in found]
    assert told == ([expected] if expected else [])


@pytest.mark.parametrize(("day", "hours"), [((2027, 3, 14), 23), ((2027, 11, 7), 25), ((2027, 6, 6), 24)])
def test_a_frozen_sunday_is_as_long_as_that_sunday(day: Any, hours: int) -> None:
    noon = datetime(*day, 12, tzinfo=NEW_YORK)
    [span] = spans(weekly(["sun"], "00:00", "00:00"), NEW_YORK, noon, noon + SECOND, widest=True)
    assert span.end - span.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        (Once, {"from": "2026-12-18", "until": "2026-12-18"}, "until must come after from"),
        (Once, {"from": "2026-12-18T07:00Z", "until": "2026-12-19"}, "without a zone"),
        (Once, {"from": 20261218, "until": "2026-12-19"}, "without a zone"),
        (Once, {"from": "Christmas", "until": "2026-12-19"}, "Invalid isoformat"),
        (Yearly, {"from": "12-18", "until": "12-18"}, "same day"),
        (Yearly, {"from": "02-30", "until": "12-18"}, "month and day"),
        (Weekly, {"days": [], "from": "07:00", "until": "08:00"}, "at least 1"),
        (Weekly, {"days": ["noday"], "from": "07:00", "until": "08:00"}, "'mon'"),
        (Weekly, {"days": ["mon"], "from": 420, "until": "08:00"}, "valid string"),
        (Weekly, {"days": ["mon"], "from": "24:00", "until": "08:00"}, "match pattern"),
        (Weekly, {"days": ["mon"], "from": "07:00", "until": "08:00", "zone": "UTC"}, "Extra inputs"),
    ],
)
def test_a_time_that_would_be_read_otherwise_is_refused(model: Any, given: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        model.model_validate(given)


CLOCKS = st.times().map(lambda one: f"{one:%H:%M}")
MOMENTS = st.integers(0, 94_694_400).map(lambda one: datetime(2026, 1, 1, tzinfo=UTC) + one * SECOND)


@given(st.sampled_from(["mon", "wed", "sun"]), CLOCKS, CLOCKS, MOMENTS)
def test_a_weekly_rule_is_what_the_clock_on_the_wall_says(day: str, start: str, until: str, moment: datetime) -> None:
    local = moment.astimezone(KOLKATA)  # a zone without changes of the clock, and half an hour from every full one
    days, shown = ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), f"{local:%H:%M}"
    today, yesterday = days[local.weekday()] == day, days[local.weekday() - 1] == day
    expected = (
        (today and start <= shown < until)
        if start < until
        else (today and shown >= start) or (yesterday and shown < until)
    )
    assert holds(weekly([day], start, until), moment, KOLKATA) is expected


@given(CLOCKS, CLOCKS, MOMENTS, st.integers(1, 40))
def test_spans_asked_for_by_parts_are_those_asked_for_at_once(
    start: str, until: str, moment: datetime, days: int
) -> None:
    rule, last = weekly(["tue", "sat"], start, until), moment + timedelta(days=days)
    middle = moment + (last - moment) / 2
    parts = {one for a, b in ((moment, middle), (middle, last)) for one in spans(rule, NEW_YORK, a, b, widest=True)}
    whole = list(spans(rule, NEW_YORK, moment, last, widest=True))
    assert set(whole) == parts and whole == sorted(whole, key=lambda one: one.start)
    narrow = list(spans(rule, NEW_YORK, moment, last, widest=False))
    assert all(any(w.start <= n.start and n.end <= w.end for w in whole) for n in narrow)


def test_spans_that_only_touch_do_not_overlap() -> None:
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert noon in Span(noon, noon + SECOND) and noon + SECOND not in Span(noon, noon + SECOND)
    one, two = Span(noon, noon + SECOND), Span(noon + SECOND, noon + 2 * SECOND)
    assert not one.overlaps(two) and not two.overlaps(one) and one.overlaps(Span(noon, noon + 2 * SECOND))

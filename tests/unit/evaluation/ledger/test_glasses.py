"""When glasses stood, counted from entries: never less than they really did."""

from datetime import UTC, datetime, timedelta

import pytest

from evaluation.ledger import Entry, GlassTime, glass_times, instant_text

START, HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC), timedelta(hours=1)
GLASS, OTHER = "a" * 64, "b" * 64


def entry(hours, kind, release, *, site="city", use_case="triage", lasts=12):
    payload = {"use_case": use_case, "site": site, "release": release}
    until = {"until": instant_text(START + (hours + lasts) * HOUR)} if kind == "break_glass" else {}
    return Entry(1, START + hours * HOUR, kind, "ada", payload | until, "", "", "")


def times(*entries, now=100):
    found = glass_times(entries, "triage", "city", START + now * HOUR)
    return [((one.start - START) / HOUR, (one.end - START) / HOUR) for one in found]


BROKEN = entry(0, "break_glass", GLASS)


@pytest.mark.parametrize(
    ("after", "end"),
    [
        ([], 12),
        ([entry(3, "rollback", None)], 3),
        ([entry(3, "rollback", OTHER)], 3),
        ([entry(3, "promotion", OTHER)], 3),
        ([entry(13, "rollback", OTHER)], 12),
        ([entry(3, "rollback", GLASS)], 12),
        ([entry(3, "rollback", GLASS), entry(5, "rollback", None)], 5),
        ([entry(3, "tier_change", GLASS)], 12),
        ([entry(3, "rollback", None, site="village")], 12),
        ([entry(3, "rollback", None, use_case="staffing")], 12),
    ],
    ids=[
        "its time",
        "taken off",
        "taken back",
        "released by the gate",
        "its end told late",
        "a lower stage",
        "a lower stage, then off",
        "a lower tier",
        "another site",
        "another use case",
    ],
)
def test_a_glass_stands_until_its_time_is_over_or_its_release_is_taken_away(after, end):
    assert times(BROKEN, *after) == [(0, end)]


def test_one_that_stands_still_counts_until_now():
    assert times(BROKEN, now=2) == [(0, 2)]


def test_a_clock_that_is_set_back_makes_no_time_negative():
    assert times(BROKEN, now=-1) == [(0, 0)]


def test_each_is_told_and_none_runs_into_the_next():
    assert times(BROKEN, entry(4, "break_glass", OTHER, lasts=2)) == [(0, 4), (4, 6)]
    assert times(BROKEN, entry(20, "break_glass", OTHER, lasts=2)) == [(0, 12), (20, 22)]


def test_of_other_places_nothing_is_told():
    assert (
        times(entry(0, "break_glass", GLASS, site="village"), entry(0, "break_glass", GLASS, use_case="roster")) == []
    )


@pytest.mark.parametrize(
    ("since", "until", "hours"), [(-9, 9, 4), (1, 3, 2), (0, 2, 2), (4, 9, 0), (-9, 0, 0), (5, 9, 0)]
)
def test_how_much_of_it_lies_between_two_instants(since, until, hours):
    one = GlassTime(START, START + 4 * HOUR)
    assert one.within(START + since * HOUR, START + until * HOUR) == hours * HOUR

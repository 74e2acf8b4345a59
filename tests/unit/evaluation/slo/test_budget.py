"""Budgets by the times of the events: weights, windows, and one alert for one cause, found after the night."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.slo import Alert, Happened, Objective, alert_between, by_group, microseconds, standing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAST = Alert("fast", "high", burn=14.4, long=HOUR, short=5 * MINUTE)
SLOW = Alert("slow", "medium", burn=6, long=6 * HOUR, short=30 * MINUTE)
OBJECTIVE = Objective(
    name="in-time",
    title="Scores in time",
    use_case="triage",
    measure="score_delay",
    at_most=timedelta(seconds=30),
    target=0.99,
    window=28 * DAY,
    owner="operator",
    rationale="promised",
    date="2026-11-27",
    alerts=(FAST, SLOW),
    weigh_by="level",
    weights={"1": 10.0},
)


def events(*rows: tuple[datetime, float], weight: float = 1.0, unit: str = "ed") -> Happened:
    at = np.array([microseconds(at) for at, _ in rows], dtype=np.int64)
    took = np.array([took for _, took in rows], dtype=np.float64)
    return Happened(at, took, np.full(len(rows), weight), {"unit": np.full(len(rows), unit)})


def joined(*parts: Happened) -> Happened:
    columns = (np.concatenate([getattr(one, name) for one in parts]) for name in ("at", "took", "weight"))
    return Happened(*columns, {"unit": np.concatenate([one.groups["unit"] for one in parts])})


def steady(count: int, took: float = 1.0, until: datetime = NOON, every: timedelta = MINUTE) -> Happened:
    return events(*[(until - n * every, took) for n in range(count)])


def test_the_share_is_plain_and_the_budget_weighs_consequence() -> None:
    urgent_and_late = events((NOON - HOUR, 31.0), weight=OBJECTIVE.weight("1"))
    found = standing(OBJECTIVE, joined(steady(190), urgent_and_late), NOON)
    assert (found.good.value, found.good.n, found.good.n_events) == (190 / 191, 191, 190)
    assert found.is_met is True
    assert found.spent == pytest.approx(10 / 200 / 0.01)


@pytest.mark.parametrize(
    ("took", "is_good"), [(30.0, True), (30.001, False), (float("inf"), False), (float("nan"), False)]
)
def test_what_took_too_long_or_never_came_is_bad(took: float, is_good: bool) -> None:
    assert standing(OBJECTIVE, events((NOON, took)), NOON).good.value == float(is_good)


def test_a_window_ends_with_its_time_and_later_events_do_not_exist_yet() -> None:
    edge = events((NOON - 28 * DAY, 99.0), (NOON - 28 * DAY + MINUTE, 1.0), (NOON, 1.0), (NOON + MINUTE, 99.0))
    assert standing(OBJECTIVE, edge, NOON).good.n == 2
    assert standing(OBJECTIVE, edge, NOON).good.value == 1.0


def test_where_nothing_happened_nothing_is_met_or_missed() -> None:
    found = standing(OBJECTIVE, events(), NOON)
    assert (found.good.value, found.is_met, found.spent) == (None, None, None)
    assert not any(burn.fires for burn in found.burns)


def test_an_outage_is_told_by_its_fastest_burn_at_the_first_time_that_it_was_one() -> None:
    outage = steady(20, took=float("inf"))
    before = steady(600, until=NOON - 20 * MINUTE)
    told = alert_between(OBJECTIVE, joined(before, outage), NOON - DAY, NOON)
    assert told is not None
    assert told.alert is FAST
    assert told.bad * 1.0 / 61 >= 0.144 > (told.bad - 1) / 61
    assert told.at == NOON - 20 * MINUTE + told.bad * MINUTE


def test_what_burned_in_the_night_is_found_in_the_morning() -> None:
    night, morning = NOON - 9 * HOUR, NOON
    healed = steady(500)
    outage = steady(30, took=float("inf"), until=night)
    whole = joined(steady(400, until=night - 30 * MINUTE), outage, healed)
    assert not any(burn.fires for burn in standing(OBJECTIVE, whole, morning).burns)
    told = alert_between(OBJECTIVE, whole, morning - DAY, morning)
    assert told is not None and told.at < night
    assert alert_between(OBJECTIVE, whole, night + MINUTE, morning) is None


def test_one_failure_among_few_events_is_no_rate() -> None:
    few = joined(steady(3), events((NOON, 99.0), (NOON - MINUTE, 99.0)))
    assert alert_between(OBJECTIVE, few, NOON - DAY, NOON) is None
    assert alert_between(OBJECTIVE, joined(few, events((NOON, 99.0))), NOON - DAY, NOON) is not None


def test_a_burn_that_has_stopped_is_not_told_again() -> None:
    over = joined(steady(10, took=99.0, until=NOON - 40 * MINUTE), steady(39))
    [fast, _] = standing(OBJECTIVE, over, NOON).burns
    assert fast.long is not None and fast.long > FAST.burn
    assert fast.short == 0.0
    assert not fast.fires


def test_groups_are_judged_by_themselves() -> None:
    ward = replace(steady(10), groups={"unit": np.full(10, "ward")})
    found = by_group(OBJECTIVE, joined(events((NOON, 99.0)), ward), NOON, "unit")
    assert [(one.group, one.good.value) for one in found] == [(("unit", "ed"), 0.0), (("unit", "ward"), 1.0)]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([1.0, 31.0, float("inf")]), st.sampled_from([1.0, 10.0]))),
    st.integers(0, 200),
)
def test_rates_are_those_of_counting_each_window_anew(rows: list[tuple[int, float, float]], minute: int) -> None:
    now = NOON + minute * MINUTE
    happened = joined(events(), *[events((NOON + at * MINUTE, took), weight=weight) for at, took, weight in rows])
    for burn in standing(OBJECTIVE, happened, now).burns:
        for window, rate in ((burn.alert.long, burn.long), (burn.alert.short, burn.short)):
            inside = [row for row in rows if now - window < NOON + row[0] * MINUTE <= now]
            whole = sum(weight for _, _, weight in inside)
            lost = sum(weight for _, took, weight in inside if took > 30)
            assert rate == (pytest.approx(lost / whole / OBJECTIVE.allowed) if whole else None)

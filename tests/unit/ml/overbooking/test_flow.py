"""The flow against every course a session can take, written out one by one."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.overbooking.flow import Turn, expected, lengths, overtime_if_all_come, simulate

SHARES = {0.5: 0.3, 1.0: 0.5, 1.5: 0.2}
RISKS = st.floats(0.0, 1.0)


def written_out(turns: list[Turn], session_minutes: int) -> tuple[float, float, float, float]:
    """Expected waiting, idle time, overtime and attendance: each person comes or not, and takes one of the lengths."""
    people = [(turn, comes) for turn in turns for comes in turn.attendance]
    totals = [0.0, 0.0, 0.0, 0.0]
    for course in product(*([(False, 0, 1 - comes), *_lengths(turn, comes)] for turn, comes in people)):
        chance, free_at, busy, waited = 1.0, 0.0, 0.0, 0.0
        for (turn, _), (is_there, minutes, share) in zip(people, course, strict=True):
            chance *= share
            if is_there:
                begins = max(free_at, turn.offset)
                waited += begins - turn.offset
                free_at, busy = begins + minutes, busy + minutes
        ends = max(free_at, session_minutes)
        found = (waited, ends - busy, ends - session_minutes, sum(there for there, _, _ in course))
        totals = [total + chance * one for total, one in zip(totals, found, strict=True)]
    return tuple(totals)  # type: ignore[return-value]


def _lengths(turn: Turn, comes: float) -> list[tuple[bool, int, float]]:
    values, shares = lengths(turn.minutes, SHARES)
    return [(True, int(value), comes * float(share)) for value, share in zip(values, shares, strict=True)]


@given(st.lists(st.lists(RISKS, max_size=2), min_size=1, max_size=3), st.integers(0, 7), st.integers(0, 20))
def test_expectations_are_those_of_all_courses(risks: list[list[float]], gap: int, rest: int):
    turns = [Turn(place * (10 + gap) + gap, 10, tuple(people)) for place, people in enumerate(risks)]
    minutes = turns[-1].offset + 10 + rest

    flow = expected(turns, minutes, SHARES)

    waiting, idle, overtime, attending = written_out(turns, minutes)
    assert flow.waiting == pytest.approx(waiting, abs=1e-9)
    assert flow.idle == pytest.approx(idle, abs=1e-9)
    assert flow.overtime.mean == pytest.approx(overtime, abs=1e-9)
    assert flow.attending.mean == pytest.approx(attending, abs=1e-9)
    assert flow.overtime.probabilities.sum() == pytest.approx(1)


@given(st.lists(RISKS, min_size=2, max_size=8), RISKS, st.integers(0, 7))
def test_one_more_person_never_shortens_waiting_or_overtime_and_never_lengthens_idling(
    risks: list[float], more: float, where: int
):
    turns = [Turn(place * 15, 15, (comes,)) for place, comes in enumerate(risks)]
    place = where % len(turns)
    extra = [*turns]
    extra[place] = Turn(turns[place].offset, 15, (*turns[place].attendance, more))
    before, after = (expected(one, 15 * len(turns), SHARES) for one in (turns, extra))
    assert after.waiting >= before.waiting - 1e-9
    assert after.overtime.mean >= before.overtime.mean - 1e-9
    assert after.idle <= before.idle + 1e-9


def test_the_simulation_agrees_with_the_exact_expectation_within_its_stated_error():
    turns = [Turn(place * 20, 20, (0.8,) if place % 3 else (0.7, 0.8)) for place in range(9)]
    flow, told = expected(turns, 180, SHARES), simulate(turns, 180, SHARES, seed=3, sessions=20_000)
    assert abs(told.waiting_each.mean - flow.waiting_each) < 4 * told.waiting_each.standard_error
    assert abs(told.idle.mean - flow.idle) < 4 * told.idle.standard_error
    assert told == simulate(turns, 180, SHARES, seed=3, sessions=20_000)
    assert 0 < told.waiting_each.standard_error < 0.2 and told.idle.lower <= flow.idle <= told.idle.upper


def test_overtime_if_everybody_comes_counts_planned_minutes():
    assert overtime_if_all_come([Turn(0, 20, (0.1, 0.1)), Turn(20, 20, (0.1,))], 40) == 20
    assert overtime_if_all_come([Turn(0, 20, (1.0,)), Turn(40, 20, (1.0,))], 70) == 0


def test_nobody_waits_where_nobody_comes_and_the_clinician_idles_throughout():
    flow = expected([Turn(0, 20, (0.0,)), Turn(20, 20, ())], 40, SHARES)
    assert (flow.waiting, flow.waiting_each, flow.idle, flow.overtime.mean) == (0, 0, 40, 0)

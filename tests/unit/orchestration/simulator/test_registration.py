from hypothesis import given
from hypothesis import strategies as st

from orchestration.simulator.clock import DAY, HOUR, LocalClock
from orchestration.simulator.hl7v2.adt_events import timeline
from orchestration.simulator.hospital import Stay, Visit
from orchestration.simulator.registration import (
    LONGEST_DELAY,
    Registration,
    register,
    was_discharged_early,
    were_wrongly_admitted,
)
from orchestration.sites import load_site

from .conftest import START
from .test_hospital import HOME_PLAN

CLOCK = LocalClock(load_site("city").zone)
MORNING = CLOCK.day_start(START) + 9 * HOUR


def desk(**changes: object) -> Registration:
    base: dict = {"completed": None, "duplicate": None, "merged": 0, "mistaken": None, "early": 0, "delays": (60,) * 32}
    return Registration(**(base | changes))


def home_visit(ended: int | None = MORNING + 4 * HOUR) -> Visit:
    visit = Visit(7, "v7", 7, MORNING, HOME_PLAN, stays=[Stay("ED", MORNING, ended)], ended=ended)
    visit.disposition = "home" if ended else None
    return visit


def triggers(visit: Visit, how: Registration, now: int) -> list[str]:
    return [event.happened.trigger for event in timeline(visit, how, CLOCK, now)]


def test_the_desk_does_the_same_whenever_it_is_asked():
    assert register(1, "city", home_visit(), 4.0) == register(1, "city", home_visit(None), 4.0)
    assert register(1, "city", home_visit(), 4.0) != register(2, "city", home_visit(), 4.0)


def test_a_duplicate_is_known_by_its_own_number_until_it_is_merged():
    found = [register(1, "city", Visit(n, "v", n, MORNING, HOME_PLAN), 4.0) for n in range(2000)]
    duplicates = [one for one in found if one.duplicate]
    assert 5 < len(duplicates) < 40
    for one in duplicates:
        assert one.mrn_at("C1", one.merged - 1) == one.duplicate and one.mrn_at("C1", one.merged) == "C1"
        assert HOUR / 4 < one.merged - MORNING < DAY
    assert all(one.mrn_at("C1", MORNING) == "C1" for one in found if not one.duplicate)
    assert len({one.duplicate for one in duplicates}) == len(duplicates)


def test_a_wrong_admission_comes_about_only_before_anything_is_decided_and_on_one_day():
    mistaken = desk(mistaken=(MORNING + HOUR, MORNING + 2 * HOUR))
    late = desk(mistaken=(MORNING + 14 * HOUR + 3000, MORNING + 15 * HOUR + 600))
    assert were_wrongly_admitted(home_visit(), mistaken, CLOCK, MORNING + DAY)
    assert not were_wrongly_admitted(home_visit(MORNING + 2 * HOUR), mistaken, CLOCK, MORNING + DAY)
    assert not were_wrongly_admitted(home_visit(None), late, CLOCK, MORNING + 3 * DAY)
    assert triggers(home_visit(), mistaken, MORNING + DAY) == ["A04", "A01", "A11", "A03"]


def test_a_discharge_too_early_is_on_the_day_of_the_real_one_and_in_the_last_unit():
    assert was_discharged_early(home_visit(), desk(early=HOUR), CLOCK)
    assert not was_discharged_early(home_visit(None), desk(early=HOUR), CLOCK)
    assert not was_discharged_early(home_visit(), desk(early=5 * HOUR), CLOCK)
    past_midnight = home_visit(MORNING + 15 * HOUR + 600)
    assert not was_discharged_early(past_midnight, desk(early=HOUR), CLOCK)
    assert triggers(home_visit(), desk(early=HOUR), MORNING + DAY) == ["A04", "A03", "A13", "A03"]


def test_updates_and_merges_come_also_after_the_patient_has_left():
    how = desk(completed=MORNING + 5 * HOUR, duplicate="C9", merged=MORNING + 20 * HOUR)
    assert triggers(home_visit(), how, MORNING + 3 * DAY) == ["A04", "A03", "A08", "A40"]
    assert triggers(home_visit(), how, MORNING + 6 * HOUR) == ["A04", "A03", "A08"]


@given(st.integers(0, 5000), st.lists(st.integers(600, 40 * HOUR), min_size=0, max_size=4), st.integers(1, 6))
def test_a_timeline_only_grows_and_is_recorded_in_order(number: int, moves: list[int], days: int):
    """Whatever day it is asked on, what it said before stays as it was: a sent message cannot change."""
    visit = Visit(number, "v", number, MORNING, HOME_PLAN, stays=[Stay("ED", MORNING)])
    at = MORNING
    if moves:
        visit.admitted = at = MORNING + moves[0]
    for n, seconds in enumerate(moves[1:]):
        at += seconds
        visit.stays[-1].left = at
        visit.stays.append(Stay("MED" if n % 2 else "ICU", at))
    visit.ended, visit.disposition = at + 2 * HOUR, "home"
    how = register(1, "city", visit, 9.0)
    asked = CLOCK.day_start(START) + days * DAY
    before = timeline(as_known(visit, asked), how, CLOCK, asked)
    after = timeline(visit, how, CLOCK, MORNING + 60 * DAY)
    assert after[: len(before)] == before
    assert [e.recorded for e in after] == sorted({e.recorded for e in after})
    assert all(e.happened.occurred < e.recorded < e.sent for e in after)
    assert all(e.recorded - e.happened.occurred <= LONGEST_DELAY + len(after) for e in after)


def as_known(visit: Visit, now: int) -> Visit:
    """The visit as the record system holds it at the end of a day."""
    entered = [stay for stay in visit.stays if stay.entered < now]
    stays = [Stay(s.unit, s.entered, s.left if s.left and s.left < now else None) for s in entered]
    known = Visit(visit.number, visit.id, visit.person, visit.arrived, visit.plan, stays=stays)
    known.admitted = visit.admitted if visit.admitted and visit.admitted < now else None
    if visit.ended and visit.ended < now:
        known.ended, known.disposition = visit.ended, visit.disposition
    return known

"""Rosters of our own form: no hard rule is broken, conflicts are explained, repairs change little, clocks count."""

import datetime as dt
import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.rostering import Problem, ProblemNotUnderstood, Roster, check, read_event, repair, solve
from ml.rostering.checking import objective_of
from ml.rostering.conflict import explain
from ml.rostering.documents import answer_document
from ml.rostering.form import parse_form
from ml.rostering.greedy import first_roster
from ml.rostering.problem import Duty, Waiver
from ml.rostering.relaxation import bound_of
from ml.rostering.rules import clauses_of
from tests.unit.ml.rostering.form_judge import Judge, plan_of
from tests.unit.ml.rostering.wards import text, ward


def problem(**drawn: int) -> Problem:
    return parse_form(text(ward(**drawn)), "drawn.json")


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), staff=st.integers(1, 9), need=st.integers(0, 2))
def test_no_returned_roster_breaks_a_hard_rule(seed: int, staff: int, need: int) -> None:
    document = ward(seed=seed, staff=staff, days=9, need=need)
    drawn = parse_form(text(document), "drawn.json")
    answer = solve(drawn, 0.7)
    assert answer.roster is not None
    assert answer.hard_violations == ()
    assert answer.bound <= (answer.objective or 0)
    assert sum(one.cost for one in answer.gave_way) == answer.objective
    assert Judge(document).broken(plan_of(answer_document(drawn, answer))) == []


def test_the_check_finds_what_the_independent_judge_finds() -> None:
    document = ward(seed=3, staff=4, days=9)
    drawn = parse_form(text(document), "drawn.json")
    duty = Duty("u0", "N", "rn")
    spoiled = Roster({("s-000", day): duty for day in range(9)})
    broken = {one.rule for one in check(drawn, spoiled) if one.is_hard}
    assert {"three nights in a row", "five in a row"} <= broken
    assert Judge(document).broken(plan_of(answer_document(drawn, replace(solve(drawn, 1.0), roster=spoiled))))


def test_rest_and_hours_count_real_time_in_the_night_of_a_clock_change() -> None:
    night = problem().shift_by_name["N"]
    change = (dt.date(2026, 10, 24) - dt.date(2026, 10, 19)).days
    assert [night.minutes[day] for day in (change - 1, change, change + 1)] == [480, 540, 480]


def begun_week(history: list[int], need: int, first: int = 3, **rule: object) -> dict[str, Any]:
    """One nurse from a Thursday on (`first` days after Monday), who worked early shifts `history` days before."""
    start = dt.date(2026, 10, 12) + dt.timedelta(days=first)
    days = [(start + dt.timedelta(days=day)).isoformat() for day in range(4)]
    document = ward(staff=1, days=4, units=1)
    document["first_day"], document["isolation"] = start.isoformat(), []
    document["demand"] = [{"unit": "u0", "date": day, "shift": "E", "skill": "rn", "nurses": need} for day in days]
    past = [{"date": (start - dt.timedelta(days=day)).isoformat(), "shift": "E"} for day in history]
    nurse = {"id": "anna", "home": "u0", "skills": [{"skill": "rn"}], "history_days": 7, "history": past}
    cover = {"name": "cover", "kind": "cover", "source": "policy", "weight": 100}
    law = {"name": "hours a week", "kind": "hours", "source": "law", "hard": True, "parameters": rule}
    return document | {"staff": [nurse], "constraints": [cover, law]}


@pytest.mark.parametrize(
    ("rule", "history", "shifts"),
    [
        ({"max_hours": 40, "over": "week"}, [1, 2, 3], 2),  # 24 of 40 hours are worked by Thursday
        ({"max_hours": 40, "over": "week"}, [4, 5], 4),  # the Sunday and Saturday before are another week
        ({"max_hours": 16, "over": "week"}, [1, 2, 3], 0),  # more than allowed is worked: nothing more, and no conflict
        ({"max_hours": 32, "days": 5}, [1, 2, 5], 3),  # any five days in a row, those that began before among them
    ],
)
def test_hours_of_a_week_that_began_before_the_period_count(
    rule: dict[str, object], history: list[int], shifts: int
) -> None:
    drawn = parse_form(text(begun_week(history, 1, **rule)), "drawn.json")
    answer = solve(drawn, 1)
    assert answer.roster is not None
    assert (len(answer.roster.duties), answer.hard_violations) == (shifts, ())
    assert any(one.rule == "hours a week" for one in check(drawn, full_week())) is (shifts < 4)


def test_a_week_begun_before_the_period_is_named_with_its_hours_in_the_conflict() -> None:
    document = begun_week([1, 2, 3], 1, max_hours=40, over="week")
    document["constraints"][0] |= {"hard": True, "weight": None}
    answer = solve(parse_form(text(document), "drawn.json"), 5)
    assert (answer.status, answer.roster) == ("infeasible", None)
    [law] = [one for one in answer.conflict if one.rule == "hours a week"]
    assert "40 h from 2026-10-12 to 2026-10-18, 24 h of them before 2026-10-15" in law.sentence


def test_shifts_of_a_week_that_began_before_the_period_count() -> None:
    document = begun_week([1, 2], 1)
    few = {"name": "three a week", "kind": "shift_count", "source": "contract", "hard": True,
           "parameters": {"shifts": ["E"], "max": 3, "over": "week"}}  # fmt: skip
    off = {"name": "a day off", "kind": "days_off", "source": "contract", "hard": True,
           "parameters": {"at_least": 4, "over": "week"}}  # fmt: skip
    for rule, most in ((few, 1), (off, 1)):
        drawn = parse_form(text(document | {"constraints": [document["constraints"][0], rule]}), "drawn.json")
        answer = solve(drawn, 1)
        assert answer.roster is not None
        assert len(answer.roster.duties) == most


@pytest.mark.parametrize(("history", "most", "shifts"), [([], 24, 3), ([1, 2], 24, 1), ([1, 2, 3], 16, 0), ([], 99, 4)])
def test_nobody_works_more_in_a_week_than_their_own_contract_allows(history: list[int], most: int, shifts: int) -> None:
    document = begun_week(history, 1)
    document["staff"][0]["max_week_hours"] = most
    rule = {"name": "contract", "kind": "contract_hours", "source": "contract", "hard": True,
            "parameters": {"bound": "max"}}  # fmt: skip
    drawn = parse_form(text(document | {"constraints": [document["constraints"][0], rule]}), "drawn.json")
    answer = solve(drawn, 1)
    assert answer.roster is not None
    assert len(answer.roster.duties) == shifts
    assert any("contract allows at most" in one.sentence for one in check(drawn, full_week())) is (shifts < 4)


def full_week() -> Roster:
    return Roster({("anna", day): Duty("u0", "E", "rn") for day in range(4)})


def test_the_least_hours_of_a_contract_are_owed_for_whole_weeks_and_less_of_one_with_leave() -> None:
    document = begun_week([], 0) | {"days": 11}
    document["staff"][0] |= {"min_week_hours": 21, "leave": ["2026-10-19", "2026-10-20"]}
    rule = {"name": "contract", "kind": "contract_hours", "source": "contract", "weight": 3,
            "parameters": {"bound": "min"}}  # fmt: skip
    drawn = parse_form(text(document | {"constraints": [document["constraints"][0], rule]}), "drawn.json")
    [one] = [one for one in check(drawn, Roster({})) if one.rule == "contract"]
    assert ("at least 15 h from 2026-10-19 to 2026-10-25" in one.sentence, one.cost) == (True, 45)


def test_a_wish_counts_for_its_own_rule_and_what_stands_is_no_refused_wish() -> None:
    document = begun_week([], 0)
    day = document["first_day"]
    stays = {"name": "stays", "kind": "requests", "source": "policy", "weight": 1}
    wishes = {"name": "wishes", "kind": "requests", "source": "wish", "weight": 10}
    document["staff"][0]["requests"] = [
        {"date": day, "wants": "on", "shift": "E", "weight": 3, "rule": "stays"},
        {"date": day, "wants": "on", "shift": "E", "weight": 2, "rule": "wishes"},
    ]
    drawn = parse_form(text(document | {"constraints": [document["constraints"][0], stays, wishes]}), "drawn.json")
    assert {one.rule: one.cost for one in check(drawn, Roster({}))} == {"stays": 3, "wishes": 20}
    answer = solve(drawn, 1)
    assert [(one.refused, one.refused_carried) for one in answer.fairness] == [(0, 0)]
    document["staff"][0]["requests"][1]["rule"] = "hopes"
    with pytest.raises(ProblemNotUnderstood, match="unknown constraint 'hopes'"):
        parse_form(text(document | {"constraints": [stays, wishes]}), "drawn.json")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_conflict_of_hard_rules_is_explained_by_a_smallest_set(seed: int) -> None:
    document = ward(seed=seed, staff=4, days=7)
    for one in document["constraints"]:
        if one["kind"] == "cover":
            one["hard"] = True
            del one["weight"]
    document["constraints"] = [one for one in document["constraints"] if one["kind"] != "agency"]
    drawn = parse_form(text(document), "drawn.json")
    answer = solve(drawn, 20)
    assert (answer.status, answer.roster, answer.is_conflict_minimal) == ("infeasible", None, True)
    named = {(one.rule, one.person) for one in answer.conflict}
    assert named
    assert any(one.rule == "cover" and "needs" in one.sentence for one in answer.conflict)


def test_without_any_member_of_a_conflict_a_roster_exists() -> None:
    document = ward(seed=5, staff=2, days=2, units=1)
    for one in document["constraints"]:
        if one["kind"] == "cover":
            one["hard"] = True
            del one["weight"]
    document["constraints"] = [one for one in document["constraints"] if one["kind"] != "agency"]
    clauses = [one for one in clauses_of(parse_form(text(document), "drawn.json")) if one.weight is None]
    reasons, is_minimal = explain(clauses, 10)
    assert reasons and is_minimal
    said = {part for one in reasons for part in one.sentence.split("; ")}
    core = [one for one in clauses if one.is_fact or one.sentence in said]
    assert explain(core, 10)[0]
    for sentence in said:
        assert explain([one for one in core if one.sentence != sentence], 10)[0] == ()


def test_a_sick_call_changes_as_few_assignments_as_brute_force_does() -> None:
    document = ward(seed=11, staff=4, days=5, units=1, need=1)
    document["isolation"] = []
    drawn = parse_form(text(document), "drawn.json")
    answer = solve(drawn, 3)
    assert answer.roster is not None
    person, day = next(at for at in answer.roster.duties if at[1] == 2)
    event = read_event(drawn, f"sick:{person}:{drawn.day_text(day)}")
    repaired = repair(drawn, answer.roster, [event], 5)
    assert repaired.answer.hard_violations == ()
    assert repaired.is_fewest
    assert (person, day) not in (repaired.answer.roster or Roster({})).duties
    assert all(one.day >= day for one in repaired.changes)
    assert all(one.why for one in repaired.changes)
    fewer = len(repaired.changes) - 2  # the sick person's own day is no choice
    assert not repaired.still_short
    assert not _some_smaller(drawn, answer.roster, (person, day), fewer)


def _some_smaller(drawn: Problem, roster: Roster, sick: tuple[str, int], changes: int) -> bool:
    """Try every roster that differs in at most `changes` person-days (or agency bookings) from the one without them."""
    from itertools import combinations, product

    left = Roster({at: duty for at, duty in roster.duties.items() if at != sick}, dict(roster.agency))
    before = {one.sentence: one.excess for one in check(drawn, roster)}
    days = [(one.name, day) for one in drawn.staff for day in range(sick[1], drawn.days) if (one.name, day) != sick]
    duties = [duty for duty in drawn.duties if duty.skill == "rn"]
    slots = [*days, *((day, duty) for day in range(sick[1], drawn.days) for duty in duties)]
    for chosen in combinations(slots, changes):
        for values in product([None, *duties], repeat=changes):
            tried, agency = dict(left.duties), dict(left.agency)
            for slot, value in zip(chosen, values, strict=True):
                if isinstance(slot[0], int):
                    agency[slot] = 1 - agency.get(slot, 0)
                elif value is None:
                    tried.pop(slot, None)
                else:
                    tried[slot] = value
            if all(_is_borne(one, before) for one in check(drawn, Roster(tried, agency))):
                return True
    return False


def _is_borne(breach: "object", before: dict[str, int]) -> bool:
    from ml.rostering import Breach

    assert isinstance(breach, Breach)
    is_need = breach.person is None and breach.kind in ("cover", "breaks", "isolation", "supervision")
    if "no more than" in breach.sentence or not (breach.is_hard or is_need):
        return True
    return breach.sentence in before


def test_an_admission_is_covered_and_a_kept_day_stays() -> None:
    drawn = problem(seed=4, staff=10, days=7)
    answer = solve(drawn, 2)
    assert answer.roster is not None
    event = read_event(drawn, f"admission:u0:{drawn.day_text(3)}:E:rn+1")
    kept = frozenset((one.name, day) for one in drawn.staff for day in range(drawn.days))
    repaired = repair(drawn, answer.roster, [event], 5, keep=kept)
    assert {one.person for one in repaired.changes} <= {None}
    free = repair(drawn, answer.roster, [event], 5)
    assert len(free.changes) <= len(repaired.changes) or repaired.still_short
    assert free.answer.hard_violations == ()


def test_an_exception_lets_one_rule_go_for_one_person_and_day_and_is_told() -> None:
    drawn = problem(seed=1, staff=4, days=7)
    spoiled = Roster({("s-000", day): Duty("u0", "E", "rn") for day in range(6)})
    assert any(one.rule == "five in a row" and one.waiver is None for one in check(drawn, spoiled))
    waived = replace(drawn, waivers=(Waiver("five in a row", "s-000", 3, "kim", "asked for it herself"),))
    found = [one for one in check(waived, spoiled) if one.rule == "five in a row"]
    assert [one.waiver.by for one in found if one.waiver] == ["kim"] * len(found)


def test_refused_wishes_and_nights_are_carried_into_the_next_period() -> None:
    drawn = problem(seed=2, staff=6, days=7)
    answer = solve(drawn, 2)
    assert answer.roster is not None
    for one in answer.fairness:
        person = drawn.person_by_name[one.person]
        nights = sum(duty.shift == "N" for (name, _), duty in answer.roster.duties.items() if name == one.person)
        assert (one.nights, one.nights_carried) == (nights, person.carried.nights + nights)
        assert one.refused_carried == person.carried.refused + one.refused


def test_an_agency_booking_says_which_rule_keeps_own_staff_away() -> None:
    document = ward(seed=6, staff=3, days=2, units=1)
    document["isolation"] = []
    for one in document["staff"]:
        one["leave"] = ["2026-10-19"]
    drawn = parse_form(text(document), "drawn.json")
    answer = solve(drawn, 3)
    booked = [one for one in answer.gave_way if one.wish.startswith("agency") and one.days == (0,)]
    assert booked
    assert {one.rule for one in booked} == {"leave"}


def test_the_bound_by_prices_is_below_the_best_roster_and_the_first_one_breaks_nothing() -> None:
    drawn = problem(seed=9, staff=6, days=7)
    clauses = clauses_of(drawn)
    first = first_roster(drawn, clauses, math.inf)
    assert first is not None
    assert [one for one in check(drawn, first) if one.is_hard] == []
    best = solve(drawn, 3)
    assert best.objective is not None
    assert 0 < bound_of(clauses, 10) <= best.objective <= objective_of(check(drawn, first))


def test_a_limit_holds_for_all_of_it() -> None:
    drawn = problem(seed=2, staff=20, days=28)
    started = time.process_time()
    answer = solve(drawn, 1.5)
    assert answer.roster is not None
    assert time.process_time() - started < 2 * 1.5 + 1.0, "two workers, and what cannot be stopped in between"


def test_a_search_ends_once_it_is_near_enough_to_what_is_proven() -> None:
    drawn = problem(seed=9, staff=6, days=7)
    started = time.monotonic()
    answer = solve(drawn, 60, enough=1_000_000)
    assert answer.objective is not None
    assert (answer.status, answer.hard_violations) == ("feasible", ())
    assert time.monotonic() - started < 30

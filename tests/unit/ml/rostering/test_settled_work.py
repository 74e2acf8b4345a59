"""Work that is settled, in `pilothouse.roster/1`: read with its times, counted, never changed, named where it binds."""

from typing import Any

import pytest

from ml.rostering import Duty, ProblemNotUnderstood, Roster, check, read_event, repair, solve
from ml.rostering.form import parse_form
from ml.rostering.roster import RosterAnswer
from tests.unit.ml.rostering.wards import SHIFTS, text

REST = {"name": "rest", "kind": "rest", "source": "law", "hard": True, "parameters": {"min_hours": 11}}
RUN = {"name": "run", "kind": "consecutive_shifts", "source": "law", "hard": True, "parameters": {"max": 3}}
WEEK = {"name": "week", "kind": "hours", "source": "law", "hard": True, "parameters": {"max_hours": 32, "over": "week"}}
COVER = {"name": "cover", "kind": "cover", "source": "policy", "weight": 100}
ENDS = {"name": "ends", "kind": "weekends", "source": "contract", "hard": True, "parameters": {"max": 0}}
ROW = {"name": "row", "kind": "weekends", "source": "law", "hard": True, "parameters": {"max_in_row": 2}}
SATURDAY_BEFORE, SUNDAY_BEFORE = {"date": "2026-10-17", "shift": "E"}, {"date": "2026-10-11", "shift": "E"}


def monday(*rules: dict[str, Any], **anna: Any) -> dict[str, Any]:
    """Anna alone, in a week from Monday, 19 October 2026; one nurse is needed early each day, on u0."""
    days = [f"2026-10-{day}" for day in range(19, 26)]
    return {
        "schema": "pilothouse.roster/1", "name": "one", "time_zone": "Europe/Berlin", "first_day": days[0], "days": 7,
        "units": ["u0"], "skills": ["rn"], "shifts": SHIFTS,
        "staff": [{"id": "anna", "home": "u0", "skills": [{"skill": "rn"}], "history_days": 5, **anna}],
        "demand": [{"unit": "u0", "date": day, "shift": "E", "skill": "rn", "nurses": 1} for day in days],
        "constraints": [COVER, *rules],
    }  # fmt: skip


def elsewhere(day: int, shift: str = "E", **told: str) -> dict[str, str]:
    return {"date": f"2026-10-{day}", "shift": shift, "unit": "u9", **told}


def solved(document: dict[str, Any]) -> RosterAnswer:
    answer = solve(parse_form(text(document), "one.json"), 2)
    assert answer.hard_violations == ()
    return answer


def days_of(document: dict[str, Any]) -> set[int]:
    answer = solved(document)
    return {day for _, day in answer.roster.duties} if answer.roster else set()


LONG = {"starts_at": "2026-10-18T14:00:00+02:00", "ends_at": "2026-10-18T22:30:00+02:00"}


@pytest.mark.parametrize(
    ("rules", "anna", "worked"),
    [
        ([], {"elsewhere": [elsewhere(20)]}, {0, 2, 3, 4, 5, 6}),
        ([REST], {"elsewhere": [elsewhere(20, "N")]}, {0, 3, 4, 5, 6}),
        ([REST], {"elsewhere": [elsewhere(20, "L")]}, {0, 3, 4, 5, 6}),
        ([WEEK], {"elsewhere": [elsewhere(20), elsewhere(21)]}, 2),
        ([WEEK], {"elsewhere": [elsewhere(day) for day in range(20, 26)]}, 0),
        ([RUN], {"elsewhere": [elsewhere(day) for day in (20, 21, 22)]}, {5, 6}),
        ([RUN], {"elsewhere": [elsewhere(day) for day in (20, 21, 22, 23)]}, {6}),
        ([ENDS], {"elsewhere": [elsewhere(24)]}, {0, 1, 2, 3, 4, 6}),
        ([ENDS], {}, {0, 1, 2, 3, 4}),
        ([ROW], {"history_days": 14, "history": [SATURDAY_BEFORE]}, set(range(7))),
        ([ROW], {"history_days": 14, "history": [SATURDAY_BEFORE, SUNDAY_BEFORE]}, {0, 1, 2, 3, 4}),
        ([ROW], {"history": [SATURDAY_BEFORE], "after": [{"date": "2026-10-31", "shift": "E"}]}, {0, 1, 2, 3, 4}),
        ([REST], {"history": [{"date": "2026-10-18", "shift": "L"}]}, {1, 2, 3, 4, 5, 6}),
        ([REST], {"history": [{"date": "2026-10-18", "shift": "E"}]}, {0, 1, 2, 3, 4, 5, 6}),
        ([REST], {"history": [{"date": "2026-10-18", "shift": "E", **LONG}]}, {1, 2, 3, 4, 5, 6}),
    ],
)
def test_what_is_settled_stays_and_counts(rules: list[Any], anna: dict[str, Any], worked: set[int] | int) -> None:
    found = days_of(monday(*rules, **anna))
    assert (len(found) if isinstance(worked, int) else found) == worked


def test_a_duty_beside_settled_work_is_a_breach_and_settled_work_alone_is_none() -> None:
    problem = parse_form(text(monday(RUN, REST, WEEK, elsewhere=[elsewhere(day) for day in range(19, 26)])), "one.json")
    assert [one for one in check(problem, Roster({})) if one.is_hard] == []
    broken = check(problem, Roster({("anna", 1): Duty("u0", "E", "rn")}))
    assert "duty on another unit (policy): anna works E on u9 on 2026-10-20" in {one.sentence for one in broken}


def test_a_conflict_names_the_hours_on_another_unit() -> None:
    document = monday(WEEK, elsewhere=[elsewhere(19), elsewhere(20), elsewhere(21)])
    document["demand"] = document["demand"][3:5]
    document["constraints"][0] = {"name": "cover", "kind": "cover", "source": "policy", "hard": True}
    answer = solve(parse_form(text(document), "one.json"), 5)
    assert answer.roster is None
    [law] = [one for one in answer.conflict if one.rule == "week"]
    assert "32 h over the period, 24 h of them on u9" in law.sentence


def test_a_repair_leaves_other_units_alone_and_a_sick_day_ends_the_duty_there() -> None:
    problem = parse_form(text(monday(REST, elsewhere=[elsewhere(20, "N")])), "one.json")
    first = solve(problem, 2).roster
    assert first is not None
    away = repair(problem, first, [read_event(problem, "sick:anna:2026-10-23")], 2)
    assert {one.day for one in away.changes} == {4}
    problem = parse_form(text(monday(REST, elsewhere=[elsewhere(20, "N")])), "one.json")
    back = repair(problem, first, [read_event(problem, "sick:anna:2026-10-20")], 2)
    assert ("anna", 2) in (back.answer.roster or Roster({})).duties or not back.changes


def test_people_of_other_units_cover_and_relieve_breaks_but_are_nobodys_to_move() -> None:
    never_alone = {"name": "never alone", "kind": "breaks", "source": "policy", "weight": 9,
                   "parameters": {"min_on_duty": 2}}  # fmt: skip
    mix = {"name": "mix", "kind": "skill_mix", "source": "policy", "weight": 7,
           "parameters": {"skills": ["rn"], "at_least": 2}}  # fmt: skip
    document = monday(never_alone, mix)
    alone = solved(document)
    document["guests"] = [{"unit": "u0", "date": "2026-10-19", "shift": "E", "skill": "rn", "nurses": 1}]
    helped = solved(document)
    assert (alone.objective or 0) - (helped.objective or 0) == 9 + 7
    document["staff"][0]["leave"] = ["2026-10-19"]
    assert not [one for one in solved(document).gave_way if one.wish.startswith("cover") and one.days == (0,)]


@pytest.mark.parametrize(
    ("anna", "said"),
    [
        ({"elsewhere": [elsewhere(20) | {"unit": "u0"}]}, "u0 is the person's own unit"),
        ({"elsewhere": [elsewhere(18)]}, "2026-10-18 is outside of the period"),
        ({"elsewhere": [elsewhere(20, "X")]}, "unknown shift 'X'"),
        ({"elsewhere": [elsewhere(20, starts_at=LONG["starts_at"])]}, "given both or neither"),
        ({"elsewhere": [elsewhere(20, starts_at=LONG["ends_at"], ends_at=LONG["starts_at"])]}, "not after starts_at"),
        ({"history": [{"date": "2026-10-19", "shift": "E"}]}, "not within 14 days before"),
        ({"agreed": [{"max_week_hours": 40}], "max_week_hours": 40}, "write one of both"),
    ],
)
def test_settled_work_that_does_not_fit_is_said(anna: dict[str, Any], said: str) -> None:
    with pytest.raises(ProblemNotUnderstood, match=said):
        parse_form(text(monday(**anna)), "one.json")


def test_a_skill_has_a_first_day_and_contracts_count_by_the_day() -> None:
    most = {
        "name": "most",
        "kind": "contract_hours",
        "source": "contract",
        "hard": True,
        "parameters": {"bound": "max"},
    }
    late = monday(skills=[{"skill": "rn", "since": "2026-10-22"}])
    assert days_of(late) == {3, 4, 5, 6}
    early = check(parse_form(text(late), "one.json"), Roster({("anna", 0): Duty("u0", "E", "rn")}))
    assert "anna's rn does not hold yet on 2026-10-19" in early[0].sentence
    half, whole = {"last": "2026-10-21", "max_week_hours": 14}, {"first": "2026-10-22", "max_week_hours": 42}
    assert len(days_of(monday(most, agreed=[half, whole]))) == (3 * 14 + 4 * 42) // 7 // 8
    assert len(days_of(monday(most, agreed=[whole]))) == 4 * 42 // 7 // 8
    assert len(days_of(monday(most, agreed=[half, {"first": "2026-10-22"}]))) == 7, "one that says nothing limits none"

"""What came of plans: done, missed, cancelled; planned steps and unplanned ones; plans that conflict."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evaluation.calendar import Changes, Span, changes_of, touching
from evaluation.evidence import Subject
from evaluation.ledger import Entry, instant_text

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
PLACE = {"use_case": "triage", "site": "city"}


def entry(seq: int, kind: str, at: datetime, **payload: Any) -> Entry:
    return Entry(seq, at, kind, "ada", {**PLACE, **payload}, "", "", "")


def planned(seq: int = 1, name: str = "one", start: datetime = NINE, hours: float = 1, **more: Any) -> Entry:
    told = {"starts_at": instant_text(start), "until": instant_text(start + hours * HOUR), "reason": "go live"}
    return entry(
        seq,
        "change_planned",
        NINE - 72 * HOUR,
        change=name,
        **{"stage": "assistive", "subject": SUBJECT.to_json(), **told, **more},
    )


def up(seq: int = 8, at: datetime = NINE, change: str | None = "one", kind: str = "promotion", **more: Any) -> Entry:
    detail = {"change_control": {"calendar": "a" * 64, "change": change}}
    told = {"stage": "assistive", "release": "b" * 64, "subject": SUBJECT.to_json(), "detail": detail}
    return entry(seq, kind, at, **{**told, **more})


ABOVE = up(0, NINE - 96 * HOUR, change=None, stage="decision_support")
"""Where a place stands from which a step down is planned."""


def down(seq: int = 8, at: datetime = NINE, stage: str = "assistive") -> Entry:
    return entry(seq, "rollback", at, stage=stage, release=None, reason="too many alerts")


def cancelled(seq: int = 5, at: datetime = NINE - HOUR) -> Entry:
    return entry(seq, "change_cancelled", at, change="one", reason="not now")


@pytest.mark.parametrize(
    ("entries", "now", "outcome", "change"),
    [
        ([], NINE - MOMENT, "planned", None),
        ([], NINE, "open", None),
        ([], NINE + HOUR - MOMENT, "open", None),
        ([], NINE + HOUR, "missed", None),
        ([cancelled()], NINE + HOUR, "cancelled", None),
        ([up()], NINE + HOUR, "done", "one"),
        ([up(kind="break_glass")], NINE + HOUR, "done", "one"),
        ([up(change=None)], NINE + HOUR, "missed", None),
        ([up(change="another")], NINE + HOUR, "missed", None),
        ([up(stage="shadow")], NINE + HOUR, "missed", None),
        ([up(site="rural")], NINE + HOUR, "missed", None),
        ([up(subject=replace(SUBJECT, model="9" * 64).to_json())], NINE + HOUR, "missed", None),
        ([up(detail={})], NINE + HOUR, "missed", None),
        ([cancelled(), up()], NINE + HOUR, "cancelled", None),
        ([down(at=NINE)], NINE + HOUR, "done", "one"),
        ([down(at=NINE - MOMENT)], NINE + HOUR, "missed", None),
        ([down(at=NINE + HOUR)], NINE + HOUR, "missed", None),
        ([down(stage="shadow")], NINE + HOUR, "missed", None),
    ],
)
def test_what_came_of_a_plan(entries: list[Entry], now: datetime, outcome: str, change: str | None) -> None:
    is_down = any(one.kind == "rollback" for one in entries)
    found = changes_of([*([ABOVE] if is_down else []), planned(), *entries])
    steps = found.steps[1:] if is_down else found.steps
    assert found.planned[0].outcome(now) == outcome
    assert [one.change for one in steps] == [change] * len(steps)


def test_a_plan_is_fulfilled_once() -> None:
    found = changes_of([planned(), up(7), up(8, NINE + MOMENT)])
    assert [one.change for one in found.steps] == ["one", None] and found.planned[0].done_by == 7


def test_a_rollback_fulfils_what_was_planned_from_a_higher_stage_and_no_step_up() -> None:
    """A plan to go up to assistive is not done by coming down to it from decision support."""
    step_up = changes_of([planned(1), replace(ABOVE, seq=2), down(3)])
    assert [one.outcome(NINE + HOUR) for one in step_up.planned] == ["missed"]
    step_down = changes_of([ABOVE, planned(2), down(3)])
    assert [one.outcome(NINE + HOUR) for one in step_down.planned] == ["done"]


def test_a_challenger_does_its_own_plan_and_moves_nothing_that_stands() -> None:
    """Coming beside what is shown is no step down, so that no rollback to shadow does its plan, nor one made after."""
    shadow = {"stage": "shadow"}
    beside = planned(2, stage="shadow", challenger=True)
    came = up(3, kind="challenger", **shadow)
    found = changes_of([ABOVE, beside, came])
    assert [one.outcome(NINE + HOUR) for one in found.planned] == ["done"] and found.planned[0].done_by == 3
    assert [(one.kind, one.change) for one in found.steps] == [("promotion", None), ("challenger", "one")]
    assert changes_of([ABOVE, beside, down(3, stage="shadow")]).planned[0].outcome(NINE + HOUR) == "missed"
    step_down = changes_of([ABOVE, replace(came, seq=1), planned(2), down(4)])
    assert step_down.planned[0].outcome(NINE + HOUR) == "done"


def test_what_is_planned_after_a_step_down_is_planned_from_there() -> None:
    fell = down(1, NINE - 95 * HOUR, stage="shadow")
    found = changes_of([ABOVE, fell, planned(2), down(3)])
    assert found.planned[0].outcome(NINE + HOUR) == "missed"


def test_the_end_of_a_glass_does_no_plan_of_what_was_earned() -> None:
    """Shadow was earned and assistive is lent: another release planned for shadow does not come by the glass's end."""
    lent = up(1, NINE - 96 * HOUR, change=None, kind="break_glass", detail={})
    earned = replace(up(0, NINE - 97 * HOUR, change=None, stage="shadow"), kind="promotion")
    found = changes_of([earned, lent, planned(2, stage="shadow"), down(3, stage="shadow")])
    assert found.planned[0].outcome(NINE + HOUR) == "missed" and found.steps[-1].change is None


def test_a_rollback_counts_from_when_it_took_effect() -> None:
    late = entry(8, "rollback", NINE + 5 * HOUR, stage="assistive", release=None, effective_at=instant_text(NINE))
    found = changes_of([ABOVE, planned(), late])
    assert found.steps[1].change == "one" and found.steps[1].at == NINE


def test_a_glass_keeps_what_of_the_calendar_it_went_past() -> None:
    detail = {"change_control": {"calendar": None, "change": None, "past": ["a freeze"]}}
    assert changes_of([up(kind="break_glass", detail=detail)]).steps[0].past == ("a freeze",)


@pytest.mark.parametrize(
    ("other", "is_conflict"),
    [
        ({"start": NINE + HOUR}, False),
        ({"start": NINE + HOUR - MOMENT}, True),
        ({"start": NINE - HOUR}, False),
        ({"start": NINE - HOUR + MOMENT}, True),
        ({"use_case": "roster"}, True),
        ({"use_case": "roster", "site": "rural"}, False),
    ],
)
def test_plans_at_one_site_at_one_time_conflict(other: dict[str, Any], is_conflict: bool) -> None:
    found = changes_of([planned(), planned(2, "two", **other)])
    names = [(a.change, b.change) for a, b in found.conflicts(NINE - 2 * HOUR)]
    assert names == ([("one", "two")] if is_conflict else [])
    one, two = found.planned
    assert (two in touching(found.planned, one.site, one.span, NINE - 2 * HOUR)) is is_conflict


def test_what_can_no_longer_happen_is_in_nobodys_way() -> None:
    both = [planned(), planned(2, "two")]
    assert changes_of(both).conflicts(NINE) and not changes_of(both).conflicts(NINE + HOUR)
    for gone in (cancelled(), up()):
        found = changes_of([*both, gone])
        assert found.conflicts(NINE) == []
        assert [one.change for one in touching(found.planned, "city", Span(NINE, NINE + HOUR), NINE)] == ["two"]


def test_nothing_on_the_ledger_is_nothing_planned() -> None:
    assert changes_of([]) == Changes()

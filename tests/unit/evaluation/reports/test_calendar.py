"""The page of the release calendar: drawn by lane and week, listed by the site's clock, loud where unreadable."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from evaluation.calendar import Changes, Planned, Span, Step, read_calendar
from evaluation.evidence import Subject
from evaluation.policies import Stage
from evaluation.reports.calendar import Where, calendar_file, calendar_view, render_calendar
from evaluation.reports.timeline import WIDTH, Lane, Mark, Stretch, first_day, panels

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CITY = Where("triage", "Triage advice", "city", "Harbour City", ZoneInfo("America/New_York"))
RURAL = Where("roster", "Rosters", "rural", "Pine Ridge", ZoneInfo("America/Chicago"))
SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
PLAN = Planned(
    change="change-1",
    use_case="triage",
    site="city",
    stage=Stage.DECISION_SUPPORT,
    span=Span(NOW + 2 * DAY + 2 * HOUR, NOW + 2 * DAY + 4 * HOUR),
    reason="go live <now>",
    subject=SUBJECT,
    planned_at=NOW - DAY,
    by="ada",
    proof="none",
    seq=4,
)
STEP = Step(7, NOW - DAY, "promotion", "triage", "city", Stage.ASSISTIVE, "noor", "", "a" * 64)


def view(*planned: Planned, steps: tuple[Step, ...] = (), calendar: Any = None, problem: str = "") -> Any:
    kept = None if problem else calendar or read_calendar()
    return calendar_view(kept, Changes(planned, steps), [CITY, RURAL], NOW, version="1.0", problem=problem)


def test_a_plan_is_told_by_the_clock_of_its_site_with_who_and_why() -> None:
    [line] = view(PLAN).ahead
    assert (line.when, line.what) == ("2026-11-30 09:00–11:00 EST", "To decision support (change-1)")
    assert (line.outcome, line.why, line.conflicts) == ("planned", "go live <now> (ada, claimed)", "")
    page = render_calendar(view(PLAN))
    assert "go live &lt;now&gt;" in page and "<now>" not in page
    assert 'href="calendar.ics"' in page and 'href="index.html"' in page


@pytest.mark.parametrize(
    ("change", "outcome", "tone"),
    [
        ({"span": Span(NOW - DAY, NOW)}, "missed: it did not happen", "bad"),
        ({"done_by": 7}, "done", "good"),
        ({"cancelled_at": NOW}, "cancelled", ""),
    ],
)
def test_what_came_of_a_plan_is_told(change: dict[str, Any], outcome: str, tone: str) -> None:
    made = view(replace(PLAN, **change))
    [line] = made.past
    assert (line.outcome, line.tone, made.ahead) == (outcome, tone, ())


def test_a_challenger_is_told_as_one_planned_and_come() -> None:
    plan, step = replace(PLAN, stage=Stage.SHADOW, is_challenger=True), replace(STEP, kind="challenger")
    made = view(plan, steps=(replace(step, stage=Stage.SHADOW, change="change-0"),))
    assert [one.what for one in made.ahead] == ["Challenger to shadow (change-1)"]
    assert [one.what for one in made.past] == ["Challenger put beside: shadow (change-0)"]
    assert 'class="mark challenger planned"' in render_calendar(made)
    told = calendar_file(read_calendar(), Changes((plan,), (step,)), [CITY], NOW)
    assert "Triage advice\\, challenger to shadow" in told and "Challenger put beside: Triage advice" in told


def test_plans_at_one_time_name_each_other() -> None:
    other = replace(PLAN, change="change-2", use_case="triage", stage=Stage.SHADOW)
    assert [one.conflicts for one in view(PLAN, other).ahead] == ["change-2 (triage)", "change-1 (triage)"]
    assert render_calendar(view(PLAN, other)).count("at the same time") == 2


@pytest.mark.parametrize(
    ("change", "what", "outcome", "tone", "why"),
    [
        ({}, "Promoted: assistive", "unplanned", "", "By the gate (noor)"),
        ({"change": "change-1"}, "Promoted: assistive (change-1)", "planned", "good", "By the gate (noor)"),
        ({"kind": "rollback", "reason": "late"}, "Rolled back: assistive", "unplanned", "", "late (noor)"),
        (
            {"kind": "break_glass", "reason": "a surge", "past": ("a freeze",)},
            "Break-glass: assistive",
            "unplanned",
            "bad",
            "a surge (noor) Past the calendar: a freeze.",
        ),
    ],
)
def test_every_step_is_told_planned_or_not(
    change: dict[str, Any], what: str, outcome: str, tone: str, why: str
) -> None:
    [line] = view(steps=(replace(STEP, **change),)).past
    assert (line.what, line.outcome, line.tone, line.why) == (what, outcome, tone, why)
    assert line.when == "2026-11-27 07:00 EST"


def test_lanes_are_drawn_by_site_with_freezes_windows_plans_and_steps() -> None:
    first, second, third = view(PLAN, steps=(STEP,)).panels
    assert [row.head for row in first.rows] == ["Harbour City", "Pine Ridge"]
    assert [dot.kind for dot in first.rows[0].dots] == ["promotion unplanned"] and first.rows[1].dots == ()
    assert first.today is not None and second.today is None
    plans = [bar for bar in second.rows[0].bars if bar.kind == "plan planned"]
    assert len(plans) == 1 and not [bar for bar in second.rows[1].bars if bar.kind.startswith("plan")]
    freeze, *windows = third.rows[0].bars
    assert freeze.kind == "freeze partly" and {bar.kind for bar in windows} == {"window partly"}
    assert min(bar.x for bar in windows) >= freeze.x + freeze.width, "nothing is open in a freeze"
    page = render_calendar(view(PLAN, steps=(STEP,)))
    assert "Turn of the year (decision support)" in page and "Promoted: triage at city to assistive, unplanned" in page


def test_three_panels_of_four_weeks_begin_with_a_monday_and_hold_now_in_the_first() -> None:
    for day in range(8):
        start = first_day(NOW + day * DAY)
        assert start.weekday() == 0 and timedelta(21) <= NOW + day * DAY - start < timedelta(28)


def test_what_is_drawn_stays_in_its_panel_however_short_or_long() -> None:
    start = first_day(NOW)
    moment = Stretch("plan planned", Span(start + 28 * DAY - HOUR, start + 28 * DAY), "short")
    long = Stretch("freeze", Span(start - 99 * DAY, start + 99 * DAY), "long")
    edge = Mark("promotion planned", start + 28 * DAY, "at the edge")
    drawn = panels([Lane("City", "Triage", (moment, long), (edge,))], NOW)
    bars = [bar for panel in drawn for row in panel.rows for bar in row.bars]
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.width > 0 for bar in bars)
    assert [bar.width for bar in bars if bar.kind == "plan planned"] == [5.0]
    assert [len(panel.rows[0].dots) for panel in drawn] == [0, 1, 0]


def test_a_calendar_that_cannot_be_read_is_said_at_the_top() -> None:
    page = render_calendar(view(PLAN, problem="calendar.yaml: is not YAML."))
    assert "Every promotion waits: calendar.yaml: is not YAML." in page and "NOT EVIDENCED" in page


def test_with_nothing_anywhere_the_page_says_so() -> None:
    empty = calendar_view(read_calendar(), Changes(), [], NOW, version="1.0")
    assert "Nothing is released, planned or proposed" in render_calendar(empty)


def test_the_file_holds_freezes_of_every_site_plans_and_steps() -> None:
    gone = replace(PLAN, change="change-2", cancelled_at=NOW)
    elsewhere = replace(PLAN, change="change-3", site="samples")
    text = calendar_file(read_calendar(), Changes((PLAN, gone, elsewhere), (STEP,)), [CITY, RURAL], NOW)
    uids = [line.removeprefix("UID:") for line in text.split("\r\n") if line.startswith("UID:")]
    assert uids == [
        "turn-of-the-year-city-20261218T0500@pilothouse",
        "turn-of-the-year-rural-20261218T0600@pilothouse",
        "change-1@pilothouse",
        "change-2@pilothouse",
        "ledger-7@pilothouse",
    ]
    assert text.count("STATUS:CANCELLED") == 1 and "DTSTART:20261130T140000Z" in text
    assert "FREEZE" not in calendar_file(None, Changes(), [CITY], NOW)

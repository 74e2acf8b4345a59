"""Every refusal of change control, on both sides of its threshold; and what counts as a planned change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from evaluation.calendar import Place, Planned, Span, read_calendar
from evaluation.evidence import Subject
from evaluation.gates import GateError, Refusal, calendar_unreadable, change_control
from evaluation.policies import Policy, Stage, load_policy

POLICY = load_policy("triage")
SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, POLICY.digest, "5" * 64, "6" * 64, "7" * 64)
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
NINE = datetime(2026, 12, 1, 14, tzinfo=UTC)
"""A Tuesday, 09:00 in New York."""
PLACE = Place("triage", "city", Stage.DECISION_SUPPORT, ZoneInfo("America/New_York"))
PLAN = Planned(
    change="change-1",
    use_case="triage",
    site="city",
    stage=Stage.DECISION_SUPPORT,
    span=Span(NINE, NINE + HOUR),
    reason="go live",
    subject=SUBJECT,
    planned_at=NINE - 48 * HOUR,
    by="ada",
    proof="signature",
    seq=9,
)


def asked(*plans: Planned, now: datetime = NINE, place: Place = PLACE, policy: Policy = POLICY) -> Any:
    return change_control(policy, read_calendar(), plans, SUBJECT, place, now)


def only(control: Any) -> Refusal:
    [reason] = control.reasons
    return reason


def test_a_planned_change_in_its_window_meets_it_and_is_kept_with_the_calendar() -> None:
    control = asked(PLAN)
    assert control.reasons == () and control.change == "change-1"
    assert control.on_record() == {"change_control": {"calendar": read_calendar().digest, "change": "change-1"}}


@pytest.mark.parametrize(
    ("change", "now", "says"),
    [
        ({}, NINE - MOMENT, "change-1 begins 2026-12-01 09:00 EST"),
        ({}, NINE, ""),
        ({}, NINE + HOUR - MOMENT, ""),
        ({}, NINE + HOUR, "change-1 was missed: its window ended 2026-12-01 10:00 EST"),
        ({"planned_at": NINE - 48 * HOUR + MOMENT}, NINE, "was announced 48.0 hours before its window"),
        ({"planned_at": NINE - 3 * HOUR}, NINE, "was announced 3.0 hours before its window"),
        ({"cancelled_at": NINE - HOUR}, NINE, "was cancelled"),
        ({"done_by": 12}, NINE, "was done by ledger entry 12"),
        ({"subject": replace(SUBJECT, model="a" * 64)}, NINE, "is for another model (aaaaaaaaaaaa, proposed is 1111"),
        ({"subject": replace(SUBJECT, features=None)}, NINE, "is for another features (none, proposed is 7777"),
        (
            {"subject": replace(SUBJECT, data="a" * 64, card="b" * 64)},
            NINE,
            "another data (aaaaaaaaaaaa, proposed is 222222222222) and another card (bbbbbbbbbbbb",
        ),
        ({"site": "rural"}, NINE, "no change is planned"),
        ({"use_case": "roster"}, NINE, "no change is planned"),
        ({"stage": Stage.ASSISTIVE}, NINE, "no change is planned"),
    ],
)
def test_a_plan_counts_for_exactly_what_it_was_made_for(change: dict[str, Any], now: datetime, says: str) -> None:
    control = asked(replace(PLAN, **change), now=now)
    if not says:
        assert control.reasons == ()
        return
    reason = only(control)
    assert reason.clause == "planned-change" and says in reason.figure
    assert "announced 48 hours before" in reason.threshold
    assert reason.to_meet.startswith("Plan it: pilothouse change plan triage --site city --stage decision_support")
    assert control.change is None


def test_a_digest_that_the_proposal_has_no_longer_voids_a_plan_too() -> None:
    older = replace(SUBJECT, features=None)
    reason = only(change_control(POLICY, read_calendar(), [PLAN], older, PLACE, NINE))
    assert "is for another features (777777777777, proposed is none)" in reason.figure


@pytest.mark.parametrize(
    ("of_plan", "of_step", "says"),
    [
        (True, True, ""),
        (True, False, "change-1 is for a challenger"),
        (False, True, "change-1 is not for a challenger"),
    ],
)
def test_a_plan_of_a_challenger_counts_for_a_challenger_alone(of_plan: bool, of_step: bool, says: str) -> None:
    plan = replace(PLAN, is_challenger=of_plan)
    control = change_control(POLICY, read_calendar(), [plan], SUBJECT, PLACE, NINE, is_challenger=of_step)
    assert control.change == (None if says else "change-1")
    assert [one.figure for one in control.reasons] == ([f"no planned change counts: {says}"] if says else [])
    assert [("--challenger" in one.to_meet) for one in control.reasons] == ([of_step] if says else [])


def test_one_good_plan_among_bad_ones_is_enough() -> None:
    others = [replace(PLAN, change=f"change-{n}", cancelled_at=NINE - HOUR) for n in (2, 3)]
    assert asked(*others, PLAN).change == "change-1"
    every = asked(*[replace(PLAN, change=f"change-{n}", seq=n, cancelled_at=NINE) for n in range(8)])
    assert "change-7 was cancelled" in only(every).figure and "3 more" in only(every).figure


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.ASSISTIVE])
def test_where_the_policy_asks_for_no_plan_one_still_counts_however_late_it_came(stage: Stage) -> None:
    place = replace(PLACE, stage=stage)
    assert asked(place=place, now=NINE + 12 * HOUR).reasons == ()
    late = replace(PLAN, stage=stage, planned_at=NINE)
    assert asked(late, place=place).change == "change-1" and asked(late, place=place, now=NINE + HOUR).change is None


def test_a_policy_without_change_control_asks_for_no_plan() -> None:
    assert asked(policy=POLICY.model_copy(update={"change_control": None})).reasons == ()


@pytest.mark.parametrize(
    ("now", "clause"),
    [
        (datetime(2026, 12, 17, 19, 59, 59, tzinfo=UTC), None),
        (datetime(2026, 12, 17, 20, tzinfo=UTC), "change-window"),
        (datetime(2026, 12, 18, 4, 59, 59, tzinfo=UTC), "change-window"),
        (datetime(2026, 12, 18, 5, tzinfo=UTC), "change-freeze"),
        (datetime(2027, 1, 5, 4, 59, 59, tzinfo=UTC), "change-freeze"),
        (datetime(2027, 1, 5, 12, 59, 59, tzinfo=UTC), "change-window"),
        (datetime(2027, 1, 5, 13, tzinfo=UTC), None),
        (datetime(2026, 12, 4, 15, tzinfo=UTC), "change-window"),
    ],
)
def test_nothing_goes_up_in_a_freeze_or_outside_a_window(now: datetime, clause: str | None) -> None:
    plan = replace(PLAN, span=Span(now, now + HOUR), planned_at=now - 90 * HOUR)
    found = {one.clause for one in asked(plan, now=now).reasons}
    assert (clause in found) if clause else not found


def test_a_freeze_and_a_window_say_what_was_found_wanted_and_when_it_opens() -> None:
    plan = replace(PLAN, span=Span(NINE, NINE + 1000 * HOUR))
    freeze, window = asked(plan, now=datetime(2026, 12, 24, 1, tzinfo=UTC)).reasons
    assert freeze.figure == (
        "2026-12-23 20:00 EST lies in Turn of the year (turn-of-the-year), which ends 2027-01-05 00:00 EST"
    )
    assert freeze.threshold == "a time outside turn-of-the-year, kept by change_manager"
    assert freeze.to_meet == "Open from 2027-01-05 08:00 EST. In an emergency: pilothouse break-glass"
    assert window.figure == "2026-12-23 20:00 EST (Wednesday) is in no change window"
    assert window.threshold == "Mon, Tue, Wed, Thu 08:00–15:00 (working-days)"
    kept: Any = asked(plan, now=datetime(2026, 12, 24, 1, tzinfo=UTC)).on_record()["change_control"]
    assert kept["past"] == [freeze.figure, window.figure]


def test_a_calendar_that_cannot_be_read_holds_up() -> None:
    reason = only(calendar_unreadable("calendar.yaml: is not YAML."))
    assert (reason.clause, reason.figure) == (
        "calendar-readable",
        "the calendar cannot be read: calendar.yaml: is not YAML",
    )


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(GateError, match="no time zone"):
        asked(now=NINE.replace(tzinfo=None))

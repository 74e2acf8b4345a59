"""Refusals of a planned change: of a window that could never be kept, and of one that does not stand any more."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from orchestration.steps.record.records import now
from orchestration.steps.releases.planning_changes import cancel_change, plan_change
from tests.unit.orchestration.steps.governed import Governed

from .rows import BESIDE, SHOWN, refuses

Do = Callable[[], object]
HOUR = timedelta(hours=1)


def plan(one: Governed, stage: str, start: float, until: float, *, challenger: bool = False) -> Do:
    """A plan from so many hours from now on, until so many."""
    at = now()
    times = ((at + start * HOUR).isoformat(), (at + until * HOUR).isoformat(), "a test")
    return lambda: plan_change(one.settings, "triage", "city", stage, *times, one.signs("ada"), challenger=challenger)


@refuses(
    "planning_changes._why_not_off",
    "planning_changes.plan_change",
    clause="change-plan.stage",
    words=("a challenger to off", "shadow, or a stage above it", "pilothouse rollback triage --site city --challenger"),
    begins=BESIDE,
)
def a_plan_that_a_challenger_goes(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return plan(one, "off", 1, 2, challenger=True)


@refuses(
    "planning_changes._why_no_window/1",
    "planning_changes.plan_change",
    clause="change-plan.window",
    words=("from ", "an end after the start", "Give --until a later time than --from"),
    begins=SHOWN,
)
def a_plan_that_ends_before_it_begins(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return plan(one, "assistive", 3, 2)


@refuses(
    "planning_changes._why_no_window/2",
    "planning_changes.plan_change",
    clause="change-plan.window",
    words=("it ended ", "a window that is still to come", "Plan what is ahead"),
    begins=SHOWN,
)
def a_plan_for_yesterday(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return plan(one, "assistive", -3, -2)


@refuses(
    "planning_changes._why_closed",
    "planning_changes.plan_change",
    clause="change-plan.closed",
    words=("is closed: in no change window", "a window in which some time is open", "or later"),
    begins=SHOWN,
)
def a_plan_for_a_night(one: Governed, _: pytest.MonkeyPatch) -> Do:
    words = ("2027-03-02T23:00-05:00", "2027-03-03T04:00-05:00", "a test")
    return lambda: plan_change(one.settings, "triage", "city", "decision_support", *words, one.signs("ada"))


@refuses(
    "planning_changes.cancel_change",
    clause="planned-change",
    words=("change-1 is not on the ledger", "a change that is still planned", "Planned: none"),
    begins=SHOWN,
)
def a_plan_that_nobody_made(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: cancel_change(one.settings, "change-1", "a test", one.signs("ada"))

"""Refusals of the gate itself: of decisions, approvals, the calendar, a broken glass, and what has no answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evaluation.calendar import Place, read_calendar
from evaluation.gates import (
    Decision,
    GlassAsked,
    Order,
    Stands,
    answer,
    calendar_unreadable,
    change_control,
    may_step_down,
    may_step_up,
    why_not_broken,
)
from evaluation.ledger import GlassTime, public_hex
from evaluation.policies import Stage
from tests.unit.evaluation.gates.conftest import NOW, POLICY, SUBJECT, Room

from .rows import fails, refuses

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NAIVE = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - that is what is refused
NEW_YORK = ZoneInfo("America/New_York")
PLACE = Place("triage", "city", Stage.DECISION_SUPPORT, NEW_YORK)
TUESDAY = datetime(2026, 12, 1, 14, tzinfo=UTC)
AGAIN = ("exactly this release", "Decide again")


@refuses("authorise._decision_refusal", clause="decision", words=("about another release", *AGAIN))
def a_decision_about_another_release(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    decision = room.case.decide()
    room.case.subject = replace(SUBJECT, model="9" * 64)
    return lambda: room.ask(decision=decision)


@refuses(
    "authorise._decision_refusal",
    clause="decision",
    words=("leaves clauses of the policy open", "every clause answered", "Decide again"),
)
def a_decision_that_leaves_clauses_open(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    decision = room.case.decide()
    return lambda: room.ask(decision=replace(decision, results=decision.results[:2]))


@refuses(
    "authorise._decision_refusal",
    clause="decision",
    words=("40.0 days ago", f"at most {POLICY.decision_valid_days:g} days ago", "Decide again"),
)
def a_decision_that_is_old(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    decision = room.case.decide()
    return lambda: room.ask(decision=decision, now=NOW + 40 * DAY)


@refuses(
    "authorise._author_reasons", clause="author-is-named", words=("author is ''", "the id of a person", "by their id")
)
def an_author_whom_nobody_named(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: room.ask(author="")


@refuses(
    "authorise._too_few_people",
    clause="approvals-by-different-people",
    words=("all approvals are by cara.both", "model and workflow by different people", "Let another person"),
)
def one_person_in_two_roles(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    room.register("cara.both", "clinical_safety_lead", "nursing_lead")
    room.say("cara.both", "clinical_safety_lead", "model")
    room.say("cara.both", "nursing_lead", "workflow")
    return room.ask


@refuses(
    "decision.refusal",
    clause="policy-is-the-one-reviewed",
    words=("the release names another policy than the one in force", "the policy named", "Build the release again"),
)
def a_release_of_another_policy(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    room.case.subject = replace(SUBJECT, policy="9" * 64)
    return lambda: room.ask(decision=room.case.decide())


@fails("authorise.authorise", error="GateError", words=("no time zone", "timezone-aware"))
def the_gate_asked_at_no_known_moment(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: room.ask(decision=room.case.decide(), now=NAIVE)


@fails("decide.decide/2", error="GateError", words=("no time zone", "timezone-aware"))
def a_decision_asked_at_no_known_moment(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: room.case.decide(now=NAIVE)


@fails("change_control.change_control", error="GateError", words=("no time zone", "timezone-aware"))
def the_calendar_asked_at_no_known_moment(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: change_control(POLICY, read_calendar(), (), SUBJECT, PLACE, NAIVE)


@refuses(
    "change_control.unreadable",
    clause="calendar-readable",
    words=("cannot be read: it is torn", "a calendar", "calendar.yaml in the home"),
)
def a_calendar_that_nobody_can_read(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: calendar_unreadable("it is torn.")


@refuses(
    "change_control._unplanned",
    clause="planned-change",
    words=("no change is planned", "announced 48 hours before", "pilothouse change plan triage --site city"),
)
def a_step_that_nobody_planned(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: change_control(POLICY, read_calendar(), (), SUBJECT, PLACE, TUESDAY)


@refuses(
    "change_control._outside",
    clause="change-window",
    words=("(Saturday) is in no change window", "working-days", "Open from"),
)
def a_step_at_the_weekend(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: change_control(POLICY, read_calendar(), (), SUBJECT, PLACE, TUESDAY - 3 * DAY)


@refuses(
    "change_control._frozen",
    clause="change-freeze",
    words=("lies in Turn of the year", "outside turn-of-the-year, kept by change_manager", "pilothouse break-glass"),
)
def a_step_at_the_turn_of_the_year(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: change_control(POLICY, read_calendar(), (), SUBJECT, PLACE, TUESDAY + 21 * DAY)


@fails("decision.from_json/1", error="DecisionError", words=("is not a decision of pilothouse.decision/1",))
def a_document_that_is_no_decision(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: Decision.from_json({"schema": "another"})


@fails("decision.from_json/2", error="DecisionError", words=("is not a decision of pilothouse.decision/1", "stage"))
def a_decision_without_its_members(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: Decision.from_json({**room.case.decide().to_json(), "stage": "flying"})


@fails("decision.from_json/3", error="DecisionError", words=("changed after it was made", "decide again"))
def a_decision_that_was_changed(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: Decision.from_json({**room.case.decide().to_json(), "site": "rural"})


@fails(
    "transitions.answer", error="StageError", words=("no order leads to decision_support over shadow", "switch it off")
)
def a_state_that_no_order_leads_to(_: Room, __: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: answer(Order.PROMOTE, Stands(Stage.DECISION_SUPPORT, Stage.SHADOW), Stage.OFF)


@refuses(
    "glass._week",
    clause="break-glass.hours-in-7-days",
    words=("30 hours in the 7 days", "at most 36 in any 7 days", "Ask for at most 6 hours"),
)
def a_glass_after_many_others(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    stood = tuple(GlassTime(NOW - n * DAY, NOW - n * DAY + 10 * HOUR) for n in (1, 2, 3))
    key, reason = public_hex(room.key("anna.berg")), "A surge: forty are waiting in the corridor."
    asked = GlassAsked("anna.berg", key, reason, 8, Stage.SHADOW, Stage.ASSISTIVE, "mia.author", stood)
    return lambda: why_not_broken(POLICY, room.people, asked, NOW)


@refuses(
    "rights._refusal",
    clause="who-may-step-down",
    words=("zoe is not registered with a valid key", "one of operator", "Let somebody in one of these roles"),
)
def a_stranger_who_steps_down(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: may_step_down(POLICY, room.people, "zoe", NOW)


@refuses(
    "rights.why_not_proven/2",
    clause="who-may-step-up",
    words=("the key is not the one that anna.berg registered", "the signature of one of", "the person's own key"),
)
def somebody_with_the_key_of_another(room: Room, _: pytest.MonkeyPatch) -> Callable[[], object]:
    return lambda: may_step_up(POLICY, room.people, "anna.berg", NOW, public_key=public_hex(room.key("ben.stone")))

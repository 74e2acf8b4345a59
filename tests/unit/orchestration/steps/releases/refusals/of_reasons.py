"""Why something does not count at the gate: an approval, a planned change, a piece of evidence, a figure.

Each reason is told in the figure of the refusal that it leads to.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from evaluation.calendar import Planned, Span, read_calendar
from evaluation.evidence import Figure
from evaluation.gates import change_control
from evaluation.ledger import Certificate
from evaluation.policies import Stage
from tests.unit.evaluation.gates.conftest import NOW, POLICY, SUBJECT, Case, Room

from .of_gates import DAY, HOUR, PLACE, TUESDAY
from .rows import refuses

Do = Callable[[], object]
Spoil = Callable[[Case], object]
LEAD, NURSE = "clinical_safety_lead", "nursing_lead"
USE = "Order the queue of people who wait."


def _row(site: str, name: str, clause: str, words: tuple[str, str, str], bring: Callable[[Room], Do]) -> None:
    def brought(room: Room, _: pytest.MonkeyPatch) -> Do:
        return bring(room)

    brought.__name__ = name
    refuses(site, clause=clause, words=words)(brought)


# an approval


def _approval(site: str, name: str, says: str, sign: Callable[[Room], object], kind: str = "model", **ask: Any) -> None:
    def bring(room: Room) -> Do:
        sign(room)
        decision = room.case.decide()
        return lambda: room.ask(decision=decision, **ask)

    words = (f"no valid {kind} approval: {says}", f"one {kind} approval by", "approve exactly this release")
    _row(f"sworn.{site}", name, f"approval.{kind}", words, bring)


def _voided(room: Room) -> None:
    room.model_approval()
    room.revoke("anna.berg", NOW - HOUR, void_since=NOW - DAY)


_approval(
    "why_not_bound/1",
    "an_approval_of_another_site",
    "that of anna.berg is for site rural",
    lambda room: room.model_approval(site="rural"),
)
_approval(
    "why_not_bound/2",
    "an_approval_of_another_model",
    "that of anna.berg names another model digest",
    lambda room: room.model_approval(subject=replace(SUBJECT, model="9" * 64)),
)
_approval(
    "why_not_genuine/1",
    "an_approval_in_a_role_that_may_not",
    "that of ben.stone was given as nursing_lead, who may not decide this",
    lambda room: room.say("ben.stone", NURSE, "model"),
)
_approval(
    "why_not_genuine/2",
    "an_approval_of_nobody_known",
    "that of dora.new is by somebody who was not registered",
    lambda room: room.say("dora.new", LEAD, "model"),
)
_approval(
    "why_not_genuine/3",
    "an_approval_in_a_role_not_held",
    "that of ben.stone is by somebody who does not hold the role",
    lambda room: room.say("ben.stone", LEAD, "model"),
)
_approval(
    "why_not_genuine/4",
    "an_approval_signed_by_another",
    "that of anna.berg is not signed with the registered key",
    lambda room: room.model_approval(key="ben.stone"),
)
_approval(
    "why_not_usable/1",
    "an_approval_of_ones_own_work",
    "that of anna.berg is by the author, and nobody approves their own work",
    lambda room: room.model_approval(),
    author="anna.berg",
)
_approval(
    "why_not_usable/2",
    "an_approval_that_a_revocation_voids",
    "that of anna.berg was signed with a key that was revoked, and is void with it",
    _voided,
)
_approval(
    "why_not_usable/3",
    "an_approval_of_before_a_rollback",
    "that of anna.berg was given before the last rollback there",
    lambda room: room.model_approval(),
    rolled_back=(99, NOW),
)
_approval(
    "why_not_usable/4",
    "an_approval_that_is_old",
    f"that of anna.berg is 400.5 days old, at most {POLICY.approvals.valid_days:g} count",
    lambda room: room.model_approval(),
    now=NOW + 400 * DAY,
)
_approval(
    "why_not_usable/5",
    "an_approval_of_after_now",
    "that of anna.berg is dated after now",
    lambda room: room.model_approval(decided_on=NOW + HOUR),
)


def _certificate(site: str, name: str, says: str, certificate: Certificate | None) -> None:
    def sign(room: Room) -> None:
        room.case.stage = Stage.DECISION_SUPPORT
        room.register("rita.lead", "regulatory_affairs_lead")
        room.say("rita.lead", "regulatory_affairs_lead", "regulatory", certificate=certificate)

    where = {"current": Stage.ASSISTIVE, "region": "US", "intended_use": USE}
    _approval(f"why_not_certified/{site}", name, f"that of rita.lead {says}", sign, "regulatory", **where)


RESTS = "rests on certificate K 1, which"
_certificate("1", "a_regulatory_approval_of_no_certificate", "carries no certificate", None)
_certificate(
    "2",
    "a_certificate_of_another_region",
    f"{RESTS} is for EU and not for US",
    Certificate("K 1", "EU", USE, date(2027, 1, 1)),
)
_certificate(
    "3",
    "a_certificate_of_another_use",
    f"{RESTS} is for another intended use",
    Certificate("K 1", "US", "Other.", date(2027, 1, 1)),
)
_certificate(
    "4",
    "a_certificate_that_expired",
    f"{RESTS} expired on 2026-11-21",
    Certificate("K 1", "US", USE, date(2026, 11, 21)),
)


# a planned change


PLAN = Planned(
    change="change-1",
    use_case="triage",
    site="city",
    stage=Stage.DECISION_SUPPORT,
    span=Span(TUESDAY, TUESDAY + HOUR),
    reason="go live",
    subject=SUBJECT,
    planned_at=TUESDAY - 48 * HOUR,
    by="ada",
    proof="signature",
    seq=9,
)


def _plan(site: str, name: str, says: str, plan: Planned, now: datetime = TUESDAY) -> None:
    words = (f"no planned change counts: change-1 {says}", "of exactly this release, open now", "change plan triage")
    calendar = read_calendar()
    _row(
        f"change_control.{site}",
        name,
        "planned-change",
        words,
        lambda _: lambda: change_control(POLICY, calendar, (plan,), SUBJECT, PLACE, now),
    )


_plan("_why_not_of_kind", "a_plan_of_a_challenger", "is for a challenger", replace(PLAN, is_challenger=True))
_plan("_why_not/1", "a_plan_that_was_done", "was done by ledger entry 12", replace(PLAN, done_by=12))
_plan("_why_not/2", "a_plan_that_was_cancelled", "was cancelled", replace(PLAN, cancelled_at=TUESDAY - HOUR))
_plan(
    "_why_not/3",
    "a_plan_of_another_model",
    f"is for another model ({'9' * 12}, proposed is {'1' * 12})",
    replace(PLAN, subject=replace(SUBJECT, model="9" * 64)),
)
_plan("_why_not/4", "a_plan_that_was_missed", "was missed: its window ended ", PLAN, TUESDAY + HOUR)
_plan("_why_not/5", "a_plan_that_is_to_come", "begins ", PLAN, TUESDAY - HOUR)
_plan(
    "_why_not/6",
    "a_plan_of_too_short_a_notice",
    "was announced 47.0 hours before its window",
    replace(PLAN, planned_at=TUESDAY - 47 * HOUR),
)


# evidence and figures


DISCRIMINATES, BEATS = "critical-care-discrimination", "critical-care-beats-current-practice"
PRACTICE = "critical_care.auroc.current_practice"


def _evidence(
    site: str,
    name: str,
    says: str,
    spoil: Callable[[Case], object],
    clause: str = DISCRIMINATES,
    wanted: str = ">= 0.75",
) -> None:
    def bring(room: Room) -> Do:
        spoil(room.case)
        return room.case.decide

    _row(site, name, clause, (says, wanted, "mprove the model"), bring)


def _changed(**changes: object) -> Spoil:
    return lambda case: case.changes.update(performance=changes)


def _put(**changes: object) -> Spoil:
    return lambda case: case.put("performance", "critical_care.auroc", **changes)


def _contradict(case: Case) -> None:
    case.extra.append(case.document("performance", figures={"critical_care.auroc": Figure(0.9)}))


LEFT = "no performance evidence for this release (there is some "
_evidence("judge._too_few", "a_figure_of_too_few", "rests on 49 events, at least 50 count", _put(n_events=49))
_evidence("judge._why_unknown", "a_figure_without_a_bound", "it has no lower confidence bound", _put(lower=None))
_evidence("judge._why_not/2", "a_figure_below_its_threshold", "(lower bound) = 0.5: is not >= 0.75", _put(lower=0.5))
_evidence(
    "judge._why_not/1",
    "a_figure_with_nothing_to_compare",
    f"there is no {PRACTICE} to compare it with",
    lambda case: case.figures["performance"].pop(PRACTICE),
    BEATS,
    f"> {PRACTICE}",
)
_evidence("selection.why_missing/1", "evidence_that_contradicts_itself", "contradict each other", _contradict)
_evidence("selection.why_missing/2", "evidence_that_is_not_there", LEFT, _changed(site="rural"))
_evidence("selection._why_not/1", "evidence_of_another_use", f"{LEFT}for another use case", _changed(use_case="roster"))
_evidence("selection._why_not/2", "evidence_of_another_site", f"{LEFT}for another site", _changed(site="rural"))
_evidence(
    "selection._why_not/3", "evidence_of_another_model", f"{LEFT}about another model", _changed(subject_model="9" * 64)
)
_evidence("selection._why_not/4", "evidence_of_other_data", f"{LEFT}about other data", _changed(subject_data="9" * 64))
_evidence(
    "selection._why_not/5",
    "evidence_of_after_the_decision",
    f"{LEFT}dated after the decision",
    _changed(created_at=NOW + timedelta(seconds=1)),
)

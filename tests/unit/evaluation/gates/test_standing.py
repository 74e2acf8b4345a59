"""Until when approvals stand under a release: cadence, certificates, quorum, and what the promotion judged."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from evaluation.evidence import Subject
from evaluation.gates import Court, Release, lower_stage, standing
from evaluation.ledger import Certificate
from evaluation.policies import Stage, parse_policy
from evaluation.policies.load import FOLDER
from tests.unit.evaluation.gates.conftest import NOW, Room

SUPPORT = Stage.DECISION_SUPPORT
CADENCE = timedelta(days=182)


def court(room: Room, stage: Stage = SUPPORT, **changes: Any) -> Court:
    release = Release("triage", "city", stage, room.case.subject, "US", "Triage.")
    return Court(room.case.policy, room.people, release, "mia.author", changes.pop("now", NOW))


def ends(room: Room, counted: dict[str, int], promoted: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    return {one.kind: one.until for one in standing(court(room, **changes), counted, room.said(), promoted)}


@pytest.fixture
def given(room: Room) -> Room:
    room.case.stage = SUPPORT
    room.model_approval(decided_on=NOW)
    return room


def test_it_stands_for_the_cadence_of_the_policy(given: Room) -> None:
    [one] = standing(court(given), {"model": 1}, given.said(), ())
    assert (one.until, one.people, one.is_over(NOW + CADENCE)) == (NOW + CADENCE, ("anna.berg",), True)
    assert not one.is_over(NOW + CADENCE - timedelta(microseconds=1))
    assert one.is_due(NOW + CADENCE - timedelta(days=14), timedelta(days=14))
    assert not one.is_due(NOW, timedelta(days=14))


def test_the_latest_of_a_person_counts(given: Room) -> None:
    given.model_approval(decided_on=NOW + timedelta(days=30))
    given.model_approval(decided_on=NOW + timedelta(days=1))
    assert ends(given, {"model": 1}) == {"model": NOW + timedelta(days=30) + CADENCE}


def test_a_quorum_stands_as_long_as_its_earliest(given: Room) -> None:
    assert ends(given, {"model": 2}) == {"model": None}
    given.register("cora.chief", "chief_medical_information_officer")
    later = NOW + timedelta(days=9)
    given.say("cora.chief", "chief_medical_information_officer", "model", decided_on=later)
    assert ends(given, {"model": 2}) == {"model": NOW + CADENCE}
    assert ends(given, {"model": 1}) == {"model": later + CADENCE}


@pytest.mark.parametrize(("last", "days"), [(10, 11), (900, 365)])
def test_a_certificate_ends_it_where_that_comes_first(given: Room, last: int, days: int) -> None:
    certificate = Certificate("K-1", "US", "Triage.", (NOW + timedelta(days=last)).date())
    given.register("rita.reg", "regulatory_affairs_lead")
    given.say("rita.reg", "regulatory_affairs_lead", "regulatory", decided_on=NOW, certificate=certificate)
    day = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
    expected = day + timedelta(days=days) if last == 10 else NOW + timedelta(days=days)
    assert ends(given, {"regulatory": 1}) == {"regulatory": expected}


def test_a_certificate_or_a_cadence_beyond_the_calendar_ends_with_it(room: Room) -> None:
    far = datetime(9999, 12, 30, tzinfo=UTC)
    room.case.stage = SUPPORT
    room.register("rita.reg", "regulatory_affairs_lead")
    endless = Certificate("K-1", "US", "Triage.", date.max)
    room.say("rita.reg", "regulatory_affairs_lead", "regulatory", decided_on=far, certificate=endless)
    [one] = standing(court(room, now=far), {"regulatory": 1}, room.said(), ())
    assert one.until == datetime.max.replace(tzinfo=UTC) and not one.is_over(far)
    assert one.is_due(far, timedelta(days=36500))


@pytest.mark.parametrize("changes", [{"region": "EU"}, {"intended_use": "Something else."}, {"expires_on": 1}, None])
def test_a_certificate_that_does_not_cover_it_holds_nothing_up(given: Room, changes: dict[str, Any] | None) -> None:
    members: dict[str, Any] = {"number": "K-1", "region": "US", "intended_use": "Triage.", "expires_on": NOW.date()}
    if changes and "expires_on" in changes:
        changes = {"expires_on": NOW.date() - timedelta(days=1)}
    certificate = None if changes is None else Certificate(**{**members, **changes})
    given.register("rita.reg", "regulatory_affairs_lead")
    given.say("rita.reg", "regulatory_affairs_lead", "regulatory", decided_on=NOW, certificate=certificate)
    assert ends(given, {"regulatory": 1}) == {"regulatory": None}


def test_what_the_promotion_rests_on_stands_though_the_policy_names_other_roles_now(given: Room) -> None:
    [promoted] = [one.ledger_hash for one in given.said()]
    text = (FOLDER / "triage.yaml").read_text("utf-8").replace("roles: [clinical_safety_lead, chief", "roles: [chief")
    given.case.policy = parse_policy(text, "x")
    assert ends(given, {"model": 1}, (promoted,)) == {"model": NOW + CADENCE}
    assert ends(given, {"model": 1}) == {"model": None}


def test_nobody_renews_their_own_work(given: Room) -> None:
    given.register("mia.author", "clinical_safety_lead")
    given.say("mia.author", "clinical_safety_lead", "model", decided_on=NOW + timedelta(days=60))
    assert ends(given, {"model": 1}) == {"model": NOW + CADENCE}


def test_another_subject_holds_nothing_up(room: Room) -> None:
    room.case.stage = SUPPORT
    other = Subject(**{**room.case.subject.to_json(), "data": "9" * 64})
    room.model_approval(subject=other)
    room.model_approval(subject=other, verdict="refuse")
    [one] = standing(court(room), {"model": 1}, room.said(), ())
    assert one.until is None and one.why == "that of anna.berg names another data digest"


@pytest.mark.parametrize("counted", [{"model": 1}, {"workflow": 1}], ids=["a kind that it rests on", "another kind"])
def test_a_refusal_of_what_is_served_ends_it_until_they_approve_it(given: Room, counted: dict[str, int]) -> None:
    given.workflow_approval(decided_on=NOW)
    promoted = tuple(one.ledger_hash for one in given.said())
    given.register("cora.chief", "chief_medical_information_officer")
    chief = ("cora.chief", "chief_medical_information_officer", "model")
    given.say(*chief, verdict="refuse", decided_on=NOW)
    over = [one for one in standing(court(given), counted, given.said(), promoted) if one.is_over(NOW)]
    assert [(one.kind, one.until, one.why) for one in over] == [("model", None, "cora.chief refused it on 2026-11-22")]
    given.say(*chief, decided_on=NOW + timedelta(seconds=1))
    assert not any(one.is_over(NOW) for one in standing(court(given), counted, given.said(), promoted))


def test_a_refusal_by_who_may_not_take_the_kind_or_for_another_stage_ends_nothing(given: Room) -> None:
    given.say("ben.stone", "nursing_lead", "model", verdict="refuse", decided_on=NOW)
    given.model_approval(verdict="refuse", stage=Stage.SHADOW, decided_on=NOW)
    assert ends(given, {"model": 1}) == {"model": NOW + CADENCE}


def test_who_refused_a_stage_holds_up_none_below_with_what_they_approved_for_it(room: Room) -> None:
    room.case.stage = Stage.ASSISTIVE
    room.model_approval()
    room.workflow_approval()
    counted = {"model": 1, "workflow": 1}
    assert lower_stage(court(room, Stage.ASSISTIVE), counted, room.said(), ()) is Stage.SHADOW
    room.model_approval(verdict="refuse")
    assert lower_stage(court(room, Stage.ASSISTIVE), counted, room.said(), ()) is Stage.OFF
    room.case.stage = Stage.SHADOW
    room.model_approval()
    assert lower_stage(court(room, Stage.ASSISTIVE), counted, room.said(), ()) is Stage.SHADOW


def test_it_goes_down_to_the_highest_stage_whose_approvals_stand(room: Room) -> None:
    counted = {"model": 1, "workflow": 1, "safety": 1}
    assert lower_stage(court(room), counted, room.said(), ()) is Stage.OFF
    for stage in (Stage.SHADOW, Stage.ASSISTIVE):
        room.case.stage = stage
        room.model_approval()
        room.workflow_approval()
        assert lower_stage(court(room), counted, room.said(), ()) is stage
    assert lower_stage(court(room, Stage.SHADOW), counted, room.said(), ()) is Stage.OFF
    assert lower_stage(court(room), {"safety": 1}, room.said(), ()) is Stage.OFF


@pytest.fixture
def ended(given: Room) -> Room:
    """Both approvals of a promotion, and somebody who holds both roles."""
    given.workflow_approval(decided_on=NOW)
    given.register("dora.both", "clinical_safety_lead", "nursing_lead")
    return given


BOTH = {"model": 1, "workflow": 1}
LATER = NOW + timedelta(days=100)


def over(room: Room, at: datetime, counted: dict[str, int]) -> dict[str, str]:
    return {one.kind: one.why for one in standing(court(room, now=at), counted, room.said(), ()) if one.is_over(at)}


def test_nobody_renews_two_kinds(ended: Room) -> None:
    ended.say("dora.both", "clinical_safety_lead", "model", decided_on=LATER)
    ended.say("dora.both", "nursing_lead", "workflow", decided_on=LATER)
    assert over(ended, NOW + CADENCE - timedelta(seconds=1), BOTH) == {}
    told = over(ended, NOW + CADENCE, BOTH)
    assert set(told) == {"workflow"} and "another person in another role for each kind" in told["workflow"]
    ended.workflow_approval(decided_on=LATER)
    assert over(ended, NOW + CADENCE, BOTH) == {}


def test_no_role_renews_two_kinds(ended: Room) -> None:
    text = (FOLDER / "triage.yaml").read_text("utf-8").replace("roles: [nursing_lead", "roles: [clinical_safety_lead")
    ended.case.policy = parse_policy(text, "x")
    ended.register("cora.lead", "clinical_safety_lead")
    ended.say("cora.lead", "clinical_safety_lead", "workflow", decided_on=LATER)
    ended.say("dora.both", "clinical_safety_lead", "model", decided_on=LATER)
    assert set(over(ended, NOW + CADENCE, BOTH)) == {"workflow"}
    assert over(ended, NOW + CADENCE, {"workflow": 1}) == {}


def test_no_stage_below_rests_on_one_person(ended: Room) -> None:
    for kind, role in (("model", "clinical_safety_lead"), ("workflow", "nursing_lead")):
        ended.say("dora.both", role, kind, stage=Stage.SHADOW, decided_on=LATER)
    at = court(ended, now=NOW + CADENCE)
    assert lower_stage(at, BOTH, ended.said(), ()) is Stage.OFF
    ended.workflow_approval(stage=Stage.SHADOW, decided_on=LATER)
    assert lower_stage(at, BOTH, ended.said(), ()) is Stage.SHADOW

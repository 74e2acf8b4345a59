from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import Subject
from evaluation.gates import GateError, may_step_down, may_step_up, step_reasons
from evaluation.ledger import Certificate, public_hex
from evaluation.ledger.people import registration
from evaluation.policies import Stage, parse_policy
from evaluation.policies.load import FOLDER


@pytest.fixture
def ready(room):
    """A good decision and two good approvals."""
    room.model_approval()
    room.workflow_approval()
    return room


def test_good_decision_and_two_approvals_by_two_people_in_two_roles_permit(ready):
    answer = ready.ask()
    assert answer.reasons == ()
    assert answer.allowed
    kinds = [(each.statement.kind, each.statement.person) for each in answer.approvals]
    assert kinds == [("model", "anna.berg"), ("workflow", "ben.stone")]


def test_decision_support_needs_every_kind_by_another_person(case, room):
    case.stage = Stage.DECISION_SUPPORT
    room.model_approval()
    room.workflow_approval()
    others = [kind for kind in case.policy.approvals_for(case.stage) if kind not in ("model", "workflow")]
    assert set(room.reasons(current=Stage.ASSISTIVE)) == {f"approval.{kind}" for kind in others}
    certificate = Certificate("K-1", "US", "Triage.", case.now.date())
    for kind in others:
        [role] = case.policy.approvals.roles_for(kind)
        room.register(f"{kind}.person", role)
        room.say(f"{kind}.person", role, kind, certificate=certificate if kind == "regulatory" else None)
    answer = room.ask(current=Stage.ASSISTIVE, region="US", intended_use="Triage.")
    assert answer.allowed
    assert len(answer.approvals) == 10


class TestDecision:
    def test_that_refuses_is_passed_on_with_its_reasons(self, case, ready):
        del case.figures["drift"]
        answer = ready.ask()
        assert not answer.allowed
        assert answer.approvals == ()
        assert [reason.clause for reason in answer.reasons] == ["drift-known"]

    @pytest.mark.parametrize("change", [{"site": "village"}, {"use_case": "staffing"}, {"policy": "0" * 64}])
    def test_about_something_else_is_refused(self, case, ready, change):
        reasons = ready.reasons(decision=replace(case.decide(), **change))
        assert reasons == {"decision": "the decision is about another release, site or policy"}

    def test_about_another_subject_is_refused(self, case, ready):
        other = Subject("9" * 64, *list(case.subject.to_json().values())[1:])
        reasons = ready.reasons(decision=replace(case.decide(), subject=other))
        assert set(reasons) == {"decision"}

    def test_for_another_site_than_asked_is_refused(self, ready):
        assert "decision" in ready.reasons(site="village")

    def test_that_leaves_clauses_open_is_refused(self, case, ready):
        decision = case.decide()
        reasons = ready.reasons(decision=replace(decision, results=decision.results[:-1]))
        assert reasons == {"decision": "the decision leaves clauses of the policy open"}

    def test_older_than_seven_days_is_refused(self, case, ready):
        decision = case.decide()
        at_limit = replace(decision, decided_at=case.now - timedelta(days=7))
        assert ready.ask(decision=at_limit).allowed
        too_old = replace(decision, decided_at=case.now - timedelta(days=7, microseconds=1))
        assert ready.reasons(decision=too_old) == {"decision": "the decision was made 7.0 days ago"}

    def test_dated_after_now_is_refused(self, case, ready):
        ahead = replace(case.decide(), decided_at=case.now + timedelta(microseconds=1))
        assert set(ready.reasons(decision=ahead)) == {"decision"}


class TestStep:
    @pytest.mark.parametrize("current", [Stage.OFF, Stage.SHADOW])
    def test_to_shadow_is_allowed_from_below_and_in_the_place_of_another(self, ready, current):
        assert ready.ask(current=current).allowed

    @pytest.mark.parametrize("current", [Stage.ASSISTIVE, Stage.DECISION_SUPPORT])
    def test_to_a_lower_stage_is_no_promotion_and_the_way_down_is_named(self, ready, current):
        (reason,) = ready.ask(current=current).reasons
        assert (reason.clause, reason.figure) == ("one-stage-at-a-time", f"{current} to shadow")
        assert "pilothouse rollback USE_CASE --site SITE --to shadow" in reason.to_meet

    def test_into_the_stage_it_stands_in_is_refused_and_of_anything_changed_allowed(self, case, ready):
        (reason,) = ready.ask(current=Stage.SHADOW, released=case.subject).reasons
        assert (reason.clause, reason.figure) == ("one-stage-at-a-time", "already in shadow")
        for name in case.subject.to_json():
            other = Subject(**{**case.subject.to_json(), name: "9" * 64})
            assert ready.ask(current=Stage.SHADOW, released=other).allowed

    @given(st.sampled_from(list(Stage)), st.sampled_from(list(Stage)), st.booleans())
    def test_every_pair_of_stages_has_a_reason_or_goes_up_by_one_or_replaces(self, current, target, is_same):
        is_up = target.rank == current.rank + 1
        is_replaced = target is current and target is not Stage.OFF and not is_same
        assert bool(step_reasons(current, target, is_same=is_same)) == (not is_up and not is_replaced)

    def test_that_skips_a_stage_is_refused(self, case, room):
        case.stage = Stage.ASSISTIVE
        room.model_approval()
        room.workflow_approval()
        assert room.reasons(current=Stage.OFF) == {"one-stage-at-a-time": "off to assistive"}
        assert room.ask(current=Stage.SHADOW).allowed


class TestMissingApproval:
    def test_of_both_kinds_refuses_both(self, room):
        assert set(room.reasons()) == {"approval.model", "approval.workflow"}

    def test_of_one_kind_refuses_it(self, room):
        room.model_approval()
        answer = room.ask()
        (reason,) = answer.reasons
        assert reason.clause == "approval.workflow"
        assert reason.figure == "no valid workflow approval"
        assert reason.threshold == "one workflow approval by emergency_department_lead or nursing_lead"
        assert "approve exactly this release" in reason.to_meet

    def test_is_not_replaced_by_two_of_the_other_kind(self, room):
        room.register("cora.chief", "chief_medical_information_officer")
        room.model_approval()
        room.say("cora.chief", "chief_medical_information_officer", "model")
        assert set(room.reasons()) == {"approval.workflow"}


class TestBinding:
    @pytest.mark.parametrize("name", Subject.__slots__)
    def test_any_changed_digest_voids_both_approvals(self, case, room, name):
        changed = Subject(**{**case.subject.to_json(), name: "9" * 64})
        room.model_approval(subject=changed)
        room.workflow_approval(subject=changed)
        reasons = room.reasons()
        assert set(reasons) == {"approval.model", "approval.workflow"}
        said = f"names another {name.replace('_', ' ')} digest"
        assert f"that of anna.berg {said}" in reasons["approval.model"] and said in reasons["approval.workflow"]

    def test_an_approval_from_before_intended_use_features_and_scope_were_bound_does_not_count(self, case, room):
        older = {
            name: digest
            for name, digest in case.subject.to_json().items()
            if name not in ("intended_use", "features", "scope")
        }
        room.model_approval(subject=Subject(**older))
        assert "names no intended use and no features and no scope digest" in room.reasons()["approval.model"]

    def test_two_changed_digests_are_both_named(self, case, room):
        changed = Subject(**{**case.subject.to_json(), "model": "9" * 64, "card": "9" * 64})
        room.model_approval(subject=changed)
        assert "names another model and another card digest" in room.reasons()["approval.model"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"stage": Stage.ASSISTIVE}, "is for stage assistive"),
            ({"site": "village"}, "is for site village"),
            ({"use_case": "staffing"}, "is for use case staffing"),
        ],
    )
    def test_approval_for_another_stage_site_or_use_case_does_not_count(self, room, change, words):
        room.model_approval(**change)
        room.workflow_approval()
        reasons = room.reasons()
        assert set(reasons) == {"approval.model"}
        assert words in reasons["approval.model"]


class TestSeparationOfDuties:
    def test_both_approvals_by_one_person_are_refused(self, room):
        room.register("anna.berg", "clinical_safety_lead", "nursing_lead")
        room.model_approval()
        room.say("anna.berg", "nursing_lead", "workflow")
        reasons = room.reasons()
        assert set(reasons) == {"approvals-by-different-people"}
        assert "anna.berg" in reasons["approvals-by-different-people"]

    def test_a_second_person_beside_them_is_enough(self, room):
        room.register("anna.berg", "clinical_safety_lead", "nursing_lead")
        room.model_approval()
        room.say("anna.berg", "nursing_lead", "workflow")
        room.workflow_approval()
        answer = room.ask()
        assert [each.statement.person for each in answer.approvals] == ["anna.berg", "ben.stone"]

    def test_author_does_not_approve_in_either_kind(self, ready):
        for author, kind in (("anna.berg", "model"), ("ben.stone", "workflow")):
            reasons = ready.reasons(author=author)
            assert set(reasons) == {f"approval.{kind}"}
            assert "nobody approves their own work" in reasons[f"approval.{kind}"]

    @pytest.mark.parametrize("author", ["", "Anna.Berg", "anna.berg ", "a"])
    def test_author_has_to_be_named_by_their_id(self, ready, author):
        assert set(ready.reasons(author=author)) == {"author-is-named"}

    def test_one_role_for_both_kinds_is_not_two_roles(self, case, room):
        text = "kind: workflow\n      roles: [nursing_lead, clinical_safety_lead,"
        original = (FOLDER / "triage.yaml").read_text("utf-8")
        case.policy = parse_policy(original.replace("kind: workflow\n      roles: [nursing_lead,", text), "x")
        case.subject = Subject(**{**case.subject.to_json(), "policy": case.policy.digest})
        room.register("cora.chief", "clinical_safety_lead")
        room.model_approval()
        room.say("cora.chief", "clinical_safety_lead", "workflow")
        assert set(room.reasons()) == {"approvals-by-different-people"}
        room.workflow_approval()
        assert room.ask().allowed

    def test_two_names_with_one_key_are_one_person(self, room):
        """The ledger refuses such a registration; the gate does not rely on it."""
        payload = registration("eve.alias", ["nursing_lead"], room.key("anna.berg"))
        room.write("person_registered", "administrator", payload)
        room.model_approval()
        room.say("eve.alias", "nursing_lead", "workflow", key="anna.berg")
        assert set(room.reasons()) == {"approvals-by-different-people"}


class TestGenuine:
    def test_role_that_may_not_decide_this_kind_is_refused(self, room):
        room.register("olga.op", "operator")
        room.model_approval()
        room.say("olga.op", "operator", "workflow")
        assert "was given as operator, who may not decide this" in room.reasons()["approval.workflow"]

    def test_role_the_person_does_not_hold_is_refused(self, room):
        room.register("olga.op", "operator")
        room.model_approval()
        room.say("olga.op", "nursing_lead", "workflow")
        assert "does not hold the role" in room.reasons()["approval.workflow"]

    def test_role_the_person_held_then_still_counts_after_they_moved_on(self, ready):
        ready.register("ben.stone", "operator")
        assert ready.ask().allowed

    def test_role_the_person_got_only_afterwards_does_not_count(self, room):
        room.register("olga.op", "operator")
        room.model_approval()
        room.say("olga.op", "nursing_lead", "workflow")
        room.register("olga.op", "nursing_lead")
        assert set(room.reasons()) == {"approval.workflow"}

    def test_person_who_was_not_registered_is_refused(self, room):
        room.model_approval()
        room.say("nina.new", "nursing_lead", "workflow")
        room.register("nina.new", "nursing_lead")
        assert "not registered" in room.reasons()["approval.workflow"]

    def test_signature_by_another_key_is_refused(self, room):
        room.model_approval()
        room.workflow_approval(key="anna.berg")
        assert "not signed with the registered key" in room.reasons()["approval.workflow"]

    def test_changed_statement_is_refused(self, ready):
        model, workflow = ready.said()
        statement = replace(workflow.statement, note="and for every other stage")
        forged = replace(workflow, signed=replace(workflow.signed, statement=statement))
        reasons = ready.reasons(approvals=[model, forged])
        assert "not signed with the registered key" in reasons["approval.workflow"]

    def test_what_a_key_signed_before_it_was_revoked_stays_valid(self, ready):
        ready.revoke("ben.stone")
        assert ready.ask().allowed

    def test_what_a_key_signed_after_it_was_revoked_is_void(self, room):
        room.model_approval()
        room.revoke("ben.stone")
        room.workflow_approval()
        assert "revoked" in room.reasons()["approval.workflow"]

    def test_a_key_that_somebody_else_may_have_held_voids_what_was_recorded_since(self, ready):
        recorded_at = ready.said()[1].recorded_at
        ready.revoke("ben.stone", void_since=recorded_at + timedelta(microseconds=1))
        assert ready.ask().allowed
        ready.revoke("ben.stone", void_since=recorded_at)
        reasons = ready.reasons()
        assert set(reasons) == {"approval.workflow"}
        assert "revoked" in reasons["approval.workflow"]


class TestTime:
    def test_approval_counts_for_thirty_days(self, case, room):
        room.model_approval()
        room.workflow_approval(decided_on=case.now - timedelta(days=30))
        assert room.ask().allowed

    def test_approval_older_than_that_has_expired(self, case, room):
        room.model_approval()
        room.workflow_approval(decided_on=case.now - timedelta(days=30, microseconds=1))
        assert "30.0 days old, at most 30 count" in room.reasons()["approval.workflow"]

    def test_approval_dated_after_now_does_not_count(self, case, room):
        room.model_approval()
        room.workflow_approval(decided_on=case.now + timedelta(microseconds=1))
        assert "dated after now" in room.reasons()["approval.workflow"]

    def test_clock_without_a_time_zone_is_an_error(self, ready):
        with pytest.raises(GateError, match="time zone"):
            ready.ask(now=datetime(2026, 11, 22))  # noqa: DTZ001


class TestRefusal:
    def test_later_refusal_voids_the_approval_of_the_same_person(self, ready):
        ready.workflow_approval(verdict="refuse")
        reasons = ready.reasons()
        assert reasons == {"approval.workflow": "ben.stone (nursing_lead) refused it"}

    def test_approval_after_ones_own_refusal_counts_again(self, room):
        room.model_approval()
        room.workflow_approval(verdict="refuse")
        assert not room.ask().allowed
        room.workflow_approval()
        assert room.ask().allowed

    def test_refusal_of_a_colleague_stands_whoever_else_approves(self, room):
        room.register("emil.ed", "emergency_department_lead")
        room.model_approval()
        room.say("emil.ed", "emergency_department_lead", "workflow", verdict="refuse")
        room.workflow_approval()
        assert room.reasons() == {"approval.workflow": "emil.ed (emergency_department_lead) refused it"}
        room.say("emil.ed", "emergency_department_lead", "workflow")
        assert room.ask().allowed

    def test_refusal_of_a_kind_the_stage_does_not_need_stands_too(self, ready):
        ready.register("sam.safe", "patient_safety_officer")
        ready.say("sam.safe", "patient_safety_officer", "safety", verdict="refuse")
        assert set(ready.reasons()) == {"approval.safety"}

    def test_refusal_of_the_author_counts(self, ready):
        ready.register("mia.author", "nursing_lead")
        ready.say("mia.author", "nursing_lead", "workflow", verdict="refuse")
        assert set(ready.reasons()) == {"approval.workflow"}

    @pytest.mark.parametrize("change", [{"site": "village"}, {"stage": Stage.ASSISTIVE}])
    def test_refusal_of_something_else_does_not_count(self, ready, change):
        ready.workflow_approval(verdict="refuse", **change)
        assert ready.ask().allowed

    def test_refusal_that_is_not_genuine_does_not_count(self, ready):
        ready.workflow_approval(verdict="refuse", key="anna.berg")
        ready.say("nobody.known", "nursing_lead", "workflow", verdict="refuse")
        assert ready.ask().allowed

    def test_refusal_outlives_the_revocation_of_its_key(self, room):
        room.register("emil.ed", "emergency_department_lead")
        room.model_approval()
        room.say("emil.ed", "emergency_department_lead", "workflow", verdict="refuse")
        room.workflow_approval()
        room.revoke("emil.ed")
        assert set(room.reasons()) == {"approval.workflow"}

    def test_approval_that_was_signed_before_the_refusal_and_brought_in_later_does_not_lift_it(self, case, room):
        early = case.now - timedelta(days=3)
        room.model_approval()
        room.workflow_approval(verdict="refuse", decided_on=early + timedelta(days=1))
        room.workflow_approval(decided_on=early)
        assert set(room.reasons()) == {"approval.workflow"}

    def test_approval_of_the_same_instant_does_not_lift_a_refusal(self, case, room):
        room.model_approval()
        room.workflow_approval(verdict="refuse", decided_on=case.now)
        room.workflow_approval(decided_on=case.now)
        assert set(room.reasons()) == {"approval.workflow"}

    def test_refusal_recorded_after_an_approval_that_is_dated_later_stands(self, case, room):
        room.model_approval()
        room.workflow_approval(decided_on=case.now)
        room.workflow_approval(verdict="refuse", decided_on=case.now - timedelta(minutes=1))
        assert set(room.reasons()) == {"approval.workflow"}

    def test_approval_with_a_revoked_key_does_not_lift_a_refusal(self, room):
        room.register("emil.ed", "emergency_department_lead")
        room.model_approval()
        room.workflow_approval(verdict="refuse")
        room.workflow_approval()
        room.say("emil.ed", "emergency_department_lead", "workflow")
        room.revoke("ben.stone", void_since=room.said()[-2].recorded_at)
        assert set(room.reasons()) == {"approval.workflow"}


class TestRights:
    @pytest.fixture
    def may_go_up(self, case, room):
        """Ask for a person who signs with their own key, or with that of somebody else, or not at all (None)."""

        def ask(person, key):
            public_key = None if key is None else public_hex(room.key(key))
            return may_step_up(case.policy, room.people, person, case.now, public_key=public_key)

        return ask

    def test_operator_may_step_down_and_not_up(self, case, room, may_go_up):
        room.register("olga.op", "operator")
        assert may_step_down(case.policy, room.people, "olga.op", case.now) is None
        refusal = may_go_up("olga.op", "olga.op")
        assert refusal.clause == "who-may-step-up"
        assert refusal.figure == "olga.op holds operator"

    def test_those_who_approve_may_do_both(self, case, room, may_go_up):
        assert may_step_down(case.policy, room.people, "ben.stone", case.now) is None
        assert may_go_up("ben.stone", "ben.stone") is None

    def test_nobody_steps_up_in_the_name_of_somebody_who_may(self, room, may_go_up):
        claimed, forged = may_go_up("ben.stone", None), may_go_up("ben.stone", "anna.berg")
        assert claimed.clause == forged.clause == "who-may-step-up"
        assert claimed.figure == "ben.stone is claimed, not proven" and "--key FILE" in claimed.to_meet
        assert "not the one that ben.stone registered" in forged.figure

    def test_somebody_unknown_or_revoked_may_neither(self, case, room, may_go_up):
        room.revoke("ben.stone")
        for person in ("ben.stone", "nina.new"):
            down = may_step_down(case.policy, room.people, person, case.now)
            for refusal in (down, may_go_up(person, person), may_go_up(person, None)):
                assert "not registered with a valid key" in refusal.figure


class TestRollback:
    def test_takes_back_what_was_decided_or_recorded_before_it(self, case, ready):
        [model, workflow] = ready.said()
        before = case.now - timedelta(days=1)
        assert ready.ask(rolled_back=(model.seq - 1, before)).allowed
        assert set(ready.reasons(rolled_back=(model.seq, before))) == {"approval.model"}
        later = max(model.statement.decided_on, workflow.statement.decided_on)
        reasons = ready.reasons(rolled_back=(model.seq - 1, later))
        assert set(reasons) == {"approval.model", "approval.workflow"}
        assert "that of anna.berg was given before the last rollback" in reasons["approval.model"]

    def test_takes_back_no_refusal_and_revives_none(self, case, room):
        refusal = room.model_approval(verdict="refuse")
        room.workflow_approval()

        def refused() -> list[str]:
            rolled_back = (room.entries[-1].seq, case.now - timedelta(hours=1))
            return [one.figure for one in room.ask(rolled_back=rolled_back).reasons if "refused" in one.figure]

        assert refused() == ["anna.berg (clinical_safety_lead) refused it"]
        room.model_approval(decided_on=refusal.statement.decided_on + timedelta(seconds=1))
        assert refused() == []

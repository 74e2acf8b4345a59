import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.evidence import Subject
from evaluation.ledger import (
    ApprovalError,
    ApprovalStatement,
    PayloadError,
    RefusedEntryError,
    generate_private_key,
    proof_of,
    public_hex,
    record_approval,
    register_person,
    revoke_key,
    rotate_key,
    sign_approval,
    verify_approval,
)
from evaluation.ledger.people import registration, rotation
from evaluation.policies import Stage


def refused(match):
    return pytest.raises(RefusedEntryError, match=match)


class TestRegistration:
    def test_person_is_known_with_roles_from_then_on(self, board):
        board.register("anna.berg", "clinical_safety_lead", "operator")
        later = board.now + timedelta(days=1)
        person = board.ledger.people().at("anna.berg", later)
        assert person.roles == {"clinical_safety_lead", "operator"}
        assert person.public_key == public_hex(board.key("anna.berg"))
        assert board.ledger.people().at("anna.berg", board.now) == person
        assert board.ledger.people().at("anna.berg", board.now - timedelta(microseconds=1)) is None
        assert board.ledger.people().at("ben.stone", later) is None

    def test_registering_again_changes_the_roles_and_keeps_what_was(self, board):
        first = board.register("anna.berg", "operator")
        board.wait(days=1)
        second = board.register("anna.berg", "clinical_safety_lead")
        people = board.ledger.people()
        assert people.current("anna.berg").roles == {"clinical_safety_lead"}
        assert people.at("anna.berg", first.at).roles == {"operator"}
        assert people.before("anna.berg", second.seq).roles == {"operator"}
        assert people.before("anna.berg", first.seq) is None

    def test_person_does_not_register_themselves(self, board):
        with refused("do not register themselves"):
            register_person(board.ledger, "anna.berg", ["operator"], board.key("x"), actor="anna.berg", at=board.now)

    def test_key_of_somebody_else_is_refused(self, board):
        board.register("anna.berg", "operator")
        with refused("belongs to somebody else"):
            register_person(
                board.ledger,
                "ben.stone",
                ["operator"],
                board.key("anna.berg"),
                actor="administrator",
                at=board.now,
            )

    def test_registration_must_be_signed_by_the_key_it_registers(self, board):
        payload = registration("anna.berg", ["operator"], generate_private_key())
        for change in (
            {"public_key": public_hex(generate_private_key())},
            {"roles": ["clinical_safety_lead"]},
            {"person": "ben.stone"},
        ):
            with refused("not signed by the key it registers"):
                board.ledger.append("person_registered", "administrator", {**payload, **change}, at=board.now)

    def test_another_key_needs_the_old_one_revoked_first(self, board):
        board.register("anna.berg", "operator")
        old = board.keys.pop("anna.berg")
        board.keys["anna.berg"] = generate_private_key()
        with refused("revoke it first"):
            board.register("anna.berg", "operator")
        revoke_key(board.ledger, "anna.berg", "laptop stolen", actor="administrator", at=board.now)
        board.register("anna.berg", "operator")
        assert board.ledger.people().current("anna.berg").public_key != public_hex(old)
        assert board.ledger.people().owner_of(public_hex(old)) == "anna.berg"
        assert board.ledger.people().owner_of("0" * 64) is None

    def test_revoked_key_does_not_come_back(self, board):
        board.register("anna.berg", "operator")
        revoke_key(board.ledger, "anna.berg", "laptop stolen", actor="administrator", at=board.now)
        with refused("was revoked"):
            board.register("anna.berg", "operator")

    def test_person_with_a_revoked_key_is_nobody_from_then_on(self, board):
        board.register("anna.berg", "operator")
        board.wait(days=1)
        revoke_key(board.ledger, "anna.berg", "left", actor="administrator", at=board.now)
        people = board.ledger.people()
        assert people.at("anna.berg", board.now) is None
        assert people.at("anna.berg", board.now - timedelta(seconds=1)) is not None

    def test_revocation_voids_what_was_recorded_since_a_time_only_where_one_is_named(self, board):
        board.register("anna.berg", "operator")
        key, start = public_hex(board.key("anna.berg")), board.now
        board.wait(days=2)
        by = {"actor": "administrator", "at": board.now}
        revoke_key(board.ledger, "anna.berg", "left", **by)
        assert not board.ledger.people().is_void(key, 1, start)
        assert board.ledger.people().is_void(key, 3, start)
        revoke_key(board.ledger, "anna.berg", "the laptop was gone since monday", void_since=start, **by)
        assert board.ledger.people().is_void(key, 1, start)
        assert not board.ledger.people().is_void(key, 1, start - timedelta(microseconds=1))
        with refused("revoked already"):
            revoke_key(board.ledger, "anna.berg", "again", void_since=start + timedelta(days=1), **by)
        assert board.ledger.verify().ok

    def test_revocation_cannot_void_the_future(self, board):
        board.register("anna.berg", "operator")
        by = {"actor": "administrator", "at": board.now, "void_since": board.now + timedelta(seconds=1)}
        with refused("begins after the revocation"):
            revoke_key(board.ledger, "anna.berg", "left", **by)

    def test_revoking_for_somebody_unknown_is_refused(self, board):
        with refused("not registered"):
            revoke_key(board.ledger, "anna.berg", "left", actor="administrator", at=board.now)
        payload = {"person": "anna.berg", "public_key": "0" * 64, "reason": "left"}
        with refused("never registered the key"):
            board.ledger.append("key_revoked", "administrator", payload, at=board.now)


class TestRotation:
    @pytest.fixture
    def new(self, board):
        board.register("anna.berg", "clinical_safety_lead")
        return generate_private_key()

    def rotate(self, board, new, person="anna.berg", old=None):
        return rotate_key(board.ledger, person, old or board.key("anna.berg"), new, at=board.now)

    def test_new_key_takes_the_place_of_the_old_with_the_same_roles(self, board, new):
        entry = self.rotate(board, new)
        known = board.ledger.people().current("anna.berg")
        assert (known.public_key, known.roles) == (public_hex(new), frozenset({"clinical_safety_lead"}))
        assert (proof_of(entry), board.ledger.verify().ok) == ("signature", True)

    def test_old_key_signs_nothing_more_and_what_it_signed_stays(self, board, new):
        board.say("anna.berg", "clinical_safety_lead", "model")
        self.rotate(board, new)
        board.wait(hours=1)
        with refused("not signed with the key the person registered"):
            board.say("anna.berg", "clinical_safety_lead", "model")
        board.keys["anna.berg"] = new
        board.say("anna.berg", "clinical_safety_lead", "model")
        assert len(board.ledger.approvals("triage", "city")) == 2

    def test_key_that_was_given_up_does_not_come_back(self, board, new):
        old = board.key("anna.berg")
        self.rotate(board, new)
        with refused("does not come back"):
            self.rotate(board, old, old=new)

    def test_only_the_current_key_can_be_replaced(self, board, new):
        with refused("not one of this person's that still counts"):
            self.rotate(board, new, old=generate_private_key())
        revoke_key(board.ledger, "anna.berg", "stolen", actor="administrator", at=board.now)
        with refused("not one of this person's that still counts"):
            self.rotate(board, new)

    def test_of_somebody_unknown_or_to_the_key_of_another_is_refused(self, board, new):
        with refused("not registered"):
            self.rotate(board, new, person="ben.stone")
        board.register("ben.stone", "operator")
        with refused("belongs to somebody else"):
            self.rotate(board, board.key("ben.stone"))

    @pytest.mark.parametrize(
        ("member", "change", "reason"),
        [
            ("roles", ["operator"], "not signed by the key it registers"),
            ("previous_signature", "0" * 128, "not signed with the key that it replaces"),
            ("proof", "0" * 128, "not signed by the key it registers"),
        ],
    )
    def test_that_was_changed_after_signing_is_refused(self, board, new, member, change, reason):
        known = board.ledger.people().current("anna.berg")
        payload = {**rotation(known, board.key("anna.berg"), new), member: change}
        with refused(reason):
            board.ledger.append("key_rotated", "anna.berg", payload, at=board.now)

    def test_gives_no_roles(self, board, new):
        known = replace(board.ledger.people().current("anna.berg"), roles=frozenset({"operator"}))
        with refused("changes no roles"):
            payload = rotation(known, board.key("anna.berg"), new)
            board.ledger.append("key_rotated", "anna.berg", payload, at=board.now)

    def test_by_somebody_else_is_refused(self, board, new):
        payload = rotation(board.ledger.people().current("anna.berg"), board.key("anna.berg"), new)
        with refused("only somebody who is registered changes their own key"):
            board.ledger.append("key_rotated", "administrator", payload, at=board.now)


class TestApproval:
    @pytest.fixture(autouse=True)
    def people(self, board):
        board.register("anna.berg", "clinical_safety_lead")
        board.register("ben.stone", "nursing_lead")

    def test_is_recorded_with_the_signature_of_the_person(self, board):
        entry = board.say("anna.berg", "clinical_safety_lead", "model", note="looked at the subgroups")
        (approval,) = board.ledger.approvals("triage", "city")
        assert (entry.kind, entry.actor) == ("approval", "anna.berg")
        assert approval.statement.note == "looked at the subgroups"
        assert (approval.seq, approval.ledger_hash, approval.recorded_at) == (3, entry.hash, board.now)
        assert verify_approval(approval.signed, public_hex(board.key("anna.berg")))
        assert not verify_approval(approval.signed, public_hex(board.key("ben.stone")))

    def test_refusal_is_recorded_as_one(self, board):
        entry = board.say("ben.stone", "nursing_lead", "workflow", verdict="refuse")
        assert entry.kind == "refusal"
        assert board.ledger.approvals("triage", "city")[0].statement.verdict == "refuse"

    def test_of_another_site_is_not_given_back(self, board):
        board.say("anna.berg", "clinical_safety_lead", "model")
        assert board.ledger.approvals("triage", "village") == []
        assert board.ledger.approvals("staffing", "city") == []

    def test_by_somebody_unknown_is_refused(self, board):
        with refused("not registered"):
            board.say("carl.x", "nursing_lead", "workflow")

    def test_in_a_role_the_person_does_not_hold_is_refused(self, board):
        with refused("does not hold the role nursing_lead"):
            board.say("anna.berg", "nursing_lead", "workflow")

    def test_signed_with_another_key_is_refused(self, board):
        signed = sign_approval(board.statement("anna.berg", "clinical_safety_lead", "model"), board.key("ben.stone"))
        with refused("not signed with the key the person registered"):
            record_approval(board.ledger, signed, at=board.now)

    def test_with_a_revoked_key_is_refused(self, board):
        revoke_key(board.ledger, "anna.berg", "left", actor="administrator", at=board.now)
        with refused("key was revoked"):
            board.say("anna.berg", "clinical_safety_lead", "model")

    def test_recorded_by_somebody_else_is_refused(self, board):
        signed = sign_approval(board.statement("anna.berg", "clinical_safety_lead", "model"), board.key("anna.berg"))
        with refused("actor is not the person"):
            board.ledger.append("approval", "ben.stone", signed.to_payload(), at=board.now)

    def test_same_statement_cannot_be_recorded_again(self, board):
        statement = board.statement("anna.berg", "clinical_safety_lead", "model")
        signed = sign_approval(statement, board.key("anna.berg"))
        record_approval(board.ledger, signed, at=board.now)
        board.wait(days=3)
        with refused("in the ledger already"):
            record_approval(board.ledger, signed, at=board.now)

    def test_dated_up_to_five_minutes_ahead_is_a_clock_and_more_is_refused(self, board):
        ahead = board.now + timedelta(minutes=5)
        board.say("anna.berg", "clinical_safety_lead", "model", decided_on=ahead)
        with refused("dated after it was recorded"):
            board.say("ben.stone", "nursing_lead", "workflow", decided_on=ahead + timedelta(microseconds=1))

    def test_recorded_under_the_other_kind_is_refused(self, board):
        signed = sign_approval(
            board.statement("anna.berg", "clinical_safety_lead", "model", verdict="refuse"),
            board.key("anna.berg"),
        )
        with pytest.raises(PayloadError, match="record it as refusal"):
            board.ledger.append("approval", "anna.berg", signed.to_payload(), at=board.now)


class TestStatement:
    def test_comes_back_from_its_json(self, board):
        statement = board.statement("anna.berg", "clinical_safety_lead", "model", note="ü")
        assert ApprovalStatement.from_json(statement.to_json()) == statement

    def test_takes_a_stage_by_its_name(self, board):
        assert board.statement("anna.berg", "r", "model", stage="assistive").stage is Stage.ASSISTIVE

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"stage": Stage.OFF}, "not one that is approved"),
            ({"stage": "full"}, "not one that is approved"),
            ({"verdict": "maybe"}, "verdict"),
            ({"person": "Anna"}, "person"),
            ({"role": ""}, "role"),
            ({"site": "a b"}, "site"),
            ({"use_case": "Triage"}, "use_case"),
            ({"kind": "model!"}, "kind"),
            ({"decided_on": datetime(2026, 11, 2)}, "no time zone"),  # noqa: DTZ001
            ({"note": "x" * 2001}, "2001 characters"),
        ],
    )
    def test_that_is_malformed_cannot_be_made(self, board, changes, message):
        members = {"person": "anna.berg", "role": "clinical_safety_lead", "kind": "model", **changes}
        with pytest.raises(ApprovalError, match=message):
            board.statement(**members)

    def test_may_have_a_note_of_two_thousand_characters(self, board):
        assert len(board.statement("anna.berg", "r", "model", note="x" * 2000).note) == 2000

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": "pilothouse.approval/2"},
            {"extra": 1},
            {"stage": "off"},
            {"decided_on": "2026-11-02T08:00:00Z"},
            {"subject": {"model": "1" * 64}},
            {"subject": {"model": "x", "data": "x", "contracts": "x", "policy": "x", "card": "x"}},
            {"subject": None},
            {"note": 7},
            {"note": ["x"]},
            {"person": 7},
        ],
    )
    def test_that_was_changed_is_not_read(self, board, change):
        document = {**board.statement("anna.berg", "r", "model").to_json(), **change}
        with pytest.raises(ApprovalError):
            ApprovalStatement.from_json(document)

    @pytest.mark.parametrize("document", [None, [], "text", {}])
    def test_that_is_no_statement_at_all_is_not_read(self, document):
        with pytest.raises(ApprovalError):
            ApprovalStatement.from_json(document)

    @given(
        st.text(max_size=50).filter(lambda text: text.isprintable()),
        st.datetimes(timezones=st.just(UTC)),
        st.sampled_from([Stage.SHADOW, Stage.ASSISTIVE, Stage.DECISION_SUPPORT]),
        st.sampled_from(["approve", "refuse"]),
    )
    def test_comes_back_from_its_json_whatever_it_says(self, note, decided_on, stage, verdict):
        subject = Subject(*(["ab" * 32] * 5))
        names = ("triage", "city", stage, "model", "anna.berg", "clinical_safety_lead")
        statement = ApprovalStatement(*names, subject, verdict, decided_on, note)
        assert ApprovalStatement.from_json(json.loads(json.dumps(statement.to_json()))) == statement


class TestPromotion:
    def test_needs_its_approvals_in_the_ledger(self, board):
        approvals = board.two_approvals()
        payload = board.promotion(approvals)
        payload["approvals"][0]["ledger_hash"] = "0" * 64
        with refused("its model approval is not in the ledger"):
            board.ledger.append("promotion", "release-desk", payload, at=board.now)

    @pytest.mark.parametrize(
        "change",
        [
            {"stage": "assistive"},
            {"site": "village"},
            {"use_case": "staffing"},
            {"subject": dict.fromkeys(("model", "data", "contracts", "policy", "card"), "9" * 64)},
        ],
    )
    def test_of_something_else_than_was_approved_is_refused(self, board, change):
        approvals = board.two_approvals()
        with refused("not in the ledger for this subject, site and stage"):
            board.promote(approvals, **change)

    def test_on_a_refusal_is_refused(self, board):
        first, _ = board.two_approvals()
        refusal = board.say("ben.stone", "nursing_lead", "workflow", verdict="refuse")
        with refused("its workflow approval is not in the ledger"):
            board.promote((first, refusal))

    def test_on_two_approvals_of_one_person_is_refused(self, board):
        board.register("anna.berg", "clinical_safety_lead", "nursing_lead")
        one = board.say("anna.berg", "clinical_safety_lead", "model")
        two = board.say("anna.berg", "nursing_lead", "workflow")
        with refused("different people"):
            board.promote((one, two))

    def test_approved_by_its_author_is_refused(self, board):
        approvals = board.two_approvals()
        with refused("none of them the author"):
            board.promote(approvals, author="anna.berg")

    def test_on_one_approval_is_refused(self, board):
        first, _ = board.two_approvals()
        with pytest.raises(PayloadError, match="approvals"):
            board.promote((first,))

"""Who did it: signed by the actor's own key over the whole entry, or only named; and what people ordered last."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.ledger import (
    Entry,
    PayloadError,
    RefusedEntryError,
    claimed,
    generate_private_key,
    in_force,
    proof_of,
    register_person,
    revoke_key,
    sign_act,
)
from evaluation.ledger.act import PROOF_MEMBER, is_act_of
from evaluation.policies import Stage, Tier

from .conftest import START

TIER = {
    "use_case": "triage",
    "site": "city",
    "release": "a" * 64,
    "from_tier": "model",
    "tier": "rule",
    "reason": "it looks wrong",
    "is_automatic": False,
    "generation": 2,
}
ROLLBACK = {
    "use_case": "triage",
    "site": "city",
    "from_stage": "shadow",
    "stage": "off",
    "release": None,
    "previous": "a" * 64,
    "generation": 3,
    "reason": "too many alerts",
}


def refused(match):
    return pytest.raises(RefusedEntryError, match=match)


@pytest.fixture
def people(board):
    board.register("anna.berg", "clinical_safety_lead")
    board.register("ben.stone", "nursing_lead")
    return board


def signed(board, actor="anna.berg", key=None, payload=TIER, kind="tier_change", at=None):
    return sign_act(kind, actor, payload, key or board.key(actor), at=at or board.now)


def append(board, payload, actor="anna.berg", kind="tier_change"):
    return board.ledger.append(kind, actor, payload, at=board.now)


class TestProof:
    def test_signed_act_is_recorded_with_its_signature_and_verifies(self, people):
        entry = append(people, signed(people))
        assert proof_of(entry) == "signature"
        assert is_act_of(entry, people.ledger.people().current("anna.berg").public_key)
        assert people.ledger.verify().ok

    def test_somebody_who_is_only_named_is_recorded_as_such(self, people):
        assert proof_of(append(people, claimed(TIER))) == "none"
        assert proof_of(append(people, TIER)) == "none", "an entry from before there were proofs has none"

    def test_approvals_and_refusals_are_signed_by_their_nature(self, people):
        assert proof_of(people.say("anna.berg", "clinical_safety_lead", "model")) == "signature"
        assert proof_of(people.say("ben.stone", "nursing_lead", "workflow", verdict="refuse")) == "signature"

    def test_by_the_key_of_somebody_else_is_refused(self, people):
        with refused("not signed with the key that its actor registered"):
            append(people, signed(people, key=people.key("ben.stone")))

    def test_by_somebody_who_is_not_registered_is_refused(self, people):
        with refused("not registered"):
            append(people, signed(people, "carl.x", generate_private_key()), "carl.x")

    def test_by_a_revoked_key_is_refused(self, people):
        revoke_key(people.ledger, "anna.berg", "stolen", actor="administrator", at=people.now)
        with refused("revoked"):
            append(people, signed(people))

    def test_of_another_actor_is_refused(self, people):
        with refused("not signed with the key"):
            append(people, signed(people), "ben.stone")

    def test_of_another_kind_of_entry_is_refused(self, people):
        proof = signed(people)[PROOF_MEMBER]
        with refused("not signed with the key"):
            append(people, {**ROLLBACK, PROOF_MEMBER: proof}, kind="rollback")

    @pytest.mark.parametrize("member", sorted(TIER))
    def test_with_any_member_changed_is_refused(self, people, member):
        other = {"use_case": "staffing", "site": "village", "release": None, "from_tier": "rule", "tier": "manual"}
        other |= {"reason": "x", "is_automatic": True, "generation": 9}
        with refused("not signed with the key"):
            append(people, {**signed(people), member: other[member]})

    def test_cannot_be_recorded_twice(self, people):
        payload = signed(people)
        append(people, payload)
        people.wait(minutes=1)
        with refused("in the ledger already"):
            append(people, payload)

    def test_signed_up_to_five_minutes_ahead_is_a_clock_and_more_is_refused(self, people):
        append(people, signed(people, at=people.now + timedelta(minutes=5)))
        with refused("signed after it was recorded"):
            append(people, signed(people, at=people.now + timedelta(minutes=5, microseconds=1)))

    def test_what_breaks_its_shape_is_not_signed(self, people):
        with pytest.raises(PayloadError, match="reason"):
            signed(people, payload={**TIER, "reason": " "})

    @pytest.mark.parametrize("proof", [{}, {"proof": "maybe"}, {"proof": "signature"}, {"proof": "none", "key": "x"}])
    def test_that_is_neither_none_nor_a_whole_signature_is_refused(self, people, proof):
        with pytest.raises(PayloadError, match=PROOF_MEMBER):
            append(people, {**TIER, PROOF_MEMBER: proof})

    def test_forged_with_the_ledgers_key_alone_is_found_by_verify(self, people, monkeypatch):
        from evaluation.ledger import register

        with monkeypatch.context() as patch:
            patch.setattr(register.Register, "_check_act", lambda self, entry: None)
            append(people, signed(people, key=generate_private_key()))
        assert people.ledger.verify().first_bad == 3


class TestRegistrar:
    def test_who_gives_roles_or_revokes_can_sign_it_too(self, people):
        key = generate_private_key()
        by = {"actor": "anna.berg", "at": people.now, "actor_key": people.key("anna.berg")}
        made = register_person(people.ledger, "nina.new", ["nursing_lead"], key, **by)
        gone = revoke_key(people.ledger, "nina.new", "left", **by)
        assert (proof_of(made), proof_of(gone), people.ledger.verify().ok) == ("signature", "signature", True)

    def test_the_owner_can_revoke_their_own_key_with_it(self, people):
        by = {"actor": "anna.berg", "at": people.now, "actor_key": people.key("anna.berg")}
        assert proof_of(revoke_key(people.ledger, "anna.berg", "lost", **by)) == "signature"

    def test_a_key_is_revoked_once_and_then_said_to_be_since_when(self, people):
        revoke_key(people.ledger, "anna.berg", "lost", actor="administrator", at=people.now)
        since = people.now
        people.wait(days=1)
        with refused(f"revoked already, since {since:%Y-%m-%dT%H:%M}"):
            revoke_key(people.ledger, "anna.berg", "lost", actor="administrator", at=people.now)
        assert [entry.kind for entry in people.ledger.entries()].count("key_revoked") == 1


class TestInForce:
    def test_nothing_is_in_force_before_the_first_order(self, people):
        append(people, claimed(TIER))
        assert people.ledger.in_force() == {}

    def test_is_what_was_ordered_last_with_who_ordered_it(self, board):
        board.promote(board.two_approvals())
        now = board.ledger.in_force()["triage", "city"]
        assert (now.stage, now.release, now.tier, now.generation) == (Stage.SHADOW, "a" * 64, Tier.MODEL, 1)
        assert (now.by, now.proof, now.kind) == ("release-desk", "none", "promotion")
        append(board, signed(board))
        now = board.ledger.in_force()["triage", "city"]
        assert (now.stage, now.tier, now.generation, now.by, now.proof) == (
            Stage.SHADOW,
            Tier.RULE,
            2,
            "anna.berg",
            "signature",
        )
        append(board, claimed({**ROLLBACK, "tier": "rule"}), kind="rollback")
        now = board.ledger.in_force()["triage", "city"]
        assert (now.stage, now.release, now.tier, now.generation) == (Stage.OFF, None, Tier.RULE, 3)

    def test_automatic_steps_down_leave_the_pointer_as_it_is(self, board):
        board.promote(board.two_approvals())
        before = board.ledger.in_force()
        append(board, {**TIER, "is_automatic": True}, "pilothouse")
        assert board.ledger.in_force() == before

    def test_tier_changes_from_before_they_named_their_generation_are_counted(self, board):
        board.promote(board.two_approvals())
        old = {name: value for name, value in TIER.items() if name != "generation"}
        append(board, old)
        append(board, {**old, "from_tier": "rule", "tier": "manual"})
        assert board.ledger.in_force()["triage", "city"].generation == 3

    def test_a_rollback_from_before_it_named_its_tier_keeps_it(self, board):
        board.promote(board.two_approvals())
        append(board, TIER)
        append(board, ROLLBACK, kind="rollback")
        assert board.ledger.in_force()["triage", "city"].tier is Tier.RULE

    @given(st.lists(st.tuples(st.sampled_from(["tier", "automatic", "rollback"]), st.sampled_from(list(Tier)))))
    def test_whatever_people_ordered_the_last_order_is_in_force(self, orders):
        entries, expected = [], None
        for number, (order, tier) in enumerate(orders, start=1):
            kind = "rollback" if order == "rollback" else "tier_change"
            base = ROLLBACK if kind == "rollback" else {**TIER, "is_automatic": order == "automatic"}
            payload = {**base, "tier": tier.value, "generation": number}
            entries.append(Entry(number, START, kind, "anna.berg", payload, "", "", ""))
            if kind == "rollback" or (order == "tier" and expected is not None):
                expected = (tier, number)
        now = in_force(entries).get(("triage", "city"))
        assert (None if now is None else (now.tier, now.generation)) == expected

from datetime import timedelta

import pytest

from evaluation.policies import Stage, Tier

TIER = {"use_case": "triage", "site": "city", "release": "a" * 64, "is_automatic": True}
ROLLBACK = {"use_case": "triage", "site": "city", "generation": 3, "reason": "too many alerts"}


def test_nothing_ran_before_the_first_promotion(board):
    board.promote(board.two_approvals())
    assert board.ledger.at("city", board.now - timedelta(microseconds=1)) == []
    assert board.ledger.at("village", board.now) == []


def test_promotion_says_what_ran_who_approved_it_and_on_which_evidence(board):
    approvals = board.two_approvals()
    board.wait(hours=1)
    entry = board.promote(approvals)
    (running,) = board.ledger.at("city", board.now)
    assert (running.use_case, running.stage, running.tier) == ("triage", Stage.SHADOW, Tier.MODEL)
    assert (running.release, running.decision) == ("a" * 64, "b" * 64)
    assert running.evidence == (("performance", "c" * 64),)
    assert [(each.kind, each.person, each.ledger_hash) for each in running.approvals] == [
        ("model", "anna.berg", approvals[0].hash),
        ("workflow", "ben.stone", approvals[1].hash),
    ]
    assert (running.since, running.by, running.ledger_hash) == (board.now, "release-desk", entry.hash)
    assert running.subject.model == "1" * 64


def test_json_of_what_ran_has_everything_a_board_asks_for(board):
    board.promote(board.two_approvals())
    document = board.ledger.at("city", board.now)[0].to_json()
    assert document["stage"] == "shadow"
    assert document["evidence"] == [{"kind": "performance", "digest": "c" * 64}]
    assert document["approvals"][1]["role"] == "nursing_lead"
    assert document["since"] == "2026-11-02T08:00:00.000000Z"
    assert document["subject"]["card"] == "5" * 64


@pytest.fixture
def two_releases(board):
    """Release a in shadow on day 0, release d in shadow on day 1."""
    approvals = board.two_approvals()
    board.promote(approvals)
    board.wait(days=1)
    board.promote(approvals, release="d" * 64, decision="e" * 64, previous="a" * 64, generation=2)
    board.wait(days=1)
    return board


def test_rollback_to_an_earlier_release_brings_back_its_approvals_and_evidence(two_releases):
    board = two_releases
    payload = {**ROLLBACK, "from_stage": "shadow", "stage": "shadow", "release": "a" * 64, "previous": "d" * 64}
    entry = board.ledger.append("rollback", "olga.operator", payload, at=board.now)
    (before,) = board.ledger.at("city", board.now - timedelta(seconds=1))
    (after,) = board.ledger.at("city", board.now)
    assert (before.release, before.decision) == ("d" * 64, "e" * 64)
    assert (after.release, after.decision) == ("a" * 64, "b" * 64)
    assert (after.by, after.reason, after.ledger_hash) == ("olga.operator", "too many alerts", entry.hash)
    assert len(after.approvals) == 2


def test_scope_is_told_as_the_promotion_kept_it_and_a_rollback_brings_that_back(board):
    approvals, scope = board.two_approvals(), {"units": ["ED"], "shifts": []}
    board.promote(approvals, detail={"scope": scope})
    board.promote(approvals, release="d" * 64, previous="a" * 64, generation=2)
    (later,) = board.ledger.at("city", board.now)
    assert (later.scope, later.to_json()["scope"]) == (None, None), "an entry of an older version does not say"
    payload = {**ROLLBACK, "from_stage": "shadow", "stage": "shadow", "release": "a" * 64, "previous": "d" * 64}
    board.ledger.append("rollback", "olga.operator", payload, at=board.now)
    assert board.ledger.at("city", board.now)[0].to_json()["scope"] == scope


def test_rollback_does_not_step_the_tier_up(two_releases):
    board = two_releases
    down = {**TIER, "from_tier": "model", "tier": "rule", "reason": "slow"}
    board.ledger.append("tier_change", "pilothouse", down, at=board.now)
    payload = {**ROLLBACK, "from_stage": "shadow", "stage": "shadow", "release": "a" * 64, "previous": "d" * 64}
    board.ledger.append("rollback", "olga.operator", payload, at=board.now)
    assert board.ledger.at("city", board.now)[0].tier is Tier.RULE


def test_rollback_to_off_leaves_nothing_running(two_releases):
    board = two_releases
    payload = {**ROLLBACK, "from_stage": "shadow", "stage": "off", "release": None, "previous": "d" * 64}
    board.ledger.append("rollback", "olga.operator", payload, at=board.now)
    (running,) = board.ledger.at("city", board.now)
    assert (running.stage, running.release, running.subject) == (Stage.OFF, None, None)
    assert (running.evidence, running.approvals) == ((), ())
    assert running.to_json()["subject"] is None


def test_rollback_to_a_release_that_never_ran_here_has_no_approvals_to_show(two_releases):
    board = two_releases
    payload = {**ROLLBACK, "from_stage": "shadow", "stage": "shadow", "release": "f" * 64, "previous": None}
    board.ledger.append("rollback", "olga.operator", payload, at=board.now)
    (running,) = board.ledger.at("city", board.now)
    assert (running.release, running.approvals) == ("f" * 64, ())


def test_step_down_that_was_recorded_late_counts_from_when_it_happened(two_releases):
    board = two_releases
    happened = board.now - timedelta(hours=3)
    payload = {**TIER, "from_tier": "model", "tier": "rule", "reason": "slow", "effective_at": happened}
    board.ledger.append("tier_change", "pilothouse", payload, at=board.now)
    assert board.ledger.at("city", happened - timedelta(seconds=1))[0].tier is Tier.MODEL
    assert board.ledger.at("city", happened)[0].tier is Tier.RULE
    assert board.ledger.at("city", board.now)[0].tier is Tier.RULE


def test_tier_of_something_that_never_ran_is_not_something_running(board):
    payload = {**TIER, "from_tier": "model", "tier": "rule", "reason": "slow"}
    board.ledger.append("tier_change", "pilothouse", payload, at=board.now)
    board.review()
    assert board.ledger.at("city", board.now) == []

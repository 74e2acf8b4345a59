"""What people saw last: by the gate, above shadow, and until when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evaluation.ledger import seen_last
from evaluation.ledger.history import running_at
from evaluation.policies import Stage

DOWN = {"use_case": "triage", "site": "city", "reason": "too many alerts", "previous": "a" * 64}
A, B = "d" * 64, "e" * 64


@pytest.fixture
def shown(board):
    """Release A was in shadow, and is shown since a day."""
    board.promote(board.two_approvals())
    board.wait(days=1)
    above = (
        board.say("anna.berg", "clinical_safety_lead", "model", stage=Stage.ASSISTIVE),
        board.say("ben.stone", "nursing_lead", "workflow", stage=Stage.ASSISTIVE),
    )
    board.promote(above, release=A, previous="a" * 64, generation=2, from_stage="shadow", stage="assistive")
    board.since = board.now
    board.wait(days=1)
    return board


def step_down(board, to, release, generation):
    payload = {**DOWN, "from_stage": "assistive", "stage": to, "release": release, "generation": generation}
    board.ledger.append("rollback", "olga.operator", payload, at=board.now)


def last(board, since):
    found = seen_last(board.ledger.entries(site="city"), since)
    return found and (found.running.release, found.until)


def test_nothing_was_seen_before_a_release_stood_above_shadow(board):
    assert seen_last([], board.now) is None
    board.promote(board.two_approvals())
    assert last(board, board.now - timedelta(days=9)) is None


def test_what_is_shown_now_has_no_end(shown):
    for since in (shown.since - timedelta(days=9), shown.since, shown.now):
        assert last(shown, since) == (A, None)


def test_what_was_taken_down_was_seen_until_then_and_from_then_on_nothing_was(shown):
    step_down(shown, "shadow", A, 3)
    ended = shown.now
    shown.wait(days=2)
    assert last(shown, ended - timedelta(microseconds=1)) == (A, ended)
    assert last(shown, shown.since - timedelta(days=9)) == (A, ended)
    assert last(shown, ended) is None


def test_a_release_that_only_a_broken_glass_showed_is_not_what_people_know(shown):
    step_down(shown, "shadow", A, 3)
    ended = shown.now
    shown.wait(days=2)
    entries = shown.ledger.entries(site="city")
    promotion = next(one for one in entries if one.payload.get("release") == A)
    told = {**promotion.payload, "release": B, "approvals": (), "evidence": ()}
    glass = replace(promotion, seq=99, at=shown.now, kind="break_glass", payload={**told, "reason": "a surge"})
    [running] = running_at([*entries, glass], shown.now)
    assert (running.release, running.stage) == (B, Stage.ASSISTIVE), "people see it"
    found = seen_last([*entries, glass], shown.since)
    assert found is not None and (found.running.release, found.until) == (A, ended)

"""Refusals of the ledger about releases: approvals, promotions, glasses, reviews of meaning, and planned changes."""

from collections.abc import Callable
from typing import Any

import pytest

from evaluation.ledger import sign_approval
from tests.unit.evaluation.ledger.conftest import START, SUBJECT, Board

from .of_ledger import ANNA, BEN, HERE, HOUR, LEAD, act, append, refused, revokes

Do = Callable[[], object]
TIER = {**HERE, "release": None, "from_tier": "rule", "tier": "model", "reason": "slow", "is_automatic": True}
GLASS = {
    **HERE,
    "from_stage": "off",
    "stage": "shadow",
    "release": "a" * 64,
    "previous": None,
    "generation": 1,
    "subject": SUBJECT.to_json(),
    "decision": "b" * 64,
    "unmet": ["approval.model"],
    "reason": "a surge",
    "until": START + HOUR,
    "author": "mia.author",
}
PLAN = {
    **HERE,
    "change": "change-1",
    "stage": "shadow",
    "starts_at": START + HOUR,
    "until": START + 2 * HOUR,
    "reason": "go live",
    "subject": SUBJECT.to_json(),
}
ANSWER = {
    "review": "review-1",
    "site": "city",
    "feed": "ehr",
    "pattern": "a" * 64,
    "verdict": "accept",
    "reason": "they changed the form",
    "document": "b" * 64,
    "as_of": "2026-11-01",
}
OPENED = {
    **{name: ANSWER[name] for name in ("review", "site", "feed", "pattern", "document")},
    "about": "units",
    "changes": ["unit"],
    "reviewer": "data_steward",
    "before_from": "2026-09-01",
    "before_until": "2026-10-01",
    "after_from": "2026-10-01",
    "after_until": "2026-11-01",
    "policy": "c" * 64,
}


def _approves(board: Board, role: str = LEAD, key: str = ANNA, **changes: Any) -> Do:
    signed = sign_approval(board.statement(ANNA, role, "model", **changes), board.key(key))
    return append(board, "approval", signed.to_payload(), ANNA)


@refused("_check_approval/1", "its actor is not the person who signed the statement")
def an_approval_handed_in_by_another(board: Board, _: pytest.MonkeyPatch) -> Do:
    signed = sign_approval(board.statement(ANNA, LEAD, "model"), board.key(ANNA))
    return append(board, "approval", signed.to_payload(), BEN)


@refused("_check_approval/2", "the person is not registered", "with their public key first")
def an_approval_of_a_stranger(board: Board, _: pytest.MonkeyPatch) -> Do:
    return _approves(board)


@refused("_check_approval/3", "the person's key was revoked", "register a new one")
def an_approval_with_a_revoked_key(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    revokes(board, ANNA)
    return _approves(board)


@refused("_check_approval/4", "not signed with the key the person registered")
def an_approval_with_the_key_of_another(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return _approves(board, key=BEN)


@refused("_check_approval/5", "does not hold the role nursing_lead")
def an_approval_in_a_role_that_nobody_gave(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return _approves(board, "nursing_lead")


@refused("_check_approval/6", "the decision is dated after it was recorded", "clock")
def an_approval_of_tomorrow(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return _approves(board, decided_on=board.now + HOUR)


@refused("_check_approval/7", "this very statement is in the ledger already", "a new statement")
def an_approval_that_is_replayed(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    _approves(board)()
    return _approves(board)


@refused("_check_promotion/1", "its model approval is not in the ledger for this subject, site and stage")
def a_promotion_on_approvals_of_another_site(board: Board, _: pytest.MonkeyPatch) -> Do:
    approvals = board.two_approvals()
    return lambda: board.promote(approvals, site="rural")


@refused("_check_promotion/2", "not by different people, none of them the author")
def a_promotion_that_its_author_approved(board: Board, _: pytest.MonkeyPatch) -> Do:
    approvals = board.two_approvals()
    return lambda: board.promote(approvals, author=ANNA)


@refused("_check_tier", "a tier steps up, or stays, by itself", "only a person steps up")
def a_tier_that_steps_up_by_itself(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "tier_change", TIER)


@refused("_check_glass/1", "without their own signature")
def a_glass_that_nobody_signed(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "break_glass", GLASS, ANNA)


@refused("_check_glass/2", "for their own work")
def a_glass_that_the_author_broke(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return act(board, ANNA, kind="break_glass", **{**GLASS, "author": ANNA})


@refused("_check_glass/3", "ends after it was broken, and within three days")
def a_glass_that_does_not_end(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return act(board, ANNA, kind="break_glass", **{**GLASS, "until": START + 73 * HOUR})


# reviews of meaning, and planned changes


@refused("_check_review", "the review review-1 of the same change waits for its answer")
def a_review_of_what_is_under_review(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "meaning_review_opened", OPENED)()
    return append(board, "meaning_review_opened", {**OPENED, "review": "review-2"})


@refused("_check_joined/1", "no review of that name waits, which further changes could join")
def more_of_a_review_that_nobody_opened(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "meaning_review_joined", OPENED)


@refused("_check_joined/2", "not of the site, the feed or the change that the review is about")
def more_of_another_feed(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "meaning_review_opened", OPENED)()
    return append(board, "meaning_review_joined", {**OPENED, "feed": "laboratory", "patterns": ["e" * 64]})


@refused("_check_joined/3", "what would join stands in the review review-1 already, which waits")
def the_same_once_more(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "meaning_review_opened", OPENED)()
    append(board, "meaning_review_joined", {**OPENED, "patterns": ["e" * 64]})()
    return append(board, "meaning_review_joined", {**OPENED, "patterns": ["e" * 64]})


@refused("_check_answer/1", "no review of that name waits for an answer")
def an_answer_that_nobody_asked_for(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "meaning_review_answered", ANSWER)


@refused("_check_answer/2", "does not answer what the review put to its reader")
def an_answer_to_another_question(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "meaning_review_opened", OPENED)()
    return append(board, "meaning_review_answered", {**ANSWER, "document": "f" * 64})


@refused("_check_planned/1", "a change of the name change-1 was planned before")
def two_plans_of_one_name(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "change_planned", PLAN)()
    return append(board, "change_planned", PLAN)


@refused("_check_planned/2", "ends after it begins, and after it was planned")
def a_planned_change_that_is_over(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "change_planned", {**PLAN, "until": START + HOUR})


@refused("_check_cancelled/1", "no planned change of that name stands there")
def the_end_of_a_plan_that_nobody_made(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "change_cancelled", {**HERE, "change": "change-1", "reason": "ill"})


@refused("_check_cancelled/2", "its window is over", "stays on record")
def the_end_of_a_plan_that_was_missed(board: Board, _: pytest.MonkeyPatch) -> Do:
    append(board, "change_planned", PLAN)()
    return append(board, "change_cancelled", {**HERE, "change": "change-1", "reason": "ill"}, later=3 * HOUR)

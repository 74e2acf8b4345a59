"""Planned changes on the ledger: what stands there may be cancelled once, by its name, before its window is over."""

from datetime import timedelta

import pytest

from evaluation.ledger import PayloadError, RefusedEntryError

from .conftest import START, SUBJECT, Board

PLAN = {
    "use_case": "triage",
    "site": "city",
    "change": "change-1",
    "stage": "decision_support",
    "starts_at": START + timedelta(hours=1),
    "until": START + timedelta(hours=2),
    "reason": "go live",
    "subject": SUBJECT.to_json(),
}
CANCEL = {"use_case": "triage", "site": "city", "change": "change-1", "reason": "the trainer is ill"}


def plan(board: Board, **changes: object) -> None:
    board.ledger.append("change_planned", "ada", {**PLAN, **changes}, at=board.now)


def cancel(board: Board, **changes: object) -> None:
    board.ledger.append("change_cancelled", "ada", {**CANCEL, **changes}, at=board.now)


def test_a_plan_and_its_end_are_kept_with_times_in_utc(board: Board) -> None:
    plan(board)
    board.wait(minutes=119, seconds=59)
    cancel(board)
    planned, _ = board.ledger.entries()
    assert planned.payload["starts_at"] == "2026-11-02T09:00:00.000000Z" and board.ledger.verify().ok


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"until": PLAN["starts_at"]}, "ends after it begins"),
        ({"starts_at": START - timedelta(hours=2), "until": START}, "after it was planned"),
    ],
)
def test_a_plan_that_is_over_before_it_is_made_is_refused(board: Board, changes: dict[str, object], says: str) -> None:
    with pytest.raises(RefusedEntryError, match=says):
        plan(board, **changes)
    plan(board, starts_at=START - timedelta(hours=2), until=START + timedelta(microseconds=1))


def test_a_name_is_given_once_even_after_it_was_cancelled(board: Board) -> None:
    plan(board)
    cancel(board)
    with pytest.raises(RefusedEntryError, match="was planned before"):
        plan(board)


@pytest.mark.parametrize("changes", [{"change": "change-2"}, {"site": "rural"}, {"use_case": "roster"}])
def test_only_what_stands_there_is_cancelled(board: Board, changes: dict[str, object]) -> None:
    plan(board)
    with pytest.raises(RefusedEntryError, match="no planned change of that name stands there"):
        cancel(board, **changes)
    cancel(board)
    with pytest.raises(RefusedEntryError, match="no planned change of that name stands there"):
        cancel(board)


def test_what_was_missed_cannot_be_cancelled_away(board: Board) -> None:
    plan(board)
    board.wait(hours=2)
    with pytest.raises(RefusedEntryError, match="was missed"):
        cancel(board)


@pytest.mark.parametrize(
    "changes", [{"subject": {}}, {"stage": "live"}, {"starts_at": "2026-11-02T09:00"}, {"more": 1}]
)
def test_a_plan_that_breaks_its_shape_is_refused(board: Board, changes: dict[str, object]) -> None:
    with pytest.raises(PayloadError, match=next(iter(changes))):
        plan(board, **changes)

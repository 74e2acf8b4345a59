"""Keys that a person held before: they never come back, and a time since which not to trust voids them all."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from evaluation.ledger import RefusedEntryError, generate_private_key, public_hex, revoke_key, rotate_key
from tests.unit.evaluation.ledger.conftest import Board

ROLE = "clinical_safety_lead"


def revoke(board: Board, void_since: datetime | None = None) -> None:
    by: dict[str, Any] = {"actor": "administrator", "at": board.now}
    revoke_key(board.ledger, "anna.berg", "the laptop was gone", void_since=void_since, **by)


def rotate(board: Board) -> str:
    new = generate_private_key()
    rotate_key(board.ledger, "anna.berg", board.key("anna.berg"), new, at=board.now)
    return public_hex(new)


def test_key_that_was_replaced_does_not_come_back_by_registering_it_again(board: Board) -> None:
    board.register("anna.berg", ROLE)
    new = rotate(board)
    revoke(board)
    with pytest.raises(RefusedEntryError, match="a key that was given up does not come back"):
        board.register("anna.berg", ROLE)
    known = board.ledger.people().current("anna.berg")
    assert known is not None and known.public_key == new


def test_revocation_since_a_time_voids_every_key_that_the_person_held_since_then(board: Board) -> None:
    board.register("anna.berg", ROLE)
    board.register("ben.stone", "nursing_lead")
    before = board.now
    board.wait(days=2)
    stolen = board.now - timedelta(days=1)
    signed = board.say("anna.berg", ROLE, "model")
    old, new = public_hex(board.key("anna.berg")), rotate(board)
    revoke(board, stolen)
    people = board.ledger.people()
    assert people.is_void(old, signed.seq, signed.at) and people.is_void(new, signed.seq, signed.at)
    assert not people.is_void(old, 1, before)
    assert not people.is_void(public_hex(board.key("ben.stone")), signed.seq, signed.at)


def test_revocation_without_a_time_leaves_what_earlier_keys_signed(board: Board) -> None:
    board.register("anna.berg", ROLE)
    signed = board.say("anna.berg", ROLE, "model")
    rotate(board)
    revoke(board)
    assert not board.ledger.people().is_void(public_hex(board.key("anna.berg")), signed.seq, signed.at)
    assert board.ledger.verify().ok

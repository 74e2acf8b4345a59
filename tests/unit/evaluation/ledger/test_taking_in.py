"""An exported ledger becomes a ledger again, in either kind of store: entry for entry, once, and over no other."""

import pytest

from evaluation.ledger import LedgerError, generate_private_key, open_ledger, take_in_export
from evaluation.ledger.checkpoint import read_checkpoint


@pytest.fixture
def export(board, tmp_path):
    board.promote(board.two_approvals())
    board.review()
    return board.ledger.export(tmp_path / "ledger.jsonl")


def test_it_is_the_same_ledger_in_either_store_and_goes_on(board, export, any_store, tmp_path, ledger_key):
    url, prefix = any_store
    url = url.replace("ledger.db", "again.db")
    head = tmp_path / "again.json"
    for _ in range(2):  # a restore that was interrupted is repeated
        assert take_in_export(export, url, ledger_key, head, prefix=prefix) == 6
    again = open_ledger(url, key=ledger_key, checkpoint=head, prefix=prefix)
    assert [entry.hash for entry in again.entries()] == [entry.hash for entry in board.ledger.entries()]
    assert read_checkpoint(head, again.public_key).seq == 6
    payload = {"use_case": "triage", "site": "city", "outcome": "continue", "next_review": None}
    assert again.append("review", "board", payload, at=board.now).seq == 7
    assert again.verify().ok


def test_a_store_that_holds_another_ledger_is_left_as_it_is(board, export, tmp_path, ledger_key):
    other = open_ledger(f"sqlite:///{tmp_path / 'other.db'}", key=ledger_key)
    payload = {"use_case": "triage", "site": "city", "outcome": "another", "next_review": None}
    other.append("review", "board", payload, at=board.now)
    with pytest.raises(LedgerError, match="holds another ledger"):
        take_in_export(export, f"sqlite:///{tmp_path / 'other.db'}", ledger_key, tmp_path / "head.json")
    assert len(other.entries()) == 1 and other.verify().ok


def test_a_changed_export_or_another_key_makes_no_ledger(board, export, tmp_path, ledger_key):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(LedgerError):
        take_in_export(export, url, generate_private_key(), tmp_path / "head.json")
    export.write_bytes(export.read_bytes().replace(b"continue", b"finished"))
    with pytest.raises(LedgerError, match="does not verify"):
        take_in_export(export, url, ledger_key, tmp_path / "head.json")
    assert not (tmp_path / "new.db").exists()

"""Heads that were handed out: a history rewritten by whoever holds database and key is found; the file is guarded."""

import json

import pytest

from evaluation.ledger import (
    CheckpointError,
    append_anchor,
    generate_private_key,
    open_ledger,
    public_hex,
    read_anchors,
    verify_export,
)
from evaluation.ledger.anchors import LARGEST_FILE
from evaluation.ledger.checkpoint import sign_checkpoint


@pytest.fixture
def file(tmp_path):
    return tmp_path / "anchors.jsonl"


@pytest.fixture
def anchored(board, file):
    """A ledger of four entries whose head was kept after the second and after the fourth."""
    for _ in range(2):
        board.review()
        board.review()
        assert append_anchor(file, board.ledger.head(), board.ledger.public_key)
    return board


def rewritten(board, tmp_path, ledger_key):
    """Another history under the same key, longer than the first: perfect by itself."""
    other = open_ledger(f"sqlite:///{tmp_path / 'other.db'}", key=ledger_key)
    payload = {"use_case": "triage", "site": "city", "outcome": "nothing to see", "next_review": None}
    for _ in range(6):
        other.append("review", "board", payload, at=board.now)
    return other


def test_a_history_that_went_on_holds_every_anchor(anchored, file):
    anchored.review()
    anchors = read_anchors(file, anchored.ledger.public_key)
    assert [one.seq for one in anchors] == [2, 4]
    assert anchored.ledger.verify(anchors).ok


def test_a_rewritten_history_is_sound_by_itself_and_found_by_the_first_anchor(anchored, file, tmp_path, ledger_key):
    other = rewritten(anchored, tmp_path, ledger_key)
    anchors = read_anchors(file, ledger_public := public_hex(ledger_key))
    assert other.verify().ok
    verdict = other.verify(anchors)
    assert (verdict.ok, verdict.first_bad) == (False, 2)
    export = other.export(tmp_path / "other.jsonl")
    assert verify_export(export, ledger_public).ok
    assert verify_export(export, ledger_public, anchors).first_bad == 2


def test_an_export_from_before_an_anchor_lacks_entries(board, file, tmp_path):
    board.review()
    export = board.ledger.export(tmp_path / "early.jsonl")
    board.review()
    append_anchor(file, board.ledger.head(), board.ledger.public_key)
    key = board.ledger.public_key
    assert verify_export(export, key, read_anchors(file, key)).first_bad == 2


def test_the_same_head_is_not_written_twice(anchored, file):
    before = file.read_bytes()
    assert not append_anchor(file, anchored.ledger.head(), anchored.ledger.public_key)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "line 3: is not a line of JSON"),
        (b'{"schema": "pilothouse.led', "line 3: is not a line of JSON"),
        (b"[" * 100_000, "line 3: is not a line of JSON"),
        (b'{"seq": 5}', "line 3: is not a head"),
    ],
)
def test_a_line_that_is_no_head_is_named_and_the_file_left_alone(anchored, file, line, reason):
    file.write_bytes(file.read_bytes() + line + b"\n")
    before = file.read_bytes()
    anchored.review()
    with pytest.raises(CheckpointError, match=reason):
        append_anchor(file, anchored.ledger.head(), anchored.ledger.public_key)
    assert file.read_bytes() == before


def test_a_changed_anchor_or_one_of_another_ledger_is_not_believed(anchored, file):
    good = file.read_bytes()
    first, second = good.splitlines()
    changed = json.dumps({**json.loads(first), "seq": 1}).encode()
    foreign = json.dumps(sign_checkpoint(generate_private_key(), 2, "0" * 64).to_json()).encode()
    for line in (changed, foreign):
        file.write_bytes(line + b"\n" + second + b"\n")
        with pytest.raises(CheckpointError, match="line 1: is not signed by this ledger's key"):
            read_anchors(file, anchored.ledger.public_key)


def test_a_file_that_cannot_be_read_or_is_no_file_of_anchors_is_refused(board, file, tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_anchors(tmp_path / "none", board.ledger.public_key)
    with file.open("wb") as large:
        large.truncate(LARGEST_FILE + 1)
    with pytest.raises(CheckpointError, match="no file of anchors"):
        read_anchors(file, board.ledger.public_key)
    with pytest.raises(CheckpointError, match="cannot be written"):
        append_anchor(tmp_path / "no" / "folder", board.ledger.head(), board.ledger.public_key)

"""Files from outside as they come: an export through a pipe, anchors whose last newline an editor left away."""

import os
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.ledger import append_anchor, read_anchors, take_in_export
from tests.unit.evaluation.ledger.conftest import Board


def test_an_export_is_read_once_so_that_a_pipe_can_bring_it(
    board: Board, tmp_path: Path, ledger_key: Ed25519PrivateKey
) -> None:
    board.review()
    content, pipe, done = (
        board.ledger.export(tmp_path / "ledger.jsonl").read_bytes(),
        tmp_path / "pipe",
        threading.Event(),
    )
    os.mkfifo(pipe)

    def write() -> None:
        pipe.write_bytes(content)
        if not done.wait(3):
            pipe.write_bytes(b"read a second time")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert take_in_export(pipe, f"sqlite:///{tmp_path / 'again.db'}", ledger_key, tmp_path / "again.json") == 1
    done.set()
    writer.join()


def test_a_file_without_a_last_newline_gets_the_new_head_on_a_line_of_its_own(board: Board, tmp_path: Path) -> None:
    file, key = tmp_path / "anchors.jsonl", board.ledger.public_key
    board.review()
    append_anchor(file, board.ledger.head(), key)
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    board.review()
    assert append_anchor(file, board.ledger.head(), key)
    assert [one.seq for one in read_anchors(file, key)] == [1, 2]
    assert file.read_bytes().count(b"\n") == 2

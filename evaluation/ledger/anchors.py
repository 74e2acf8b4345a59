"""Heads of a ledger in a file that the board keeps: who rewrites history later is found by it.

Whoever holds the database and the ledger's key can write another chain that is perfect by itself. A signed head that
was handed out before, one line each time, does not lie on it. The file belongs where the ledger's writers cannot
write: another machine, a stick in a safe, minutes of the board. Here belong its lines; holding them against a chain is
for ``chain.py``.
"""

import json
import os
from pathlib import Path
from typing import BinaryIO

from evaluation.canonical import canonical_json
from evaluation.ledger.checkpoint import Checkpoint, parse_checkpoint
from evaluation.ledger.errors import CheckpointError

LARGEST_FILE = 64 * 2**20
"""A line has about 300 bytes: this is a head every minute for five months."""


def read_anchors(path: Path, public_key: str) -> list[Checkpoint]:
    """Read every head in the file and check its signature. Raises :class:`CheckpointError` with the line."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CheckpointError(f"{path.name}: is larger than {LARGEST_FILE // 2**20} MiB; it is no file of anchors.")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CheckpointError(f"{path.name}: cannot be read ({error.strerror}).") from error
    return [_anchor(line, f"{path.name}, line {number}", public_key) for number, line in enumerate(lines, start=1)]


def append_anchor(path: Path, head: Checkpoint, public_key: str) -> bool:
    """Add the head as a line of its own, on disk before this returns; ``False`` when it is the last line already.

    A file that holds anything but heads of this ledger is left as it is. Raises :class:`CheckpointError`.
    """
    before = read_anchors(path, public_key) if path.exists() else []
    if before and before[-1] == head:
        return False
    try:
        with path.open("a+b") as file:
            file.write(_missing_newline(file) + canonical_json(head.to_json()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckpointError(f"{path.name}: cannot be written ({error.strerror}).") from error
    return True


def _missing_newline(file: BinaryIO) -> bytes:
    """What an editor, or a copy by hand, left away at the end: two heads on one line would be none."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _anchor(line: bytes, where: str, public_key: str) -> Checkpoint:
    try:
        anchor = parse_checkpoint(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{where}: is not a line of JSON. If it is the last and was cut short, delete it."
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{where}: {error}.") from error
    if not anchor.is_genuine(public_key):
        raise CheckpointError(f"{where}: is not signed by this ledger's key; it was changed or is of another ledger.")
    return anchor

"""The ledger as a file: JSON lines that anybody can verify with the public key alone.

First a line that names the schema, then one line per entry as :meth:`Entry.to_json` writes it, last the
signed head. Writing and verifying such a file belong here; SHA-256, Ed25519 and canonical JSON are all a
second implementation needs.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from evaluation.canonical import canonical_json
from evaluation.ledger.chain import BrokenChainError, Verification, verify_chain
from evaluation.ledger.checkpoint import Checkpoint, parse_checkpoint
from evaluation.ledger.entry import ENTRY_SCHEMA, Entry, StoredEntry
from evaluation.ledger.errors import CheckpointError, LedgerStoreError

EXPORT_SCHEMA = "pilothouse.ledger-export/1"
MEMBERS = {"schema", "seq", "at", "kind", "actor", "payload", "previous", "hash", "signature"}


def write_export(path: Path, entries: Iterable[Entry], head: Checkpoint | None, public_key: str) -> None:
    """Write the lines to a draft and put it in place when it is whole."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(canonical_json({"schema": EXPORT_SCHEMA, "public_key": public_key}) + b"\n")
        for entry in entries:
            file.write(canonical_json(entry.to_json()) + b"\n")
        if head is not None:
            file.write(canonical_json(head.to_json()) + b"\n")
    draft.replace(path)


def verify_export(path: Path, public_key: str, anchors: Sequence[Checkpoint] = ()) -> Verification:
    """Verify an exported ledger with a public key known from elsewhere, never with the one the file names.

    ``anchors`` are heads that were handed out before; an export made before one of them lacks entries, and is refused.
    """
    try:
        lines, head = _read(path, public_key)
    except LedgerStoreError as error:
        return Verification(False, 0, None, str(error))
    return verify_chain(_stored(lines), public_key, head, anchors)


def read_export(path: Path, public_key: str) -> tuple[list[StoredEntry], Checkpoint]:
    """The entries of an export that verifies, as they lay in the store, and its head. Raises :class:`LedgerError`.

    The file is read once: what is given back is what was verified, also where the file changes, or is a pipe.
    """
    lines, head = _read(path, public_key)
    verdict = verify_chain(_stored(lines), public_key, head)
    if not verdict.ok or head is None:
        raise LedgerStoreError(f"{path.name}: does not verify ({verdict.reason}).")
    return list(_stored(lines)), head


def _read(path: Path, public_key: str) -> tuple[list[bytes], Checkpoint | None]:
    """The lines of entries and the head behind them."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise LedgerStoreError(f"{path.name}: cannot be read ({error.strerror})") from error
    if not lines or lines[0] != canonical_json({"schema": EXPORT_SCHEMA, "public_key": public_key}):
        raise LedgerStoreError(f"{path.name}: is not an export of the ledger with this public key")
    head = _head(lines[-1])
    return lines[1 : len(lines) - (head is not None)], head


def _stored(lines: Iterable[bytes]) -> Iterator[StoredEntry]:
    for number, line in enumerate(lines, start=1):
        try:
            members = json.loads(line)
            is_entry = isinstance(members, dict) and canonical_json(members) == line
        except (ValueError, RecursionError) as error:
            raise BrokenChainError(number, "its line is not JSON any more") from error
        if not is_entry or set(cast("dict[str, object]", members)) != MEMBERS or members["schema"] != ENTRY_SCHEMA:
            raise BrokenChainError(number, "its line is not an entry in canonical form")
        columns = {name: members[name] for name in MEMBERS - {"schema"}}
        yield StoredEntry(**{**columns, "payload": canonical_json(members["payload"]).decode()})


def _head(line: bytes) -> Checkpoint | None:
    try:
        document = json.loads(line)
        head = parse_checkpoint(document)
    except (ValueError, RecursionError, CheckpointError):
        return None
    return head if canonical_json(head.to_json()) == line else None

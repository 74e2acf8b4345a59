"""The signed head of the ledger: how many entries there are and the hash of the last.

A chain whose tail was cut off is a perfect shorter chain; only a head that was kept elsewhere shows the cut.
The head lies in a table beside the entries and, where the caller names a file, in that file too: keep copies
of it where whoever holds the database cannot write. Here belong its shape, its signature and its file.
"""

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Json
from evaluation.ledger.durable import sync_folder
from evaluation.ledger.errors import CheckpointError
from evaluation.ledger.keys import is_signed, sign_document

HEAD_SCHEMA = "pilothouse.ledger-head/1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``seq`` entries (0: none yet), the last with ``hash``; signed by the ledger's key."""

    seq: int
    hash: str
    signature: str

    def to_json(self) -> dict[str, Json]:
        return {**_statement(self.seq, self.hash), "signature": self.signature}

    def is_genuine(self, public_key: str) -> bool:
        """Whether the ledger's key signed exactly this head."""
        return is_signed(_statement(self.seq, self.hash), self.signature, public_key)


def sign_checkpoint(key: Ed25519PrivateKey, seq: int, entry_hash: str) -> Checkpoint:
    """The signed head of a ledger of ``seq`` entries."""
    return Checkpoint(seq, entry_hash, sign_document(key, _statement(seq, entry_hash)))


def parse_checkpoint(document: object) -> Checkpoint:
    """Read a head from its JSON. Raises :class:`CheckpointError`; the signature is not checked here."""
    members = cast("Mapping[str, object]", document) if isinstance(document, Mapping) else {}
    seq, entry_hash, signature = (members.get(name) for name in ("seq", "hash", "signature"))
    is_whole = isinstance(seq, int) and isinstance(entry_hash, str) and isinstance(signature, str)
    if not is_whole or members.get("schema") != HEAD_SCHEMA:
        raise CheckpointError(f"is not a head of {HEAD_SCHEMA}")
    return Checkpoint(cast("int", seq), cast("str", entry_hash), cast("str", signature))


def read_checkpoint(path: Path, public_key: str) -> Checkpoint:
    """Read the head kept beside a ledger and check its signature. Raises :class:`CheckpointError`."""
    try:
        checkpoint = parse_checkpoint(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.name}: the head kept beside the ledger is gone. Restore it from a copy; without it a cut"
            " tail cannot be seen."
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.name}: cannot be read as JSON ({error})") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    if not checkpoint.is_genuine(public_key):
        raise CheckpointError(f"{path.name}: is not signed by the ledger's key; it was changed or is of another ledger")
    return checkpoint


def advance_checkpoint(path: Path, checkpoint: Checkpoint, public_key: str) -> None:
    """Write the head to its file, whole or not at all, unless a later one of another process is there
    already."""
    with _locked(path.with_name(f".{path.name}.lock")):
        if path.exists() and read_checkpoint(path, public_key).seq >= checkpoint.seq:
            return
        draft = path.with_name(f".{path.name}.part")
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(checkpoint.to_json(), sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        is_first = not path.exists()
        draft.replace(path)
        if is_first:  # of any later one, a power cut leaves the older; without the first the ledger is refused for good
            sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _statement(seq: int, entry_hash: str) -> dict[str, Json]:
    return {"schema": HEAD_SCHEMA, "seq": seq, "hash": entry_hash}

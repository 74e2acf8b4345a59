"""The ledger as its users hold it: append, read, look back, verify, export.

Here belongs how the parts work together. Entries, chain, head, people and store each have a module of their
own.
"""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from evaluation.canonical import canonical_json
from evaluation.ledger.approval import PERSON, is_person
from evaluation.ledger.chain import BrokenChainError, Verification, Walk, verify_chain
from evaluation.ledger.checkpoint import Checkpoint, advance_checkpoint, read_checkpoint, sign_checkpoint
from evaluation.ledger.entry import Entry, believe, genesis_hash, make_entry
from evaluation.ledger.errors import (
    CheckpointError,
    LedgerError,
    LedgerStoreError,
    PayloadError,
    RefusedEntryError,
)
from evaluation.ledger.export import write_export
from evaluation.ledger.keys import public_hex
from evaluation.ledger.payloads import check_payload
from evaluation.ledger.reading import Believed, Readable
from evaluation.ledger.store import LedgerStore


def open_ledger(
    url: str,
    *,
    key: Ed25519PrivateKey | None = None,
    public_key: str | None = None,
    checkpoint: Path | None = None,
    prefix: str = "pilothouse_",
) -> "Ledger":
    """Open a ledger; with ``key`` to write (and make it when it is not there), with ``public_key`` to read
    only.

    ``url`` is one of SQLAlchemy for SQLite or Postgres. ``checkpoint`` names the file that keeps the signed
    head outside the database. Raises :class:`LedgerError`.
    """
    if (key is None) == (public_key is None):
        raise LedgerError("open a ledger with its private key to write, or with its public key to read: one of them.")
    store = LedgerStore(url, prefix)
    ledger = Ledger(store, key, public_key or public_hex(cast("Ed25519PrivateKey", key)), checkpoint)
    if key is not None:
        empty = sign_checkpoint(key, 0, genesis_hash(ledger.public_key))
        store.create(empty, lambda: ledger.keep_head(empty))
    store.require()
    return ledger


class Ledger(Readable):
    """An append-only chain of signed entries. Made by :func:`open_ledger`."""

    def __init__(
        self, store: LedgerStore, key: Ed25519PrivateKey | None, public_key: str, checkpoint: Path | None
    ) -> None:
        self._store = store
        self._key = key
        self._checkpoint = checkpoint
        self._walk: Walk | None = None
        self.public_key = public_key
        """The ledger's own public key (64 hex digits): what an auditor needs to verify an export."""

    def append(self, kind: str, actor: str, payload: Mapping[str, object], *, at: datetime) -> Entry:
        """Write one entry, after the whole chain before it was found sound. ``at`` is the time of recording.

        ``actor`` is the id of a person, or of the part of the system that acted by itself. Raises
        :class:`PayloadError`, :class:`RefusedEntryError` or :class:`LedgerStoreError`, and then nothing is
        written.
        """
        key = self._key
        if key is None:
            raise LedgerError("this ledger was opened to read; open it with its private key to write.")
        if at.tzinfo is None:
            raise PayloadError(f"{kind}: its time has no time zone; pass a timezone-aware datetime.")
        if not is_person(actor):
            raise PayloadError(f"{kind}: actor is not a plain lower-case id ({PERSON.pattern}).")
        plain = check_payload(kind, payload)
        with self._store.writing() as connection:
            walk = self._walk_to_end(connection)
            entry = make_entry(key, seq=walk.seq + 1, at=at, kind=kind, actor=actor, payload=plain, previous=walk.hash)
            try:
                walk.register.admit(entry)
            except RefusedEntryError as error:
                raise RefusedEntryError(f"{kind} is not recorded: {error}.") from error
            head = sign_checkpoint(key, entry.seq, entry.hash)
            self._store.insert(connection, entry, canonical_json(plain).decode(), head)
            walk.follow(entry)
        self._walk = walk
        self.keep_head(head)
        return entry

    def keep_head(self, head: Checkpoint) -> None:
        """Write a head of this ledger to its file outside the database, if there is one and it is not ahead."""
        if self._checkpoint is not None:
            advance_checkpoint(self._checkpoint, head, self.public_key)

    def everything(self) -> Generator[Entry]:
        """Every entry in order, from one unchanging view of the store, each checked by itself.

        Raises :class:`LedgerStoreError` at the first that is not as it was written.
        """
        with self._store.reading() as connection:
            for number, stored in enumerate(self._store.rows(connection), start=1):
                try:
                    entry = believe(stored, self.public_key)
                except LedgerError as error:
                    raise LedgerStoreError(
                        f"the ledger is broken at entry {number}: {error}; run: ledger verify."
                    ) from error
                yield entry

    def verify(self, anchors: Sequence[Checkpoint] = ()) -> Verification:
        """Walk the whole chain and hold it against its signed heads; finds the first bad entry. Never raises.

        ``anchors`` are heads that were handed out before (``anchors.py``): each must lie on the chain.
        """
        return self.believed(anchors)[0]

    def believed(self, anchors: Sequence[Checkpoint] = ()) -> tuple[Verification, Believed]:
        """What ``verify`` says, and the entries that it found good: all, or those before the first bad one.

        Never raises: for whoever must show what there is of a damaged ledger.
        """
        good: list[Entry] = []
        try:
            kept = [] if self._checkpoint is None else [read_checkpoint(self._checkpoint, self.public_key)]
            outside = [*kept, *anchors]
        except CheckpointError as error:
            return Verification(False, 0, None, str(error)), Believed()
        try:
            with self._store.reading() as connection:
                head = self._store.head(connection)
                verdict = verify_chain(self._store.rows(connection), self.public_key, head, outside, good)
        except LedgerStoreError as error:
            return Verification(False, 0, None, str(error)), Believed()
        return verdict, Believed(tuple(good))

    def head(self) -> Checkpoint:
        """The signed head that the store holds now. Raises :class:`LedgerStoreError` where there is none."""
        with self._store.reading() as connection:
            head = self._store.head(connection)
        if head is None:
            raise LedgerStoreError("the ledger has no signed head; run: ledger verify.")
        return head

    def export(self, path: Path) -> Path:
        """Write the chain and its head as JSONL, for verification without this database or this program's
        state."""
        with self._store.reading() as connection:
            entries = (believe(stored, self.public_key) for stored in self._store.rows(connection))
            write_export(path, entries, self._store.head(connection), self.public_key)
        return path

    def _walk_to_end(self, connection: Connection) -> Walk:
        """The state after the last entry. Raises where the chain, its end or its head is not as it was left.

        What this object walked before is not walked again; it is given up until the append has succeeded.
        """
        outside = None if self._checkpoint is None else read_checkpoint(self._checkpoint, self.public_key)
        walk, self._walk = self._walk or Walk.start(self.public_key), None
        try:
            stored = self._store.rows(connection, after=max(walk.seq - 1, 0))
            if walk.seq:
                walk.recognise(next(stored, None))
            for each in stored:
                walk.step(each)
        except BrokenChainError as error:
            raise LedgerStoreError(f"nothing is appended to a broken ledger ({error}); run: ledger verify.") from error
        self._require_whole(walk, self._store.head(connection), outside)
        return walk

    def _require_whole(self, walk: Walk, head: Checkpoint | None, outside: Checkpoint | None) -> None:
        is_whole = head is not None and head.is_genuine(self.public_key)
        is_at_end = head is not None and (head.seq, head.hash) == (walk.seq, walk.hash)
        is_on_chain = outside is None or walk.hash_at(outside.seq) == outside.hash
        if not (is_whole and is_at_end and is_on_chain):
            raise LedgerStoreError(
                "nothing is appended: the ledger does not end where its signed head says; run: ledger verify."
            )

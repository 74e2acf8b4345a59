"""One entry of the ledger: its content, its hash and its place in the chain.

Here belong the shape and the arithmetic of one entry. What the payload of each kind holds belongs in
``payloads.py``, where entries are kept in ``store.py``, and the chain as a whole in ``chain.py``.

The hash of an entry is SHA-256 over the canonical JSON of everything in it, the hash of the entry before
included; the signature is the ledger's over that hash.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.canonical import canonical_json
from evaluation.evidence import Json
from evaluation.ledger.errors import LedgerError
from evaluation.ledger.keys import is_signed, sign_document

ENTRY_SCHEMA = "pilothouse.ledger-entry/1"
SIGNATURE_SCHEMA = "pilothouse.ledger-signature/1"
GENESIS_SCHEMA = "pilothouse.ledger/1"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision, a person or an event, once written never changed. ``at`` is when it was recorded (UTC)."""

    seq: int
    at: datetime
    kind: str
    actor: str
    payload: Mapping[str, Json]
    previous: str
    hash: str
    signature: str

    def to_json(self) -> dict[str, Json]:
        """The entry as it is exported: one line of JSONL."""
        return {**_content(self), "hash": self.hash, "signature": self.signature}

    @property
    def effective_at(self) -> datetime:
        """When it took effect: earlier than ``at`` only where the payload says so (an automatic step
        down)."""
        text = self.payload.get("effective_at")
        return parse_instant(text) if isinstance(text, str) else self.at


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it lies in the store, before anything about it is believed: any member may be anything."""

    seq: object
    at: object
    kind: object
    actor: object
    payload: object
    previous: object
    hash: object
    signature: object


def genesis_hash(public_key: str) -> str:
    """What the first entry follows: bound to the ledger's key, so that no other chain can begin here."""
    return hashlib.sha256(canonical_json({"schema": GENESIS_SCHEMA, "public_key": public_key})).hexdigest()


def make_entry(  # the six members of an entry, and the key
    key: Ed25519PrivateKey,
    *,
    seq: int,
    at: datetime,
    kind: str,
    actor: str,
    payload: Mapping[str, Json],
    previous: str,
) -> Entry:
    """Chain and sign one entry. ``payload`` is plain JSON."""
    draft = Entry(seq, at.astimezone(UTC), kind, actor, payload, previous, "", "")
    digest = _hash(draft)
    return Entry(seq, draft.at, kind, actor, payload, previous, digest, sign_document(key, _signed(digest)))


def believe(stored: StoredEntry, public_key: str) -> Entry:
    """Turn a stored entry into an :class:`Entry` if every byte of it is as it was written.

    Raises :class:`LedgerError` with the reason. Its place in the chain is for ``chain.py`` to check.
    """
    entry = _parse(stored)
    if _hash(entry) != entry.hash:
        raise LedgerError("its content does not have the hash it carries")
    if not is_signed(_signed(entry.hash), entry.signature, public_key):
        raise LedgerError("its signature is not that of the ledger's key")
    return entry


def instant_text(at: datetime) -> str:
    """UTC with microseconds and ``Z``, always 27 characters, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """The inverse of :func:`instant_text`. Raises :class:`LedgerError` on any other spelling."""
    if not _INSTANT.fullmatch(text):
        raise LedgerError("its time is not written as UTC with microseconds")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise LedgerError("its time is no time of any calendar") from error


def _parse(stored: StoredEntry) -> Entry:
    texts = [
        stored.at,
        stored.kind,
        stored.actor,
        stored.payload,
        stored.previous,
        stored.hash,
        stored.signature,
    ]
    if not isinstance(stored.seq, int) or not all(isinstance(text, str) for text in texts):
        raise LedgerError("it is not made of text any more")
    at, kind, actor, payload, previous, digest, signature = cast("list[str]", texts)
    return Entry(stored.seq, parse_instant(at), kind, actor, _parse_payload(payload), previous, digest, signature)


def _parse_payload(text: str) -> Mapping[str, Json]:
    try:
        payload = json.loads(text)
        is_as_written = isinstance(payload, dict) and canonical_json(payload) == text.encode()
    except (ValueError, RecursionError) as error:
        raise LedgerError("its payload is not JSON any more") from error
    if not is_as_written:
        raise LedgerError("its payload is not in canonical form")
    return payload


def _content(entry: Entry) -> dict[str, Json]:
    return {
        "schema": ENTRY_SCHEMA,
        "seq": entry.seq,
        "at": instant_text(entry.at),
        "kind": entry.kind,
        "actor": entry.actor,
        "payload": entry.payload,
        "previous": entry.previous,
    }


def _hash(entry: Entry) -> str:
    try:
        return hashlib.sha256(canonical_json(_content(entry))).hexdigest()
    except UnicodeEncodeError as error:
        raise LedgerError("it holds bytes that are not UTF-8") from error


def _signed(digest: str) -> dict[str, str]:
    return {"schema": SIGNATURE_SCHEMA, "hash": digest}

"""Who did it: the actor of an entry as they signed it with their own key, or only as they were named.

Here belong the signed statement of an act and its reading back. An approval is a statement of its own
(``approval.py``); whether a signed act may be written down is decided in ``register.py``, and who may do what in
``gates/``.

The statement holds the kind of the entry, its actor, the moment of signing and the whole payload, so that a
signature can stand under nothing else.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Json
from evaluation.ledger.entry import Entry, instant_text, parse_instant
from evaluation.ledger.keys import is_signed, public_hex, sign_document
from evaluation.ledger.payloads import check_payload

ACT_SCHEMA = "pilothouse.act/1"
PROOF_MEMBER = "actor_proof"
SIGNED_KINDS = frozenset({"approval", "refusal", "key_rotated"})
"""Kinds whose payload is itself a statement that their actor signed."""

Proof = Literal["signature", "none"]


def claimed(payload: Mapping[str, object]) -> dict[str, object]:
    """The payload of somebody who was only named: nothing proves that it was they."""
    return {**payload, PROOF_MEMBER: {"proof": "none"}}


def sign_act(
    kind: str, actor: str, payload: Mapping[str, object], key: Ed25519PrivateKey, *, at: datetime
) -> dict[str, Json]:
    """The payload in its settled form with the actor's signature over it. Raises :class:`PayloadError`."""
    settled = check_payload(kind, _without_proof(payload))
    signed_at = instant_text(at)
    proof = {
        "proof": "signature",
        "signed_at": signed_at,
        "public_key": public_hex(key),
        "signature": sign_document(key, _statement(kind, actor, signed_at, settled)),
    }
    return {**settled, PROOF_MEMBER: proof}


def proof_of(entry: Entry) -> Proof:
    """What stands behind the actor of an entry; an entry from before there were proofs has none."""
    if entry.kind in SIGNED_KINDS:
        return "signature"
    return "signature" if _proof(entry).get("proof") == "signature" else "none"


def signature_of(entry: Entry) -> str:
    """The signature of a signed act: 128 hex digits."""
    return _proof(entry)["signature"]


def signed_at(entry: Entry) -> datetime:
    """When a signed act was signed, as its actor states it."""
    return parse_instant(_proof(entry)["signed_at"])


def is_act_of(entry: Entry, public_key: str) -> bool:
    """Whether exactly this key (64 hex digits) signed exactly this entry's content."""
    proof = _proof(entry)
    statement = _statement(entry.kind, entry.actor, proof["signed_at"], _without_proof(entry.payload))
    return proof["public_key"] == public_key and is_signed(statement, proof["signature"], public_key)


def _proof(entry: Entry) -> Mapping[str, str]:
    return cast("Mapping[str, str]", entry.payload.get(PROOF_MEMBER) or {})


def _without_proof(payload: Mapping[str, object]) -> dict[str, object]:
    return {member: value for member, value in payload.items() if member != PROOF_MEMBER}


def _statement(kind: str, actor: str, moment: str, payload: Mapping[str, object]) -> dict[str, object]:
    return {"schema": ACT_SCHEMA, "kind": kind, "actor": actor, "signed_at": moment, "payload": payload}

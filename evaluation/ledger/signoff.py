"""Writing people and their decisions into a ledger: one call per act of a person.

Here belong the few calls a command makes. What they write is shaped in ``people.py`` and ``approval.py``, and
what may be written is decided in ``register.py``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.ledger.act import claimed, sign_act
from evaluation.ledger.approval import SignedApproval
from evaluation.ledger.entry import Entry, instant_text
from evaluation.ledger.errors import RefusedEntryError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.people import registration, rotation


def register_person(
    ledger: Ledger,
    person: str,
    roles: Sequence[str],
    key: Ed25519PrivateKey,
    *,
    actor: str,
    at: datetime,
    actor_key: Ed25519PrivateKey | None = None,
) -> Entry:
    """Register a person with roles and their public key; ``actor`` is somebody else, who gives the roles.

    The key signs the registration and is not kept. Registering again changes roles; another key needs the old
    one revoked first (or :func:`rotate_key`). With ``actor_key`` the actor signs too, else they are only named. Raises
    :class:`LedgerError`.
    """
    return _append(ledger, "person_registered", actor, registration(person, roles, key), at, actor_key)


def rotate_key(ledger: Ledger, person: str, old: Ed25519PrivateKey, new: Ed25519PrivateKey, *, at: datetime) -> Entry:
    """Put a new key in the place of the person's current one, in one entry; what the old one signed stays valid.

    Raises :class:`LedgerError` where ``old`` is not the person's current key.
    """
    known = ledger.people().current(person)
    if known is None:
        raise RefusedEntryError("key_rotated is not recorded: the person is not registered (pilothouse key new).")
    return ledger.append("key_rotated", person, rotation(known, old, new), at=at)


def revoke_key(
    ledger: Ledger,
    person: str,
    reason: str,
    *,
    actor: str,
    at: datetime,
    actor_key: Ed25519PrivateKey | None = None,
    void_since: datetime | None = None,
) -> Entry:
    """Revoke a person's current key: what it signed before stays valid, nothing later counts.

    With ``void_since``, approvals recorded from then on are void too: for a key that somebody else may have held. A
    key is revoked again only to void more. Raises :class:`LedgerError`.
    """
    people = ledger.people()
    known = people.current(person)
    if known is None:
        raise RefusedEntryError("key_revoked is not recorded: the person is not registered (pilothouse key new).")
    before = people.revocation(known.public_key)
    voids_more = void_since is not None and (before is None or void_since < (before.void_since or before.at))
    if before is not None and not voids_more:
        raise RefusedEntryError(
            f"key_revoked is not recorded: the person's key is revoked already, since {instant_text(before.at)}; what "
            f"was recorded from {instant_text(before.void_since or before.at)} on is void."
        )
    payload: dict[str, object] = {"person": person, "public_key": known.public_key, "reason": reason}
    if void_since is not None:
        payload["void_since"] = instant_text(void_since)
    return _append(ledger, "key_revoked", actor, payload, at, actor_key)


def record_approval(ledger: Ledger, approval: SignedApproval, *, at: datetime) -> Entry:
    """Record what a person signed, as ``approval`` or ``refusal`` by its verdict. Raises
    :class:`LedgerError`."""
    kind = "approval" if approval.statement.verdict == "approve" else "refusal"
    return ledger.append(kind, approval.statement.person, approval.to_payload(), at=at)


def _append(
    ledger: Ledger,
    kind: str,
    actor: str,
    payload: Mapping[str, object],
    at: datetime,
    key: Ed25519PrivateKey | None,
) -> Entry:
    proven = claimed(payload) if key is None else sign_act(kind, actor, payload, key, at=at)
    return ledger.append(kind, actor, proven, at=at)

"""Writing people and their decisions into a ledger: one call per act of a person.

Here belong the few calls a command makes. What they write is shaped in ``people.py`` and ``approval.py``, and
what may be written is decided in ``register.py``.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.ledger.approval import SignedApproval
from evaluation.ledger.entry import Entry
from evaluation.ledger.errors import RefusedEntryError
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.people import registration


def register_person(
    ledger: Ledger, person: str, roles: Sequence[str], key: Ed25519PrivateKey, *, actor: str, at: datetime
) -> Entry:
    """Register a person with roles and their public key; ``actor`` is somebody else, who gives the roles.

    The key signs the registration and is not kept. Registering again changes roles; another key needs the old
    one revoked first. Raises :class:`LedgerError`.
    """
    return ledger.append("person_registered", actor, registration(person, roles, key), at=at)


def revoke_key(ledger: Ledger, person: str, reason: str, *, actor: str, at: datetime) -> Entry:
    """Revoke a person's current key: every approval signed with it is void from now on. Raises
    :class:`LedgerError`."""
    known = ledger.people().current(person)
    if known is None:
        raise RefusedEntryError("key_revoked is not recorded: the person is not registered.")
    payload = {"person": person, "public_key": known.public_key, "reason": reason}
    return ledger.append("key_revoked", actor, payload, at=at)


def record_approval(ledger: Ledger, approval: SignedApproval, *, at: datetime) -> Entry:
    """Record what a person signed, as ``approval`` or ``refusal`` by its verdict. Raises
    :class:`LedgerError`."""
    kind = "approval" if approval.statement.verdict == "approve" else "refusal"
    return ledger.append(kind, approval.statement.person, approval.to_payload(), at=at)

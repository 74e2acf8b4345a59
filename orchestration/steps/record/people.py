"""People who may approve: their key pair made, the public half registered on the ledger, replaced, revoked.

What does not belong here: which role may do what (evaluation/policies).
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.drift.semantic_policy import load_semantic_policy
from evaluation.ledger import (
    Ledger,
    LedgerError,
    generate_private_key,
    load_private_key,
    public_hex,
    recorded,
    register_person,
    revoke_key,
    rotate_key,
    write_private_key,
)
from evaluation.policies import load_policy
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, said
from orchestration.steps.record.actors import ACCOUNT_PREFIX, AUTOMATIC, Actor, actor_of
from orchestration.steps.record.records import entry_document, instant, now, open_records
from orchestration.steps.secret_files import sweep_keys

RESERVED = ("operator", AUTOMATIC)


class UnknownRole(StepError):
    """A role that no policy names: whoever held it could decide nothing, or something that nobody wrote down."""


class KeyKept(StepError):
    """Something failed when the ledger had the key, or may have it: the message says where its private half is."""


class ReservedName(StepError):
    """The name of a part of the system or of an account; a person of that name could pass for it."""


def new_person(
    settings: Settings, person: str, roles: Sequence[str], key_file: Path, actor: Actor | None = None
) -> dict[str, Any]:
    """Register a new key pair and keep the private half in `key_file` (0600, never over an existing file).

    Nothing is left behind that was not recorded. Raises `UnknownRole`, `ReservedName`, `KeyKept` and `LedgerError`.
    """
    registrar = (actor or actor_of(None, None)).required()
    _require_roles(roles)
    if person in RESERVED or person.startswith(ACCOUNT_PREFIX):
        raise ReservedName(f"{person} names a part of the system, not a person; choose another id.")
    ledger = open_records(settings)
    with _new_key(ledger, key_file) as private_key:
        entry = register_person(
            ledger, person, list(roles), private_key, actor=registrar.name, at=now(), actor_key=registrar.key
        )
    return {**entry_document(entry), "key": str(key_file)}


def rotate_person(settings: Settings, person: str, old_file: Path, key_file: Path) -> dict[str, Any]:
    """Put a new key, kept in `key_file`, in the place of the one in `old_file`: roles stay, and so does what it signed.

    The old file is left where it is: it signs nothing that counts any more. Raises `KeyKept` and `LedgerError`.
    """
    old, ledger = load_private_key(old_file), open_records(settings)
    with _new_key(ledger, key_file) as private_key:
        entry = rotate_key(ledger, person, old, private_key, at=now())
    return {**entry_document(entry), "key": str(key_file)}


def revoke_person(
    settings: Settings, person: str, reason: str, actor: Actor | None = None, since: str | None = None
) -> dict[str, Any]:
    """Record that nothing the person's key signs counts from now on, nor what was recorded from ISO time `since` on.

    Says which approvals of the person still count. Raises `LedgerError`, also when it was revoked.
    """
    revoker = (actor or actor_of(None, None)).required()
    ledger, void_since = open_records(settings), None if since is None else instant(since)
    entry = revoke_key(
        ledger, person, reason, actor=revoker.name, at=now(), actor_key=revoker.key, void_since=void_since
    )
    return {**entry_document(entry), "warnings": _still_counting(ledger, person)}


def _still_counting(ledger: Ledger, person: str) -> list[str]:
    """Approvals that a revocation leaves valid, so that whoever fears for the key voids them as well."""
    people = ledger.people()
    given = [recorded(entry) for entry in ledger.entries(kinds=("approval",)) if entry.actor == person]
    kept = [one for one in given if not people.is_void(one.signed.public_key, one.seq, one.recorded_at)]
    if not kept:
        return []
    last = f"{kept[-1].recorded_at:%Y-%m-%d %H:%M} UTC"
    return [
        f"{len(kept)} approvals that {person} signed before stay valid, the last of {last}. If somebody else may have "
        "held the key, revoke it again with --since TIME: what was recorded from then on is void too."
    ]


@contextmanager
def _new_key(ledger: Ledger, key_file: Path) -> Generator[Ed25519PrivateKey]:
    """A new private key, kept in `key_file` only if the ledger has its public half, or nobody can say that it has not.

    A person whose key is registered and gone is locked out until somebody revokes it.
    """
    ledger.people()  # a ledger that cannot be read is said before there is a key
    private_key = generate_private_key()
    sweep_keys(key_file.parent, key_file.name)
    write_private_key(key_file, private_key)
    try:
        yield private_key
    except BaseException as error:  # whatever stopped it, an interrupt included
        if not _may_be_recorded(ledger, private_key):
            key_file.unlink()
            raise
        if not isinstance(error, Exception):
            raise
        raise KeyKept(
            f"The key was made and is kept in {key_file.name}: the ledger has its public half, or may have it. What "
            f"failed after that: {said(error).rstrip('.')}. See with: pilothouse ledger verify, and ledger show."
        ) from error


def _may_be_recorded(ledger: Ledger, private_key: Ed25519PrivateKey) -> bool:
    try:
        return ledger.people().owner_of(public_hex(private_key)) is not None
    except LedgerError:
        return True


def known_roles() -> list[str]:
    """Return every role that a policy gives something to decide, sorted."""
    policies = [load_policy(use_case) for use_case in use_case_names()]
    approving = {role for policy in policies for kind in policy.approvals.kinds for role in kind.roles}
    stepping = {role for policy in policies for role in (*policy.rights.step_down_roles, *policy.rights.step_up_roles)}
    reviewing = set(load_semantic_policy().reviewers.values())
    return sorted(approving | stepping | reviewing)


def _require_roles(roles: Sequence[str]) -> None:
    known = known_roles()
    unknown = [role for role in roles if role not in known]
    if unknown:
        raise UnknownRole(f"No policy knows the role {unknown[0]!r}; known are {', '.join(known)}.")

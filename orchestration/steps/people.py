"""People who may approve: their key pair made, the public half registered on the ledger, revoked when lost.

What does not belong here: which role may do what (evaluation/policies).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.drift.semantic_policy import load_semantic_policy
from evaluation.ledger import generate_private_key, register_person, revoke_key, write_private_key
from evaluation.policies import load_policy
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.actors import ACCOUNT_PREFIX, AUTOMATIC, Actor, actor_of
from orchestration.steps.errors import StepError
from orchestration.steps.records import entry_document, now, open_records

RESERVED = ("operator", AUTOMATIC)


class UnknownRole(StepError):
    """A role that no policy names: whoever held it could decide nothing, or something that nobody wrote down."""


class ReservedName(StepError):
    """The name of a part of the system or of an account; a person of that name could pass for it."""


def new_person(
    settings: Settings, person: str, roles: Sequence[str], key_file: Path, actor: Actor | None = None
) -> dict[str, Any]:
    """Register a new key pair and keep the private half in `key_file` (0600, never over an existing file).

    Nothing is left behind that was not recorded. Raises `UnknownRole`, `ReservedName` and `LedgerError`.
    """
    registrar = (actor or actor_of(None, None)).required()
    _require_roles(roles)
    if person in RESERVED or person.startswith(ACCOUNT_PREFIX):
        raise ReservedName(f"{person} names a part of the system, not a person; choose another id.")
    ledger, private_key = open_records(settings), generate_private_key()
    write_private_key(key_file, private_key)
    try:
        entry = register_person(
            ledger, person, list(roles), private_key, actor=registrar.name, at=now(), actor_key=registrar.key
        )
    except BaseException:  # whatever stopped it, an interrupt included: no key without its entry
        key_file.unlink()
        raise
    return {**entry_document(entry), "key": str(key_file)}


def revoke_person(settings: Settings, person: str, reason: str, actor: Actor | None = None) -> dict[str, Any]:
    """Record that the person's key counts for nothing from now on. Raises `LedgerError`, also when it was revoked."""
    revoker = (actor or actor_of(None, None)).required()
    entry = revoke_key(open_records(settings), person, reason, actor=revoker.name, at=now(), actor_key=revoker.key)
    return entry_document(entry)


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

"""People who may approve: their key pair made, the public half registered on the ledger, revoked when lost.

What does not belong here: which role may do what (evaluation/policies).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.ledger import generate_private_key, register_person, revoke_key, write_private_key
from orchestration.settings import Settings
from orchestration.steps.records import entry_document, now, open_records

OPERATOR = "operator"


def new_person(settings: Settings, person: str, roles: Sequence[str], key_file: Path) -> dict[str, Any]:
    """Write a new private key to `key_file` (0600, never over an existing file) and register the public half."""
    private_key = generate_private_key()
    write_private_key(key_file, private_key)
    entry = register_person(open_records(settings), person, list(roles), private_key, actor=OPERATOR, at=now())
    return {**entry_document(entry), "key": str(key_file)}


def revoke_person(settings: Settings, person: str, reason: str) -> dict[str, Any]:
    """Record that the person's key counts for nothing from now on."""
    return entry_document(revoke_key(open_records(settings), person, reason, actor=OPERATOR, at=now()))

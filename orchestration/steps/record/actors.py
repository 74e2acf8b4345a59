"""Who is at the controls: a person who signs, somebody who is only named, or the account of the operating system.

Here belongs turning `--as` and `--key` into an actor whose entries say what stands behind the name. What does not
belong here: who may do what (evaluation/gates), and the people themselves (people).
"""

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.ledger import LedgerError, claimed, is_person, load_private_key, public_hex, sign_act
from orchestration.steps.errors import WrongUsage

ACCOUNT_PREFIX = "os."
AUTOMATIC = "pilothouse"
LONGEST_ACCOUNT = 60


class ActorNotUsable(WrongUsage):
    """What was given as person or key names nobody; the message says which."""


@dataclass(frozen=True)
class Actor:
    """`name` goes on the ledger. `key` signs what they do; `problem` says why what was given proves nothing.

    `is_account` where nobody was named: the name is then that of the operating system's account.
    """

    name: str
    key: Ed25519PrivateKey | None = field(default=None, repr=False)
    problem: str = ""
    is_account: bool = False

    @property
    def public_key(self) -> str | None:
        return None if self.key is None else public_hex(self.key)

    def act(self, kind: str, payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """The payload of an entry with what stands behind its actor. Raises `PayloadError`."""
        if self.key is None:
            return claimed(payload)
        return dict(sign_act(kind, self.name, payload, self.key, at=at))

    def required(self) -> "Actor":
        """This actor, unless something that was given cannot be used. Raises `ActorNotUsable`."""
        if self.problem:
            raise ActorNotUsable(self.problem)
        return self


def actor_of(person: str | None, key_file: Path | None) -> Actor:
    """Return who acts, never raising: going down must not fail for a mistyped name. Others ask `required()`."""
    if person is None:
        problem = "" if key_file is None else "--key proves nothing without --as PERSON, whose key it is."
        return Actor(account(), problem=problem, is_account=True)
    if not is_person(person):
        what = "--as takes the id of a person: lower-case letters, digits, '.', '_' and '-', at least two of them."
        return Actor(account(), problem=what, is_account=True)
    if key_file is None:
        return Actor(person)
    try:
        return Actor(person, load_private_key(key_file))
    except LedgerError as error:
        return Actor(person, problem=f"--key cannot be used: {error}")


def account() -> str:
    """Return the operating system's account as an id of its own kind, which no registered person can have."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid-{number}"
    return ACCOUNT_PREFIX + (re.sub(r"[^a-z0-9._-]", "-", name.lower())[:LONGEST_ACCOUNT] or f"uid-{number}")

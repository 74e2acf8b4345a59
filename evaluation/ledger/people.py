"""People who decide: their roles and public keys, as the ledger registered them over time.

Here belong registrations and looking them up. Which roles may approve what is policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Json
from evaluation.ledger.entry import Entry
from evaluation.ledger.keys import is_signed, public_hex, sign_document

PERSON_SCHEMA = "pilothouse.person/1"


@dataclass(frozen=True, slots=True)
class Person:
    """One registration: it holds from its entry until the next registration of the same person."""

    person: str
    roles: frozenset[str]
    public_key: str
    seq: int
    registered_at: datetime


@dataclass(slots=True)
class People:
    """Everybody the ledger knows, in the order of their entries. Filled by :meth:`take_in`, read by the
    gates."""

    _registrations: dict[str, list[Person]] = field(default_factory=dict[str, list[Person]])
    _revoked: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def take_in(self, entry: Entry) -> None:
        """Note one entry of the kinds ``person_registered`` and ``key_revoked``; others change nothing."""
        payload = cast("Mapping[str, str]", entry.payload)
        if entry.kind == "person_registered":
            roles = frozenset(cast("Sequence[str]", entry.payload["roles"]))
            person = Person(payload["person"], roles, payload["public_key"], entry.seq, entry.at)
            self._registrations.setdefault(person.person, []).append(person)
        elif entry.kind == "key_revoked":
            self._revoked.setdefault(payload["public_key"], entry.at)

    def current(self, person: str) -> Person | None:
        """The latest registration, whether or not its key was revoked."""
        known = self._registrations.get(person)
        return known[-1] if known else None

    def before(self, person: str, seq: int) -> Person | None:
        """The registration that held when entry ``seq`` was written."""
        return _last([each for each in self._registrations.get(person, []) if each.seq < seq])

    def at(self, person: str, time: datetime) -> Person | None:
        """The registration that held at ``time``, if its key was not revoked by then."""
        known = _last([each for each in self._registrations.get(person, []) if each.registered_at <= time])
        if known is None or self.revoked_at(known.public_key, time) is not None:
            return None
        return known

    def revoked_at(self, public_key: str, time: datetime) -> datetime | None:
        """When the key was revoked, if that was at ``time`` or before."""
        moment = self._revoked.get(public_key)
        return moment if moment is not None and moment <= time else None

    def is_revoked(self, public_key: str) -> bool:
        """Whether the key was ever revoked; a revoked key never comes back."""
        return public_key in self._revoked

    def owner_of(self, public_key: str) -> str | None:
        """The person who registered this key, now or earlier."""
        for person, registrations in self._registrations.items():
            if any(each.public_key == public_key for each in registrations):
                return person
        return None


def registration(person: str, roles: Sequence[str], key: Ed25519PrivateKey) -> dict[str, Json]:
    """The payload of ``person_registered``: the person's own key signs it, which proves that they hold it."""
    statement = _statement(person, sorted(set(roles)), public_hex(key))
    proof = sign_document(key, statement)
    return {**{name: statement[name] for name in ("person", "roles", "public_key")}, "proof": proof}


def is_proven(payload: Mapping[str, Json]) -> bool:
    """Whether the registered key itself signed the registration."""
    members = cast("Mapping[str, str]", payload)
    statement = _statement(members["person"], cast("Sequence[str]", payload["roles"]), members["public_key"])
    return is_signed(statement, members["proof"], members["public_key"])


def _statement(person: str, roles: Sequence[str], public_key: str) -> dict[str, Json]:
    return {"schema": PERSON_SCHEMA, "person": person, "roles": list(roles), "public_key": public_key}


def _last(registrations: list[Person]) -> Person | None:
    return registrations[-1] if registrations else None

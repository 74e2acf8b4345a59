"""People who decide: their roles and public keys, as the ledger registered them over time.

Here belong registrations and looking them up. Which roles may approve what is policy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Json
from evaluation.ledger.entry import Entry, parse_instant
from evaluation.ledger.keys import is_signed, public_hex, sign_document

PERSON_SCHEMA = "pilothouse.person/1"
ROTATION_SCHEMA = "pilothouse.key-rotation/1"
PEOPLE_KINDS = ("person_registered", "key_rotated", "key_revoked")
"""Kinds of entry that say who somebody is."""


@dataclass(frozen=True, slots=True)
class Person:
    """One registration: it holds from its entry until the next registration of the same person."""

    person: str
    roles: frozenset[str]
    public_key: str
    seq: int
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a key was revoked, by which entry, and since when what it signed is void though it came before that."""

    at: datetime
    seq: int
    void_since: datetime | None


@dataclass(slots=True)
class People:
    """Everybody the ledger knows, in the order of their entries. Filled by :meth:`take_in`, read by the
    gates."""

    _registrations: dict[str, list[Person]] = field(default_factory=dict[str, list[Person]])
    _revoked: dict[str, Revocation] = field(default_factory=dict[str, Revocation])

    def take_in(self, entry: Entry) -> None:
        """Note one entry of the kinds that say who somebody is (``PEOPLE_KINDS``); others change nothing."""
        payload = cast("Mapping[str, str]", entry.payload)
        if entry.kind in ("person_registered", "key_rotated"):
            roles = frozenset(cast("Sequence[str]", entry.payload["roles"]))
            person = Person(payload["person"], roles, payload["public_key"], entry.seq, entry.at)
            self._registrations.setdefault(person.person, []).append(person)
        elif entry.kind == "key_revoked":
            self._revoke(entry, payload)

    def _revoke(self, entry: Entry, payload: Mapping[str, str]) -> None:
        """The first revocation counts; a later one can only void more.

        A time since which not to trust is about the person: it voids what any key signed that they held since then.
        """
        named = parse_instant(payload["void_since"]) if payload.get("void_since") else None
        held = {each.public_key for each in self._registrations.get(payload["person"], [])} if named else set[str]()
        for public_key in {payload["public_key"], *held}:
            first = self._revoked.get(public_key, Revocation(entry.at, entry.seq, named))
            since = [one for one in (first.void_since, named) if one is not None]
            self._revoked[public_key] = Revocation(first.at, first.seq, min(since, default=None))

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

    def holding(self, roles: Collection[str], time: datetime) -> list[str]:
        """Who may act in one of these roles at ``time``, sorted."""
        known = [self.at(person, time) for person in self._registrations]
        return sorted(each.person for each in known if each is not None and not each.roles.isdisjoint(roles))

    def revoked_at(self, public_key: str, time: datetime) -> datetime | None:
        """When the key was revoked, if that was at ``time`` or before."""
        revocation = self._revoked.get(public_key)
        return revocation.at if revocation is not None and revocation.at <= time else None

    def is_revoked(self, public_key: str) -> bool:
        """Whether the key was ever revoked; a revoked key never comes back."""
        return public_key in self._revoked

    def revocation(self, public_key: str) -> Revocation | None:
        """What revoked the key, if anything did."""
        return self._revoked.get(public_key)

    def is_void(self, public_key: str, seq: int, recorded_at: datetime) -> bool:
        """Whether a revocation voids what the key signed in entry ``seq``, recorded by the ledger's clock, not the
        signer's."""
        revocation = self._revoked.get(public_key)
        if revocation is None:
            return False
        since = revocation.void_since
        return seq > revocation.seq or (since is not None and recorded_at >= since)

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


def rotation(person: Person, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> dict[str, Json]:
    """The payload of ``key_rotated``: the new key proves that it is held, the old one that its owner wants it."""
    payload = registration(person.person, sorted(person.roles), new)
    previous = public_hex(old)
    signature = sign_document(old, _rotation_statement(person.person, public_hex(new), previous))
    return {**payload, "previous_key": previous, "previous_signature": signature}


def is_wanted(payload: Mapping[str, Json]) -> bool:
    """Whether the key before signed that the new one takes its place."""
    members = cast("Mapping[str, str]", payload)
    statement = _rotation_statement(members["person"], members["public_key"], members["previous_key"])
    return is_signed(statement, members["previous_signature"], members["previous_key"])


def _rotation_statement(person: str, public_key: str, previous: str) -> dict[str, Json]:
    return {"schema": ROTATION_SCHEMA, "person": person, "public_key": public_key, "previous_key": previous}


def _statement(person: str, roles: Sequence[str], public_key: str) -> dict[str, Json]:
    return {"schema": PERSON_SCHEMA, "person": person, "roles": list(roles), "public_key": public_key}


def _last(registrations: list[Person]) -> Person | None:
    return registrations[-1] if registrations else None

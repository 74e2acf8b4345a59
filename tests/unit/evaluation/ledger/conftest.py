"""A small hospital board that writes into a ledger: people with real keys, a clock that only moves when told."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.evidence import Subject
from evaluation.ledger import (
    ApprovalStatement,
    Entry,
    Ledger,
    open_ledger,
    record_approval,
    register_person,
    sign_approval,
)
from evaluation.policies import Stage

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
SUBJECT = Subject("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
DEFAULT_POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/test"


@dataclass
class Board:
    """Writes what a test needs; every call records at ``now``."""

    ledger: Ledger
    now: datetime = START
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    def key(self, person: str) -> Ed25519PrivateKey:
        if person not in self.keys:
            seed = person.encode().ljust(32, b".")[:32]
            self.keys[person] = Ed25519PrivateKey.from_private_bytes(seed)
        return self.keys[person]

    def register(self, person: str, *roles: str) -> Entry:
        return register_person(self.ledger, person, roles, self.key(person), actor="administrator", at=self.now)

    def statement(self, person: str, role: str, kind: str, **changes: object) -> ApprovalStatement:
        members = {
            "use_case": "triage",
            "site": "city",
            "stage": Stage.SHADOW,
            "kind": kind,
            "person": person,
            "role": role,
            "subject": SUBJECT,
            "verdict": "approve",
            "decided_on": self.now,
            "note": "",
        }
        return ApprovalStatement(**{**members, **changes})

    def say(self, person: str, role: str, kind: str, **changes: object) -> Entry:
        signed = sign_approval(self.statement(person, role, kind, **changes), self.key(person))
        return record_approval(self.ledger, signed, at=self.now)

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def review(self, outcome: str = "continue") -> Entry:
        payload = {"use_case": "triage", "site": "city", "outcome": outcome, "next_review": "2027-01-01"}
        return self.ledger.append("review", "board", payload, at=self.now)

    def two_approvals(self) -> tuple[Entry, Entry]:
        self.register("anna.berg", "clinical_safety_lead")
        self.register("ben.stone", "nursing_lead")
        return (
            self.say("anna.berg", "clinical_safety_lead", "model"),
            self.say("ben.stone", "nursing_lead", "workflow"),
        )

    def promotion(self, approvals: tuple[Entry, ...], **changes: object) -> dict[str, object]:
        references = [
            {
                **{name: entry.payload["statement"][name] for name in ("kind", "person", "role")},
                "ledger_hash": entry.hash,
            }
            for entry in approvals
        ]
        payload = {
            "use_case": "triage",
            "site": "city",
            "from_stage": "off",
            "stage": "shadow",
            "release": "a" * 64,
            "previous": None,
            "generation": 1,
            "subject": SUBJECT.to_json(),
            "decision": "b" * 64,
            "evidence": [{"kind": "performance", "digest": "c" * 64}],
            "approvals": references,
            "author": "mia.author",
        }
        return {**payload, **changes}

    def promote(self, approvals: tuple[Entry, ...], **changes: object) -> Entry:
        return self.ledger.append("promotion", "release-desk", self.promotion(approvals, **changes), at=self.now)


LEDGER_KEY = Ed25519PrivateKey.from_private_bytes(b"the ledger's own key, for tests!")


@pytest.fixture
def ledger_key() -> Ed25519PrivateKey:
    return LEDGER_KEY


@pytest.fixture
def board(tmp_path: Path) -> Board:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    return Board(open_ledger(url, key=LEDGER_KEY, checkpoint=tmp_path / "head.json"))


@pytest.fixture
def postgres() -> Iterator[tuple[str, str]]:
    """The URL of a real Postgres and a table prefix of this test alone, dropped afterwards."""
    named = os.environ.get("PILOTHOUSE_TEST_POSTGRES_URL")
    url = named or DEFAULT_POSTGRES
    plain = url.replace("+psycopg", "")
    try:
        psycopg.connect(plain, connect_timeout=3).close()
    except psycopg.OperationalError:
        if named:
            raise
        pytest.skip("no Postgres at the default address; set PILOTHOUSE_TEST_POSTGRES_URL")
    prefix = f"t{secrets.token_hex(6)}_"
    yield url, prefix
    with psycopg.connect(plain) as connection:
        for table in ("entries", "head", "meta"):
            connection.execute(f"drop table if exists {prefix}{table}")
        connection.execute(f"drop function if exists {prefix}refuse()")


@pytest.fixture(params=["sqlite", "postgres"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URL and prefix of an empty store, in SQLite and in Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}", "pilothouse_"
    return request.getfixturevalue("postgres")

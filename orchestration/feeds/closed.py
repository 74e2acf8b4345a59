"""Who was erased, as keyed digests: what of them comes again is counted as deleted and goes nowhere.

Whoever was erased stays closed, for old records and for new ones: nobody is known by half. A digest is keyed with the
site's key, so that a tombstone names nobody. What does not belong here: destroying what is there.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.contracts import ContractObject
from orchestration.feeds.persons import Whose
from orchestration.feeds.relation import rows

CLOSED = "closed_digest"
DOMAIN = "erased\x1f"


def digest_of(key: bytes, pseudonym: str) -> str:
    """Return what a tombstone knows a pseudonym by; the same as the SQL below."""
    content_key = hmac.new(key, b"pilothouse content", hashlib.sha256).digest()
    return hashlib.sha256(content_key + f"{DOMAIN}{pseudonym}".encode()).hexdigest()


@dataclass(frozen=True)
class Closed:
    """The tombstones of one site: `folder` holds one file per erasure."""

    folder: Path

    @staticmethod
    def of(home: Path, site: str) -> "Closed":
        return Closed(home / "erasures" / site)

    def digests(self) -> set[str]:
        """Return the digests of every person and record key that is closed."""
        found = (json.loads(path.read_bytes()) for path in sorted(self.folder.glob("*.json")))
        return {digest for one in found if not one.get("lifted") for digest in one["digests"]}

    def load(self, db: duckdb.DuckDBPyConnection) -> bool:
        """Let a landing know them; return whether there are any."""
        digests = self.digests()
        fill(db, digests)
        return bool(digests)


def fill(db: duckdb.DuckDBPyConnection, digests: Iterable[str]) -> None:
    db.execute(f"create or replace temp table {CLOSED} (digest varchar)")
    if listed := sorted(digests):
        db.execute(f"insert into {CLOSED} select unnest(?::varchar[])", [listed])


def is_closed(db: duckdb.DuckDBPyConnection, item: ContractObject) -> str:
    """Return an SQL condition over a compiled row: its person, or its record, was erased."""
    db.execute(f"create temp table if not exists {CLOSED} (digest varchar)")
    if not rows(db, f"select 1 from {CLOSED} limit 1"):
        return "false"
    keys = f"list_append({Whose.of(item).persons}, _key)"
    digests = f"list_transform({keys}, lambda x: content_of('erased' || chr(31) || x))"
    return f"list_has_any({digests}, (select list(digest) from {CLOSED}))"

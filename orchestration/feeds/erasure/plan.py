"""What an erasure will do, worked out before anything is destroyed, so that one that was stopped can be finished.

What does not belong here: doing it. A plan names keys and places; it lies encrypted until it is carried out.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contracts import ContractObject, sql
from orchestration.feeds.closed import digest_of
from orchestration.feeds.erasure.scanning import Found, Reader, plain_database, scan
from orchestration.feeds.errors import NothingToErase
from orchestration.feeds.persons import PERSON_KEY, RECORD_KEY, VISIT_KEY, Whose, all_keys, want
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.relation import rows
from orchestration.feeds.reread import read_receipt
from orchestration.feeds.store import Store
from orchestration.feeds.vault import Kind

ID_DIGITS = 16
DAYS = {"y": 365.25, "m": 30.4375, "d": 1.0, "h": 1 / 24}  # of a unit, by its first letter


@dataclass(frozen=True)
class Part:
    """What happens to one kept file: `lines` are blanked (null: all of it goes); `mine` are the person's own."""

    lines: list[int] | None
    mine: list[int]
    kind: str
    size: int
    others: int = 0


@dataclass(frozen=True)
class Plan:
    """One erasure at one site. `digests` are what the tombstone keeps of the keys."""

    id: str
    site: str
    persons: list[str]
    visits: list[str]
    records: list[str]
    digests: list[str]
    parts: dict[str, Part] = field(default_factory=dict[str, Part])
    archives: list[str] = field(default_factory=list[str])

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @staticmethod
    def from_bytes(content: bytes) -> "Plan":
        read: dict[str, Any] = json.loads(content)
        parts: dict[str, Part] = {sha: Part(**part) for sha, part in read.pop("parts").items()}
        return Plan(**read, parts=parts)


def lake_sources(store: Store, site: str, objects: list[ContractObject]) -> list[tuple[ContractObject, str]]:
    """Return each lake table with rows of a site, as a relation with every column that its contract has now."""
    found: list[tuple[ContractObject, str]] = []
    for item in objects:
        files = sorted(store.lake.glob(f"{item.table}/site={site}/day=*/*.parquet"))
        if files:
            found.append((item, source_of(store, item, files)))
    return found


def source_of(store: Store, item: ContractObject, files: list[Path]) -> str:
    anchors = sorted(store.lake.glob(f"{item.table}/site=_anchor/day=*/*.parquet"))
    listed = ", ".join(sql.text(str(path)) for path in [*files, *anchors])
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false, filename = true)"


def plan_erasure(reader: Reader, given: str, value: str | None = None) -> Plan:
    """Find everything of the person whom `given` (a pseudonym) names; `value` is the identifier itself where known.

    Raises `NothingToErase`, `TooManyKeys`.
    """
    with plain_database(reader) as db:
        persons, visits, records = _keys(db, reader, given)
        parts, archives = _parts(db, reader, {value} if value else set())
    if not records and not parts:
        raise NothingToErase(
            f"Nothing at {reader.site} is known by this identifier. Name the authority as the feed does (a FHIR id: "
            "Patient), or give the --patient-key of a row."
        )
    digests = sorted(digest_of(reader.key, key) for key in {*persons, *records})
    return Plan(
        f"erasure-{digest_of(reader.key, chr(10).join(sorted(persons)))[:ID_DIGITS]}",
        reader.site, sorted(persons), sorted(visits), sorted(records), digests, parts, archives,
    )  # fmt: skip


def _keys(db: duckdb.DuckDBPyConnection, reader: Reader, given: str) -> tuple[set[str], set[str], set[str]]:
    sources = lake_sources(reader.store, reader.site, reader.objects)
    persons = all_keys(db, sources, {given})
    want(db, PERSON_KEY, sorted(persons))
    want(db, VISIT_KEY, [])
    want(db, RECORD_KEY, [])
    visits = {key for item, source in sources for key in _visits(db, item, source)}
    want(db, VISIT_KEY, sorted(visits))
    records = {
        str(key)
        for item, source in sources
        for (key,) in rows(db, f"select distinct _key from {source} where {Whose.of(item).is_wanted()}")
    }
    want(db, RECORD_KEY, sorted(records))
    return persons, visits, records


def _visits(db: duckdb.DuckDBPyConnection, item: ContractObject, source: str) -> Iterator[str]:
    """Yield the visits of rows that name wanted persons only: one that names two persons may be of the other."""
    whose = Whose.of(item)
    wanted = f"(select list(key) from {PERSON_KEY})"
    only = f"len({whose.persons}) > 0 and list_has_all({wanted}, {whose.persons})"
    return (str(key) for (key,) in rows(db, f"select distinct unnest({whose.visits}) from {source} where {only}"))


def _parts(db: duckdb.DuckDBPyConnection, reader: Reader, plain: set[str]) -> tuple[dict[str, Part], list[str]]:
    """Scan what the lake names first, so that the person's plain identifiers are known when the others are."""
    receipts = {receipt.sha256: receipt for receipt in _receipts(reader)}
    named = _named_files(db, reader) & receipts.keys()
    found: dict[str, Found] = {}
    for sha256 in [*sorted(named), *sorted(receipts.keys() - named)]:
        if reader.store.vault.kind(sha256) in (None, Kind.ERASED):
            continue
        found[sha256] = scan(db, reader, receipts[sha256], () if sha256 in named else plain)
        plain |= found[sha256].plain
    parts = {sha: part for sha, one in found.items() if (part := _part(reader, sha, one))}
    archives = {archive for sha in parts if (archive := receipts[sha].archive)}
    return parts, sorted(archives)


def _receipts(reader: Reader) -> Iterator[StoredReceipt]:
    for path in sorted(reader.home.glob(f"receipts/{reader.site}/*/*.json")):
        yield read_receipt(path)


def _named_files(db: duckdb.DuckDBPyConnection, reader: Reader) -> set[str]:
    return {
        str(sha)
        for item, source in lake_sources(reader.store, reader.site, reader.objects)
        for (sha,) in rows(db, f"select distinct _file from {source} where {Whose.of(item).is_wanted()}")
    }


def _part(reader: Reader, sha256: str, found: Found) -> Part | None:
    size, gone = reader.store.vault.size(sha256), found.lines | found.doubtful
    if found.is_whole or (found.lines and len(gone) >= found.records):
        return Part(None, sorted(found.lines), found.kind, size)
    if not gone:
        return None
    return Part(sorted(gone), sorted(found.lines), found.kind, size, found.records - len(gone))


def plan_expiry(reader: Reader, at: datetime) -> dict[str, datetime]:
    """Return, by feed, the moment before which what arrived is past its contract's term."""
    cutoffs: dict[str, datetime] = {}
    for feed, contract in reader.contracts.items():
        agreed = contract.agreed("retention")
        if agreed is not None:
            cutoffs[feed] = _before(at.astimezone(UTC), float(agreed.value), agreed.unit)
    return cutoffs


def _before(at: datetime, value: float, unit: str) -> datetime:
    return at - timedelta(days=value * DAYS[unit[:1]])

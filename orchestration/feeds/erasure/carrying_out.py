"""A plan carried out, in an order in which every step can be repeated: tombstone, bytes, quarantine, lake, journal.

What does not belong here: what was derived from the lake (orchestration/steps). The journal lies encrypted beside the
tombstones from before the first step to after the last; whoever finds one carries it out to its end.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from orchestration.contracts import sql
from orchestration.feeds.closed import Closed
from orchestration.feeds.erasure.blanking import blanked_object
from orchestration.feeds.erasure.plan import Part, Plan, lake_sources, plan_expiry, source_of
from orchestration.feeds.erasure.scanning import Reader
from orchestration.feeds.lake import write_parquet
from orchestration.feeds.persons import PERSON_KEY, RECORD_KEY, VISIT_KEY, Whose, want
from orchestration.feeds.relation import connection, fetch_arrow, rows
from orchestration.feeds.reread import read_receipt
from orchestration.feeds.sniff import Format
from orchestration.feeds.stock import forget_index
from orchestration.feeds.store import flush, place, sync_folders
from orchestration.feeds.vault import Kind

SCHEMA = "pilothouse.tombstone/1"
JOURNAL = ".journal"


@dataclass(frozen=True)
class Erased:
    """What an erasure came to. `lost` are records of others that cannot be replayed any more, with their files."""

    id: str
    site: str
    at: str
    keys: int
    rows: int
    quarantined: int
    rewritten: int
    destroyed: int
    lost: int
    days: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def carry_out(reader: Reader, plan: Plan, at: datetime) -> Erased:
    """Write the journal, do every step, remove the journal. Wants the site's lock."""
    store = reader.store
    journal = _folder(reader) / f"{plan.id}{JOURNAL}"
    store.vault.wait(plan.to_bytes(), journal)
    return _finish(reader, plan, journal, at)


def read_journals(reader: Reader) -> list[Plan]:
    """Return the plans of erasures that were stopped."""
    found: list[Plan] = []
    for journal in sorted(_folder(reader).glob(f"*{JOURNAL}")):
        with reader.store.vault.receive(journal) as stream:
            found.append(Plan.from_bytes(stream.read()))
    return found


def _folder(reader: Reader) -> Path:
    return Closed.of(reader.home, reader.site).folder


def _finish(reader: Reader, plan: Plan, journal: Path, at: datetime) -> Erased:
    tombstone = journal.with_suffix(".json")
    before = _told(tombstone)
    _write_tombstone(reader, plan, tombstone, at, before)
    lost = [_destroy(reader, sha256, part) for sha256, part in plan.parts.items()]
    for archive in plan.archives:
        reader.store.vault.erase(archive)
    quarantined = _leave_quarantine(reader, plan)
    emptied = _leave_lake(reader, plan)
    _leave_drops(reader, plan)
    made = Erased(
        id=plan.id,
        site=plan.site,
        at=at.astimezone(UTC).isoformat(),
        keys=len(plan.persons),
        rows=sum(emptied.values()) + int(str(before.get("rows", 0))),
        quarantined=quarantined + int(str(before.get("quarantined", 0))),
        rewritten=sum(
            part.lines is not None and not gone for part, gone in zip(plan.parts.values(), lost, strict=True)
        ),
        destroyed=sum(part.lines is None or bool(gone) for part, gone in zip(plan.parts.values(), lost, strict=True)),
        lost=sum(lost),
    )
    _write_tombstone(reader, plan, tombstone, at, made.to_json())
    return made


def close_journal(reader: Reader, made: Erased) -> None:
    """Forget the plan: everything that was derived is rebuilt, and the ledger knows."""
    path = _folder(reader) / f"{made.id}{JOURNAL}"
    path.unlink(missing_ok=True)
    sync_folders([path.parent])


def _told(tombstone: Path) -> dict[str, object]:
    return dict(json.loads(tombstone.read_bytes()).get("counts", {})) if tombstone.exists() else {}


def _write_tombstone(reader: Reader, plan: Plan, target: Path, at: datetime, counts: dict[str, object]) -> None:
    digests = plan.digests
    if target.exists():
        digests = sorted({*digests, *json.loads(target.read_bytes())["digests"]})
    document = {
        "schema": SCHEMA,
        "at": at.astimezone(UTC).isoformat(),
        "digests": digests,
        "objects": {sha: "redacted" if part.lines else "erased" for sha, part in plan.parts.items()},
        "counts": {name: counts[name] for name in ("rows", "quarantined") if name in counts},
    }
    with reader.store.temporary() as path:
        with path.open("wb") as stream:
            stream.write(json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")
            flush(stream)
        place(path, target, mode=0o600)
    sync_folders([target.parent])


# -- bytes


def _destroy(reader: Reader, sha256: str, part: Part) -> int:
    """Blank or destroy one kept file; return how many records of others went with it."""
    vault = reader.store.vault
    if vault.kind(sha256) is Kind.ERASED:
        vault.finish(sha256)
        return part.others if part.lines is not None else 0
    left = None if part.lines is None else _left(reader, sha256, part)
    if left is None:
        vault.erase(sha256)
        return part.others
    vault.redact(sha256, [left])
    return 0


def _left(reader: Reader, sha256: str, part: Part) -> bytes | None:
    return blanked_object(reader.store.raw(sha256), Format(part.kind), frozenset(part.lines or ()), reader.limits)


# -- rows


def _leave_quarantine(reader: Reader, plan: Plan) -> int:
    """Remove the person's rows from quarantine; return how many."""
    gone = 0
    keys = set(plan.records)
    for path in sorted(reader.home.glob(f"quarantine/*/site={reader.site}/day=*/*.parquet")):
        held = pq.read_table(path)
        part = plan.parts.get(held.column("raw_sha256")[0].as_py()) if held.num_rows else None
        mine = set(part.mine) | ({None} if part.lines is None else set()) if part else set()
        pairs = zip(held.column("_line").to_pylist(), held.column("_key").to_pylist(), strict=True)
        kept = [line not in mine and key not in keys for line, key in pairs]
        if not all(kept):
            gone += kept.count(False)
            write_parquet(reader.store, held.filter(kept), path)
            sync_folders([path.parent])
    return gone


def _leave_lake(reader: Reader, plan: Plan) -> dict[Path, int]:
    """Write the lake files that hold the person anew without those rows; return how many went from which."""
    with connection(reader.key, reader.zone, dict(reader.authorities)) as db:
        for table, keys in ((PERSON_KEY, plan.persons), (VISIT_KEY, plan.visits), (RECORD_KEY, plan.records)):
            want(db, table, keys)
        emptied = dict(_without(db, reader))
    if emptied:
        sync_folders({path.parent for path in emptied})
        forget_index(reader.home, reader.site)
    return emptied


def _without(db: duckdb.DuckDBPyConnection, reader: Reader) -> Iterator[tuple[Path, int]]:
    for item, source in lake_sources(reader.store, reader.site, reader.objects):
        wanted = Whose.of(item).is_wanted()
        for name, count in rows(db, f"select filename, count(*) from {source} where {wanted} group by 1 order by 1"):
            path = Path(str(name))
            own = source_of(reader.store, item, [path])
            query = f"select * exclude (filename) from {own} where filename = {sql.text(str(path))} and not {wanted}"
            write_parquet(reader.store, fetch_arrow(db, f"{query} order by _line"), path)
            yield path, int(str(count))


def _leave_drops(reader: Reader, plan: Plan) -> None:
    """Remove the sender's files of which a kept one was erased, where they still lie in the home's own drop folder."""
    sizes = {part.size for part in plan.parts.values()}
    folder = reader.home / "drops" / reader.site
    for path in sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else ():
        if path.stat().st_size in sizes or path.suffix.lower() == ".zip":
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest in plan.parts or digest in plan.archives:
                path.unlink()


# -- terms


@dataclass(frozen=True)
class Expired:
    """What went at the end of its term, by feed."""

    feed: str
    before: str
    files: int
    objects: int


def expire(reader: Reader, at: datetime) -> list[Expired]:
    """Destroy what is past its contract's term: lake files, quarantine, and the bytes. Wants the site's lock."""
    done = [_expire(reader, feed, before) for feed, before in plan_expiry(reader, at).items()]
    if any(one.files for one in done):
        forget_index(reader.home, reader.site)
    return [one for one in done if one.files or one.objects]


def is_past_term(reader: Reader, at: datetime) -> bool:
    """Whether anything of a site is past its contract's term; looks at names of folders only."""
    terms = plan_expiry(reader, at)
    folders = [(f"lake/{item.table}", day) for feed, day in terms.items() for item in reader.contracts[feed].objects]
    folders += [(f"quarantine/{feed}", day) for feed, day in terms.items()]
    return any(
        path.name < f"day={day.date().isoformat()}" and any(path.glob("*.parquet"))
        for folder, day in folders
        for path in reader.home.glob(f"{folder}/site={reader.site}/day=*")
    )


def _expire(reader: Reader, feed: str, before: datetime) -> Expired:
    tables = [item.table for item in reader.contracts[feed].objects]
    folders = [f"lake/{table}/site={reader.site}" for table in tables] + [f"quarantine/{feed}/site={reader.site}"]
    day = f"day={before.date().isoformat()}"
    old = [p for f in folders for p in reader.home.glob(f"{f}/day=*/*.parquet") if p.parent.name < day]
    for path in old:
        path.unlink()
    objects = 0
    for sha256, latest in _latest_arrivals(reader.home).items():
        if latest[0] < before and latest[1] == {feed} and reader.store.vault.kind(sha256) not in (None, Kind.ERASED):
            reader.store.vault.erase(sha256)
            objects += 1
    return Expired(feed, before.isoformat(), len(old), objects)


def _latest_arrivals(home: Path) -> dict[str, tuple[datetime, set[str]]]:
    """Return, for every kept file of any site, when it last arrived and of which feeds it is."""
    found: dict[str, tuple[datetime, set[str]]] = {}
    for path in sorted(home.glob("receipts/*/*/*.json")):
        receipt = read_receipt(path)
        at, feeds = datetime.fromisoformat(receipt.arrived_at), {receipt.feed}
        for sha256 in filter(None, (receipt.sha256, receipt.archive)):
            known = found.get(sha256)
            found[sha256] = (max(at, known[0]), known[1] | feeds) if known else (at, set(feeds))
    return found

"""The lake's files: typed Parquet, and anchors.

What does not belong here: which records go in, and what lies there for a site (stock.py).
"""

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.contracts import Contract, ContractObject, sql
from orchestration.contracts.compiler import lake_columns
from orchestration.feeds.relation import fetch_arrow
from orchestration.feeds.store import FLUSHING, Store, flush, make_places, place, sync_folders

ANCHOR_SITE, ANCHOR_DAY = "_anchor", "0001-01-01"
COMPRESSION = "zstd"
MARK = b"pilothouse.contract"
Columns = tuple[tuple[str, str], ...]  # a lake table's names and DuckDB types


def write_parquet(store: Store, table: pa.Table, target: Path) -> None:
    """Write a table beside its place and rename it into it; the caller syncs the folder."""
    with store.temporary() as path:
        with path.open("wb") as stream:
            pq.write_table(table, stream, compression=COMPRESSION)
            flush(stream)
        place(path, target)


def empty_table(db: duckdb.DuckDBPyConnection, item: ContractObject) -> pa.Table:
    """Return a contract object's lake table without rows."""
    return _empty(db, lake_columns(item))


def _empty(db: duckdb.DuckDBPyConnection, columns: Columns) -> pa.Table:
    casts = ", ".join(f"cast(null as {kind}) as {sql.name(column)}" for column, kind in columns)
    return fetch_arrow(db, f"select {casts} where false")


def write_anchors(home: Path, contracts: Mapping[str, Contract]) -> None:
    """Put an empty typed file into every lake table, so that it can be read before anything arrived."""
    store = Store(home)
    pairs = [(contract, item) for contract in contracts.values() for item in contract.objects]
    stale = [pair for pair in pairs if not _is_current(_anchor(store, pair[1]), pair[0])]
    if not stale:
        return
    targets = [_anchor(store, item) for _, item in stale]
    contents = _marked_and_empty(tuple((lake_columns(item), contract.digest) for contract, item in stale))
    holding = make_places(targets)
    with ThreadPoolExecutor(FLUSHING) as side_by_side:
        list(side_by_side.map(partial(_write_bytes, store), targets, contents))
    sync_folders(holding)


@lru_cache(maxsize=8)
def _marked_and_empty(tables: tuple[tuple[Columns, str], ...]) -> tuple[bytes, ...]:
    """Return Parquet without rows for each table, marked with its contract's digest: the same bytes in every home."""
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        return tuple(
            _parquet(_empty(db, columns).replace_schema_metadata({MARK: digest})) for columns, digest in tables
        )


def _parquet(table: pa.Table) -> bytes:
    with io.BytesIO() as stream:
        pq.write_table(table, stream, compression=COMPRESSION)
        return stream.getvalue()


def _write_bytes(store: Store, target: Path, content: bytes) -> None:
    with store.temporary() as path:
        with path.open("wb") as stream:
            stream.write(content)
            flush(stream)
        place(path, target)


def _anchor(store: Store, item: ContractObject) -> Path:
    return store.lake_file(item.table, ANCHOR_SITE, ANCHOR_DAY, "anchor")


def _is_current(target: Path, contract: Contract) -> bool:
    try:
        seen = target.stat()
    except FileNotFoundError:
        return False
    return _mark(target, (seen.st_ino, seen.st_size, seen.st_mtime_ns)) == contract.digest.encode()


@lru_cache(maxsize=1024)
def _mark(anchor: Path, state: tuple[int, int, int]) -> bytes | None:  # noqa: ARG001 - read again when it changed
    return (pq.read_schema(anchor).metadata or {}).get(MARK)

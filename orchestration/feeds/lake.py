"""The lake's files: typed Parquet, and anchors.

What does not belong here: which records go in, and what lies there for a site (stock.py).
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.contracts import Contract, ContractObject, sql
from orchestration.contracts.compiler import lake_columns
from orchestration.feeds.relation import fetch_arrow
from orchestration.feeds.store import Store, flush, place, sync_folders

ANCHOR_SITE, ANCHOR_DAY = "_anchor", "0001-01-01"
COMPRESSION = "zstd"
MARK = b"pilothouse.contract"


def write_parquet(store: Store, table: pa.Table, target: Path) -> None:
    """Write a table beside its place and rename it into it; the caller syncs the folder."""
    with store.temporary() as path:
        with path.open("wb") as stream:
            pq.write_table(table, stream, compression=COMPRESSION)
            flush(stream)
        place(path, target)


def empty_table(db: duckdb.DuckDBPyConnection, item: ContractObject) -> pa.Table:
    """Return a contract object's lake table without rows."""
    columns = ", ".join(f"cast(null as {kind}) as {sql.name(column)}" for column, kind in lake_columns(item))
    return fetch_arrow(db, f"select {columns} where false")


def write_anchors(home: Path, contracts: Mapping[str, Contract]) -> None:
    """Put an empty typed file into every lake table, so that it can be read before anything arrived."""
    store = Store(home)
    pairs = [(contract, item) for contract in contracts.values() for item in contract.objects]
    stale = [pair for pair in pairs if not _is_current(_anchor(store, pair[1]), pair[0])]
    if not stale:
        return
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        for contract, item in stale:
            marked = empty_table(db, item).replace_schema_metadata({MARK: contract.digest})
            write_parquet(store, marked, _anchor(store, item))
    sync_folders(_anchor(store, item).parent for _, item in stale)


def _anchor(store: Store, item: ContractObject) -> Path:
    return store.lake_file(item.table, ANCHOR_SITE, ANCHOR_DAY, "anchor")


def _is_current(target: Path, contract: Contract) -> bool:
    return target.exists() and (pq.read_schema(target).metadata or {}).get(MARK) == contract.digest.encode()

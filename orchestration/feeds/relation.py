"""A DuckDB connection prepared for landing one site, and small conveniences around it.

What does not belong here: what is asked of it.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.contracts import digests, elements, sql

THREADS = 2
PIECE = 4096  # rows that a thread takes at a time: two vectors of DuckDB


@contextmanager
def connection(
    key: bytes,
    zone: str = "UTC",
    authorities: Mapping[str, Mapping[str, str]] | None = None,
    *,
    threads: int = THREADS,
) -> Generator[duckdb.DuckDBPyConnection]:
    """An in-memory database that knows the contract macros, the site's key, its time zone and its authorities."""
    with _opened(threads) as db:
        sql.install(db, key, zone, authorities)
        elements.install(db)
        digests.install(db, key)
        yield db


@contextmanager
def judging_connection(
    zone: str = "UTC", authorities: Mapping[str, Mapping[str, str]] | None = None
) -> Generator[duckdb.DuckDBPyConnection]:
    """An in-memory database for asking of few records at a time which clauses they break, again and again.

    One thread: a second costs more to wake than a batch of messages gives it to do.
    """
    with _opened(1) as db:
        sql.install_unkeyed(db, zone, authorities)
        db.execute("set disabled_optimizers = 'in_clause'")  # a join with a short list costs more than looking it up
        yield db


@contextmanager
def _opened(threads: int) -> Generator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect(config={"threads": threads, "autoload_known_extensions": False})
    try:
        opened.execute("set preserve_insertion_order = false")
        encrypt_spills(opened)
        yield opened
    finally:
        opened.close()


def encrypt_spills(db: duckdb.DuckDBPyConnection) -> None:
    """Let whatever does not fit into memory lie on disk encrypted, under a key that only this process knows.

    DuckDB's own cipher calls itself unsafe for what is kept, since its random numbers are not OpenSSL's, which would be
    a download; a file that lives as long as one landing is what it is good enough for.
    """
    db.execute("set force_mbedtls_unsafe = true")
    db.execute("set temp_file_encryption = true")


@contextmanager
def arriving(db: duckdb.DuckDBPyConnection, arrow: pa.Table) -> Generator[str]:
    """Make an Arrow table readable under the name that is returned."""
    db.register("_arriving", arrow)
    try:
        yield "_arriving"
    finally:
        db.unregister("_arriving")


@dataclass
class Refilled:
    """Rows that a connection knows under one name while they change: a statement that was prepared over them asks for
    what is there whenever it runs, and is not planned anew for it, as it would be for a table of DuckDB's own."""

    rows: pa.Table

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


def dealt(arrow: pa.Table, shares: int) -> list[pa.Table]:
    """Deal the rows of a table out to as many tables as there are threads.

    One thread scans 122,880 rows of a table before DuckDB looks for another: what is to be worked on side by side lies
    in tables of its own, and comes to them in pieces.
    """
    pieces = [arrow.slice(start, PIECE) for start in range(0, arrow.num_rows, PIECE)]
    return [pa.concat_tables([arrow.slice(0, 0), *pieces[n::shares]]) for n in range(shares)]


def threads_of(db: duckdb.DuckDBPyConnection) -> int:
    """Return how many threads a database works with."""
    [[threads]] = rows(db, "select current_setting('threads')")
    return int(str(threads))


def table_from(db: duckdb.DuckDBPyConnection, name: str, arrow: pa.Table) -> None:
    """Make a temporary table of an Arrow table."""
    with arriving(db, arrow) as source:
        db.execute(f"create or replace temp table {name} as select * from {source}")


def fetch_arrow(db: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> pa.Table:
    """Return a query's result as an Arrow table."""
    return db.sql(query, params=list(parameters)).to_arrow_table()


def rows(db: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Return a query's result as tuples."""
    return db.execute(query, list(parameters)).fetchall()

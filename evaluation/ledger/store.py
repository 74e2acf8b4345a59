"""Where the ledger lies: tables in SQLite or Postgres that take new entries and give none back changed.

Here belong the tables, the triggers that refuse UPDATE and DELETE, the lock that puts writers in a row, and
the reading of rows. What the rows mean does not.

Triggers stop accidents and ordinary users, not somebody who owns the database: that is what hashes,
signatures and the head kept elsewhere are for.
"""

import hashlib
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from evaluation.ledger.checkpoint import Checkpoint
from evaluation.ledger.entry import Entry, StoredEntry, instant_text
from evaluation.ledger.errors import LedgerSchemaError, LedgerStoreError

SCHEMA_VERSION = "1"
BUSY_SECONDS = 60
"""How long a writer waits for the one before it."""

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,39}")


class LedgerStore:
    """The tables of one ledger. Connections are opened per use and never shared between processes."""

    def __init__(self, url: str, prefix: str) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise LedgerStoreError(f"prefix {prefix!r} is not a plain lower-case name of at most 40 characters.")
        self._prefix = prefix
        self._url = _checked_url(url)
        self._tables = sa.MetaData()
        text = sa.Text
        self._entries = sa.Table(
            f"{prefix}entries",
            self._tables,
            sa.Column(
                "seq",
                sa.BigInteger().with_variant(sa.Integer, "sqlite"),
                primary_key=True,
                autoincrement=False,
            ),
            *(
                sa.Column(name, text, nullable=False)
                for name in ("at", "kind", "actor", "payload", "previous", "hash", "signature")
            ),
        )
        self._head = sa.Table(
            f"{prefix}head",
            self._tables,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("seq", sa.BigInteger, nullable=False),
            sa.Column("hash", text, nullable=False),
            sa.Column("signature", text, nullable=False),
        )
        self._meta = sa.Table(
            f"{prefix}meta",
            self._tables,
            sa.Column("name", text, primary_key=True),
            sa.Column("value", text, nullable=False),
        )
        self._readers = self._engine("reading")
        self._writers = self._engine("writing")

    def create(self, head: Checkpoint, on_created: Callable[[], None]) -> None:
        """Make tables and triggers unless they are there; ``head`` is that of the empty ledger.

        ``on_created`` runs before anybody else can see the new ledger.
        """
        self._create_private_file()
        with self.writing() as connection:
            if any(sa.inspect(connection).has_table(table.name) for table in self._tables.sorted_tables):
                return
            self._tables.create_all(connection)
            for statement in _triggers(self._prefix, self._url.get_backend_name()):
                connection.exec_driver_sql(statement)
            connection.execute(self._meta.insert().values(name="schema_version", value=SCHEMA_VERSION))
            connection.execute(self._head.insert().values(id=1, **_head_values(head)))
            on_created()

    def require(self) -> None:
        """Raise unless a ledger of this schema version is there."""
        path = self._path()
        if path is not None and not path.exists():
            raise LedgerStoreError(f"{path.name}: there is no ledger here yet; it is made by the first who writes.")
        with self.reading() as connection:
            tables = [t.name for t in self._tables.sorted_tables if sa.inspect(connection).has_table(t.name)]
            if not tables:
                raise LedgerStoreError("the database holds no ledger under this prefix.")
            where = self._meta.c.name == "schema_version"
            asked = sa.select(self._meta.c.value).where(where)
            version = connection.execute(asked).scalar() if self._meta.name in tables else None
        if version is None:
            raise LedgerStoreError(
                f"the row schema_version of the ledger's table {self._meta.name} is gone. Pilothouse never deletes it:"
                " the database was damaged, or somebody changed it. Nothing is read from it or written to it: keep it"
                " for whoever looks into it, restore the last backup (pilothouse restore) and run: ledger verify."
            )
        if version != SCHEMA_VERSION:
            raise LedgerSchemaError(
                f"the ledger has schema version {version}, this Pilothouse reads {SCHEMA_VERSION}; use the"
                " release that wrote it, or one that knows how to open it."
            )

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One unchanging view of the ledger, however many write meanwhile."""
        with _errors_of_the_ledger(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """The only writer for as long as it lasts, among all processes; commits at the end."""
        with _errors_of_the_ledger(), self._writers.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_number(self._entries.name))))
            yield connection

    def insert(self, connection: Connection, entry: Entry, payload: str, head: Checkpoint) -> None:
        """Write one entry (``payload`` as canonical JSON text) and move the head onto it."""
        values = {name: getattr(entry, name) for name in ("seq", "kind", "actor", "previous", "hash", "signature")}
        connection.execute(self._entries.insert().values(**values, at=instant_text(entry.at), payload=payload))
        connection.execute(self._head.update().where(self._head.c.id == 1).values(**_head_values(head)))

    def rows(self, connection: Connection, after: int = 0) -> Iterator[StoredEntry]:
        """The entries behind number ``after`` in order, as they lie there; read bit by bit."""
        query = self._entries.select().where(self._entries.c.seq > after).order_by(self._entries.c.seq)
        streaming = query.execution_options(stream_results=True, max_row_buffer=500)
        try:
            for row in connection.execute(streaming):
                yield StoredEntry(*row)
        except SQLAlchemyError as error:
            raise _database_error(error) from error

    def head(self, connection: Connection) -> Checkpoint | None:
        """The head as it lies there; ``None`` when it is gone or no head any more."""
        columns = (self._head.c.seq, self._head.c.hash, self._head.c.signature)
        row = connection.execute(sa.select(*columns).where(self._head.c.id == 1)).one_or_none()
        if row is None or [type(value) for value in row] != [int, str, str]:
            return None
        return Checkpoint(row[0], row[1], row[2])

    def _engine(self, use: str) -> Engine:
        if self._url.get_backend_name() == "postgresql":
            level = "REPEATABLE READ" if use == "reading" else "READ COMMITTED"
            return sa.create_engine(self._url, poolclass=NullPool, isolation_level=level)
        engine = sa.create_engine(self._url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
        statement = "BEGIN" if use == "reading" else "BEGIN IMMEDIATE"

        def begin(connection: Connection) -> None:
            connection.exec_driver_sql(statement)

        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", begin)
        return engine

    def _path(self) -> Path | None:
        is_sqlite = self._url.get_backend_name() == "sqlite"
        return Path(self._url.database or "") if is_sqlite else None

    def _create_private_file(self) -> None:
        path = self._path()
        if path is None or path.exists():
            return
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        except OSError as error:
            raise LedgerStoreError(f"{path.name}: the ledger cannot be created ({error.strerror}).") from error


def _checked_url(url: str) -> sa.URL:
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise LedgerStoreError("the ledger's URL is not one of SQLAlchemy, such as sqlite:///PATH.") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise LedgerStoreError(f"the ledger lies in sqlite or postgresql, not in {parsed.get_backend_name()}.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise LedgerStoreError("a ledger in memory would be forgotten; name a file: sqlite:///PATH.")
    return parsed


@contextmanager
def _errors_of_the_ledger() -> Generator[None]:
    try:
        yield
    except (SQLAlchemyError, UnicodeDecodeError) as error:  # sqlite3 chokes on the text of its own complaint
        raise _database_error(error) from error


def _database_error(error: Exception) -> LedgerStoreError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return LedgerStoreError(f"the ledger's database does not work: {reason}")


def _prepare_sqlite(connection: object, _record: object) -> None:
    """Let SQLAlchemy's begin be the only BEGIN, and hand over broken bytes instead of failing on them."""
    connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue] - sqlite3.Connection
    connection.text_factory = _lenient_text  # pyright: ignore[reportAttributeAccessIssue]


def _lenient_text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _head_values(head: Checkpoint) -> dict[str, object]:
    return {"seq": head.seq, "hash": head.hash, "signature": head.signature}


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _triggers(prefix: str, backend: str) -> list[str]:
    table, refusal = f"{prefix}entries", "the ledger is append-only"
    next_seq = f"(select coalesce(max(seq), 0) + 1 from {table})"
    if backend == "sqlite":
        refuse = f"begin select raise(abort, '{refusal}'); end"
        return [
            f"create trigger {prefix}no_update before update on {table} {refuse}",
            f"create trigger {prefix}no_delete before delete on {table} {refuse}",
            # INSERT OR REPLACE deletes without firing the trigger above
            f"create trigger {prefix}in_order before insert on {table} when new.seq <> {next_seq} {refuse}",
        ]
    function = f"{prefix}refuse"
    body = f"begin raise exception '{refusal}'; end"
    call = f"execute function {function}()"
    return [
        f"create function {function}() returns trigger language plpgsql as $$ {body} $$",
        f"create trigger {prefix}no_change before update or delete on {table} for each row {call}",
        f"create trigger {prefix}no_truncate before truncate on {table} for each statement {call}",
    ]

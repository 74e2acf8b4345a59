"""Dagster's event log on SQLite, with its files kept open: named by the home's `dagster.yaml`.

Dagster opens, commits and closes a database for each of the thousand events of a build: an engine, a checkpoint and two
or three flushes to disk every time, as much work as dbt does (decision record 0019). What does not belong here: what
must survive a power cut to the last entry; decisions are in the ledger.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

FOLDER = Path("history", "runs")  # where Dagster's own keeps it
KEPT_OPEN = 4  # databases: the index, and the runs of late


class EventLog(SqliteEventLogStorage):
    """Dagster's own storage, tables and files, over connections that stay."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept: dict[str, Engine] = {}
        self._seen: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        """Take Dagster's home as `base_dir`."""
        return cls(str(Path(config_value["base_dir"]) / FOLDER), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._kept.pop(shard, None)
        if engine is None:
            waiting = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            address = self.conn_string_for_shard(shard)
            engine = create_engine(address, poolclass=QueuePool, pool_size=1, connect_args=waiting)
            event.listen(engine, "connect", _flush_seldom)
        self._kept[shard] = engine
        if len(self._kept) > KEPT_OPEN:
            self._kept.pop(next(iter(self._kept))).dispose()
        return engine

    def has_table(self, table_name: str) -> bool:
        """Dagster asks for every event whether there is a table that was there before: once seen, it stays."""
        if table_name not in self._seen:
            if not super().has_table(table_name):
                return False
            self._seen.add(table_name)
        return True

    def wipe(self) -> None:
        """Remove everything: no connection may write on to a file that is gone."""
        self._close()
        self._seen.clear()
        super().wipe()

    def dispose(self) -> None:
        """Close the files."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._kept:
                self._kept.popitem()[1].dispose()


def _flush_seldom(connection: Any, record: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    """With a write-ahead log a power cut then costs the last events, never the file."""
    connection.execute("pragma synchronous = normal")

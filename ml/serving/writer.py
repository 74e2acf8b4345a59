"""Group commit: concurrent requests share one transaction and one fsync, and each waits for it.

Here belongs the thread that owns the writing connection. What is written is the caller's business: a `Work`
is a function of the connection, and its result comes back once the commit is on disk.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError

from ml.serving import StoreUnavailable

LOG = logging.getLogger("pilothouse.serving")

MAX_BATCH = 256
MAX_PENDING = 4096
CHECKPOINT_AFTER = 100
"""Commits of about twelve pages each: SQLite by itself would take its log into the database at every 1000 pages, inside
the commit of whoever comes then, which is one call in eighty."""

Work = Callable[[Connection], Any]


@dataclass
class _Item:
    work: Work
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None


class GroupCommitWriter:
    """One writing thread. `write` may be awaited from any event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._commits = 0
        self._checkpointing: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="event-store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work, timeout_seconds: float) -> Any:
        """Run `work` in a transaction and return its result after the commit. Raises `StoreUnavailable`."""
        if self._queue.qsize() >= MAX_PENDING or not self._thread.is_alive():
            raise StoreUnavailable(
                "The event store does not keep up; no advice is given. Try again, or call the operator."
            )
        loop = asyncio.get_running_loop()
        item = _Item(work, loop, loop.create_future())
        self._queue.put(item)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await item.future
        except TimeoutError as error:
            raise StoreUnavailable(
                "The event store did not confirm in time; no advice is given. Call the operator."
            ) from error

    def close(self) -> None:
        """Write what is waiting, then stop."""
        self._queue.put(None)
        self._thread.join()
        if self._checkpointing is not None:
            self._checkpointing.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Item] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) >= MAX_BATCH or self._queue.empty():
                    break
                item = self._queue.get()
            is_open = item is not None
            waiting = [item for item in batch if not item.future.cancelled()]  # nobody waits: nothing is written
            if waiting:
                self._commit(waiting)
                self._commits += 1
                self._checkpoint_beside()
        self._let_go()

    def _checkpoint_beside(self) -> None:
        """Take SQLite's log into the database, beside the commits (sqlite.org/wal.html, section 3.1)."""
        is_under_way = self._checkpointing is not None and self._checkpointing.is_alive()
        if self._commits < CHECKPOINT_AFTER or is_under_way or self._engine.dialect.name != "sqlite":
            return
        self._commits = 0
        thread = threading.Thread(target=self._checkpoint, name="event-store-checkpoint", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread is to be had now; SQLite's own bound on its log still holds
            LOG.warning("The event store's log was not taken into its database (no thread could be started).")
            return
        self._checkpointing = thread

    def _checkpoint(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        except SQLAlchemyError as error:  # nothing is lost: the log has it all, and the next one tries again
            LOG.warning("The event store's log was not taken into its database (%s).", type(error).__name__)

    def _commit(self, batch: list[_Item]) -> None:
        try:
            with self._transaction() as connection:
                for item in batch:
                    item.result = item.work(connection)
        except (
            OperationalError,
            InterfaceError,
            InternalError,
        ) as error:  # the database itself: nobody gets through
            self._let_go()
            _resolve(batch, error)
        except Exception as error:  # noqa: BLE001 - what one item raises is its own, and the thread is everybody's
            self._commit_alone(batch, error)
        else:
            _resolve(batch, None)

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        """A transaction, of SQLite in the one connection of this thread: a pool's costs a third of the commit.

        A server's connection comes from the pool, which finds out first whether it is still there.
        """
        if self._engine.dialect.name != "sqlite":
            with self._engine.begin() as connection:
                yield connection
            return
        if self._kept is None:
            self._kept = self._engine.connect()
        with self._kept.begin():
            yield self._kept

    def _let_go(self) -> None:
        """Close the thread's own connection; the next commit opens another."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            kept.close()

    def _commit_alone(self, batch: list[_Item], error: Exception) -> None:
        """One item that the database refuses, or that fails by itself, must not take the others down with it."""
        if len(batch) == 1:
            _resolve(batch, error)
            return
        for item in batch:
            self._commit([item])


def _resolve(batch: list[_Item], error: Exception | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Item]] = {}
    for item in batch:
        by_loop.setdefault(item.loop, []).append(item)
    for loop, items in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, items, error)


def _set(items: list[_Item], error: Exception | None) -> None:
    for item in items:
        if item.future.done():
            continue
        if error is None:
            item.future.set_result(item.result)
        else:
            name = type(error).__name__
            item.future.set_exception(
                StoreUnavailable(f"The event store cannot write ({name}); no advice is given. Call the operator.")
            )

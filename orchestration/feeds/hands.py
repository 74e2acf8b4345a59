"""Hands: threads that work on pieces of long files side by side, each piece over a database connection of its own.

What a connection holds of a piece (temporary tables) is wanted until the piece is settled; so there is one more of them
than there are hands, and whoever has a piece worked on gives its connection back. They are opened when first wanted:
most landings have no long file.
What does not belong here: what is done to a piece.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

import duckdb

T = TypeVar("T")
Opening = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
HANDS = 2
CONNECTIONS = HANDS + 1


class Hands:
    """A few threads and connections. Leave it to end them."""

    def __init__(self, opening: Opening) -> None:
        self._opening, self._stack = opening, ExitStack()
        self._threads = ThreadPoolExecutor(HANDS, thread_name_prefix="judging")  # starts them when they are wanted
        self._free, self._opened = deque[duckdb.DuckDBPyConnection](), 0

    def __enter__(self) -> "Hands":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        self._stack.close()

    @property
    def are_free(self) -> bool:
        """Whether a piece can be taken."""
        return bool(self._free) or self._opened < CONNECTIONS

    def work(self, on_piece: Callable[[duckdb.DuckDBPyConnection], T]) -> "Piecework[T]":
        """Have a piece worked on. Wants hands that are free."""
        if not self._free:
            self._free.append(self._stack.enter_context(self._opening()))
            self._opened += 1
        db = self._free.popleft()
        return Piecework(db, self._threads.submit(on_piece, db), self._free)


@dataclass(frozen=True)
class Piecework(Generic[T]):
    """What is made of a piece; enter it to wait for that, leave it to give the connection back."""

    db: duckdb.DuckDBPyConnection
    made: Future[T]
    free: deque[duckdb.DuckDBPyConnection]

    def __enter__(self) -> T:
        try:
            return self.made.result()
        except BaseException:  # whatever stopped it, an interrupt included: the connection is not lost
            self.leave()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the connection back, once nobody works with it."""
        if not self.made.cancel():
            wait([self.made])
        self.free.append(self.db)

"""Short work in a thread of its own, awaited from an event loop at the least cost of coming and going.

Here belongs a thread that takes what it is given in turn. `concurrent.futures` does the same for anybody, with locks
and callbacks that cost a call more than many a piece of work here does. What may hang is not given here (`asking.py`).
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class Beside:
    """One daemon thread. It begins with the first piece of work and ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Have `work` run after what was given before; its result, or what it raised, for the running loop."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future = asyncio.get_running_loop().create_future()
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """End the thread when it has done what it was given."""
        self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            try:
                settle, found = _answer, work()
            except BaseException as error:  # noqa: BLE001 - whatever the work raises belongs to whoever asked
                settle, found = _fail, error
            with suppress(RuntimeError):  # its loop was closed: nobody waits any more
                future.get_loop().call_soon_threadsafe(settle, future, found)


def _answer(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)

"""Asking a model in a thread that can be given up, and not asking it again before it has answered a probe.

Here belong the thread, the time it is given and the circuit breaker. What is asked (`scoring.py`), which tier answers
instead (`advice.py`) and when a release steps down for good (`health.py`) do not.

A thread cannot be killed. One that hangs is left to itself, and nothing more is given to it: there is at most one
hanging thread per model, however many calls come. A model is LightGBM's text, which runs without Python's lock.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from ml.serving import ServingError

Result = TypeVar("Result")
FIRST_PROBE_AFTER_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0


class ModelSilent(ServingError):
    """The model was not there in time: it was asked, or its turn never came, or it is not asked at present."""

    def __init__(self, message: str, *, was_asked: bool) -> None:
        super().__init__(message)
        self.was_asked = was_asked


class _Item(Generic[Result]):
    """One piece of work, when it was begun, and its result."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.work = work
        self.future: Future[Result] = Future()
        self.begun_at: float | None = None

    def run(self, at: float) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        self.begun_at = at
        try:
            self.future.set_result(self.work())
        except BaseException as error:  # noqa: BLE001 - whatever a model raises belongs to whoever asked
            self.future.set_exception(error)


class ModelThread:
    """One daemon thread that works off what it is given; it begins with the first piece of work."""

    def __init__(self, name: str, steady: Callable[[], float] = time.monotonic) -> None:
        self._name, self._steady = name, steady
        self._queue: SimpleQueue[_Item[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: _Item[Any] | None = None

    def submit(self, work: Callable[[], Result]) -> _Item[Result]:
        """Have `work` run after what was given before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        item = _Item(work)
        self._queue.put(item)
        return item

    @property
    def is_busy(self) -> bool:
        """Whether something runs, or waits to."""
        return self._running is not None or not self._queue.empty()

    def close(self) -> None:
        """End the thread when it has done what it was given; a hanging one ends with its process."""
        self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._running = item
            item.run(self._steady())
            self._running = None


class AskedModel:
    """One model behind its thread. `probe` asks it about a case of which nothing is known."""

    def __init__(
        self, thread: ModelThread, probe: Callable[[], object], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._thread, self._probe, self._steady = thread, probe, steady
        self._open_since: float | None = None
        self._probed_at = 0.0
        self._wait = FIRST_PROBE_AFTER_SECONDS

    @property
    def silent_seconds(self) -> float:
        """For how long the model has not been asked; 0 while it is."""
        since = self._open_since  # read once: another thread closes it
        return 0.0 if since is None else self._steady() - since

    @property
    def is_hanging(self) -> bool:
        """Whether the model is not asked and its thread has not come back."""
        return self._open_since is not None and self._thread.is_busy

    async def ask(self, work: Callable[[], Result], seconds: float, patience: float) -> Result:
        """The result of `work`, which may run for `seconds` and, with its turn, take `patience` together.

        Raises `ModelSilent` for a model that was not there in time, and whatever `work` raises.
        """
        self.look(seconds)
        if self._open_since is not None:
            raise ModelSilent("the model is not asked until it has answered a probe", was_asked=False)
        item = self._thread.submit(work)
        answer = asyncio.wrap_future(item.future)
        give_up_at, wait = self._steady() + patience, min(seconds, patience)
        while not (await asyncio.wait({answer}, timeout=wait))[0]:
            ran = 0.0 if item.begun_at is None else self._steady() - item.begun_at
            if item.begun_at is not None and ran >= seconds:
                self._open()
            if self._open_since is not None or self._steady() >= give_up_at:
                answer.cancel()
                said = f"the model did not answer within {seconds * 1000:.0f} ms"
                raise ModelSilent(said, was_asked=item.begun_at is not None)
            wait = max(0.001, min(seconds - ran, give_up_at - self._steady()))
        return answer.result()

    def look(self, seconds: float) -> None:
        """Probe a silent model, once its thread has come back: at first after a second, then ever more rarely."""
        is_due = self._steady() - self._probed_at >= self._wait
        if self._open_since is None or self._thread.is_busy or not is_due:
            return
        self._probed_at = begun = self._steady()
        self._wait = min(2 * self._wait, LONGEST_WAIT_SECONDS)
        self._thread.submit(self._probe).future.add_done_callback(
            lambda answer: self._close() if not answer.exception() and self._steady() - begun <= seconds else None
        )

    def _open(self) -> None:
        if self._open_since is None:
            self._open_since = self._probed_at = self._steady()

    def _close(self) -> None:
        self._open_since, self._wait = None, FIRST_PROBE_AFTER_SECONDS

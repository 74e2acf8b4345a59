"""When what waits in the inbox is landed: soon after a pause, at the latest after a minute, or when it is many.

What does not belong here: how it is landed (inbox.py). A trickle of messages makes at most one landing in `between`
seconds, a flood one for every `messages`: so the number of lake files is bounded by both.
"""

import logging
import time
from dataclasses import dataclass, field
from threading import Event, Thread

from orchestration.feeds.mllp.inbox import Inbox, Waiting

TICK_SECONDS = 0.1
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """Seconds and sizes. `pause`: since the last message; `between`: from one landing to the next after a pause."""

    pause: float = 0.5
    between: float = 60.0
    messages: int = 2000
    size: int = 16 * 1024 * 1024

    def is_due(self, waiting: Waiting, since_change: float, since_landing: float) -> bool:
        """Whether what waits is landed now."""
        if not waiting.messages:
            return False
        if waiting.messages >= self.messages or waiting.size >= self.size:
            return True
        return since_landing >= self.between and (since_change >= self.pause or since_landing >= 2 * self.between)


@dataclass
class Grouping:
    """A thread that lands what waits in an inbox, as its pace says, and once more at the end."""

    inbox: Inbox
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._ended = Event()
        self._thread = Thread(target=self._run, name="mllp-grouping", daemon=True)

    def __enter__(self) -> "Grouping":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Land what waits. Raises what landing raises; then it stays in the inbox for the next start."""
        self._ended.set()
        self._thread.join()
        self.inbox.land_waiting()

    def _run(self) -> None:
        seen, changed, landed = Waiting(), time.monotonic(), -1e9
        while not self._ended.wait(TICK_SECONDS):
            now = time.monotonic()
            if self.inbox.waiting != seen:
                seen, changed = self.inbox.waiting, now
            if self.pace.is_due(seen, now - changed, now - landed):
                self._land()
                landed, seen = time.monotonic(), self.inbox.waiting

    def _land(self) -> None:
        try:
            self.inbox.land_waiting()
        except Exception as error:  # noqa: BLE001 - whatever stopped it, the messages are durable and wait: say so
            log.error("Landing messages failed with %s; they wait in the inbox.", type(error).__name__)
            self._ended.wait(RETRY_SECONDS)

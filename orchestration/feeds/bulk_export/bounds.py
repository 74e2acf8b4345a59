"""How much an export may take and how long it may wait. What only an engineer cares about, as named constants."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.feeds.limits import MEBIBYTE


@dataclass(frozen=True)
class Bounds:
    """Sizes in bytes, times in seconds. `file` is what landing takes in at once (`Limits.document`)."""

    file: int = 1024 * MEBIBYTE
    total: int = 200 * 1024 * MEBIBYTE
    files: int = 20_000
    pages: int = 2_000
    answer: int = 64 * MEBIBYTE
    tries: int = 6
    redirects: int = 3
    shortest_wait: float = 1.0
    longest_wait: float = 3600.0
    longest_guess: float = 60.0


@dataclass(frozen=True)
class Pace:
    """The clock and how to wait; tests bring their own."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

"""Time that does not jump: the wall clock, as long as it agrees with the seconds that have passed.

Here belongs telling a jump from the small corrections that every clock gets. What is done about a jump is `health.py`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

JUMP_SECONDS = 30.0
"""Time servers slew by milliseconds; who is off by more than tokens and arrivals forgive has another time."""


def _passed() -> float:
    """Seconds that have passed, also while the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """Follows `wall` (seconds since 1970) while it moves as `passed` does; goes on by `passed` when it jumps."""

    def __init__(self, wall: Callable[[], float] = time.time, passed: Callable[[], float] = _passed) -> None:
        self._wall, self._passed = wall, passed
        self._offset = wall() - passed()

    def seconds(self) -> float:
        """Seconds since 1970."""
        self.jump()
        return self._passed() + self._offset

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def jump(self) -> float:
        """By how many seconds the wall clock is ahead (or behind, below 0) since it jumped; 0 when it did not."""
        apart = self._wall() - self._passed() - self._offset
        if abs(apart) >= JUMP_SECONDS:
            return apart
        self._offset += apart
        return 0.0

    def trust(self) -> None:
        """Take the wall clock as right, since a person has looked at it."""
        self._offset = self._wall() - self._passed()

"""How often one client may call: a bucket of tokens for each, by issuer or by address.

Here belongs counting. Who a caller is (`running.py`) and what a refusal looks like on the wire (`problems.py`) do not.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from ml.serving import Problem

BURST_SECONDS = 5.0
"""A client that was quiet may send this many seconds' worth at once: a ward round begins for everybody together."""
MAX_CALLERS = 10_000


class Rates:
    """Token buckets by caller. `per_second` is the rate of a caller with none of its own; None is no limit."""

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, caller: str, per_second: float | None = None) -> float:
        """Take one call of `caller`: 0 when it may go on, else in how many seconds it may try again."""
        rate = per_second or self._per_second
        if rate is None:
            return 0.0
        now, most = self._clock(), max(1.0, rate * BURST_SECONDS)
        left, counted_at = self._left.pop(caller, (most, now))
        left = min(most, left + (now - counted_at) * rate)
        is_allowed = left >= 1
        self._left[caller] = (left - 1 if is_allowed else left, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        return 0.0 if is_allowed else (1 - left) / rate

    def take(self, caller: str, per_second: float | None = None) -> None:
        """Take one call of `caller`. Raises `Problem` 429 with the time to wait."""
        wait = self.wait_seconds(caller, per_second)
        if wait > 0:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-calls",
                "This client calls more often than was agreed; wait, as Retry-After says, and send the call again.",
                {"Retry-After": str(math.ceil(wait))},
            )

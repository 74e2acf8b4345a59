"""Pages that many people look at in the same second are drawn once.

Here belongs keeping a page for a moment and forgetting it when somebody changes what is on it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

KEPT_SECONDS = 1.0
Key = tuple[str, str]


class PageCache:
    """One page for each site and unit, no older than a second; whoever waits for one waits for the same drawing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pages: dict[Key, tuple[float, str]] = {}
        self._drawing: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def page(self, key: Key, draw: Callable[[], Awaitable[str]]) -> str:
        """The kept page, or a new one. Nothing is kept of a drawing that raises."""
        async with self._drawing[key]:
            drawn_at, page = self._pages.get(key, (0.0, ""))
            if not page or self._clock() - drawn_at >= KEPT_SECONDS:
                drawn_at, page = self._clock(), await draw()
                self._pages[key] = (drawn_at, page)
            return page

    def forget(self, key: Key) -> None:
        """Draw the page anew when it is next asked for."""
        self._pages.pop(key, None)

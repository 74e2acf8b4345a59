"""Pages that many people look at in the same second are drawn once.

Here belongs keeping a page for a moment and forgetting it when somebody changes what is on it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

KEPT_SECONDS = 1.0
MOST_PAGES = 1000
"""More than a hospital group has units: beyond it everything is forgotten, so that made-up names fill no memory."""
Key = tuple[str, str]


class PageCache:
    """One page for each site and unit, no older than a second; whoever waits for one waits for the same drawing."""

    def __init__(self, *clocks: Callable[[], float]) -> None:
        """A page is too old when any of the clocks (seconds) says so: the service's own may stand still, or jump."""
        self._clocks = clocks
        self._pages: dict[Key, tuple[tuple[float, ...], str]] = {}
        self._drawing: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def page(self, key: Key, draw: Callable[[], Awaitable[str]]) -> str:
        """The kept page, or a new one. Nothing is kept of a drawing that raises."""
        if len(self._drawing) >= MOST_PAGES and key not in self._drawing:
            self._pages.clear()
            self._drawing.clear()
        async with self._drawing[key]:
            present = tuple(clock() for clock in self._clocks)
            drawn_at, page = self._pages.get(key, ((), ""))
            if not page or any(abs(now - then) >= KEPT_SECONDS for now, then in zip(present, drawn_at, strict=True)):
                page = await draw()
                self._pages[key] = (present, page)
            return page

    @property
    def held(self) -> int:
        """How many units are remembered, drawn or not."""
        return len(self._drawing)

    def forget(self, site: str) -> None:
        """Draw the pages of a site anew when they are next asked for."""
        for key in [key for key in self._pages if key[0] == site]:
            self._pages.pop(key, None)

"""Looking at every site's pointer while nobody calls, so that the service remembers each one that was published.

Here belongs the task that looks. What is found, and what is refused, is `releases.py`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

LOG = logging.getLogger("pilothouse.serving")
LOOK_EVERY_SECONDS = 1.0


@asynccontextmanager
async def watching(
    sites: Callable[[], Iterable[str]], look: Callable[[str], Awaitable[object]]
) -> AsyncGenerator[None]:
    """Look at every site again and again while the block lasts; a look that is under way is finished at its end."""
    stopped = asyncio.Event()
    task = asyncio.create_task(_watch(sites, look, stopped))
    try:
        yield
    finally:
        stopped.set()
        await task


async def _watch(
    sites: Callable[[], Iterable[str]], look: Callable[[str], Awaitable[object]], stopped: asyncio.Event
) -> None:
    while not await _is_over(stopped):
        for site in sites():
            try:
                await look(site)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed; calls say it too
                LOG.warning("%s: the pointer could not be looked at (%s)", site, type(error).__name__)


async def _is_over(stopped: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(stopped.wait(), LOOK_EVERY_SECONDS)
    except TimeoutError:
        return False
    return True

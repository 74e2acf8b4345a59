"""A page is drawn once for all who look in the same second, and anew for the next."""

import asyncio
import time

import pytest

from ml.serving.board.cache import MOST_PAGES, PageCache

KEY = ("city", "MED")


class Drawing:
    """Counts how often it is drawn; draws slowly enough for others to come meanwhile."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> str:
        self.times += 1
        await asyncio.sleep(0.01)
        return f"page {self.times}"


def test_all_who_look_at_once_wait_for_one_drawing() -> None:
    async def look() -> list[str]:
        cache, draw = PageCache(time.monotonic), Drawing()
        return list(await asyncio.gather(*(cache.page(KEY, draw) for _ in range(20))))

    assert asyncio.run(look()) == ["page 1"] * 20


def test_a_page_is_drawn_anew_after_a_second_and_after_a_change() -> None:
    async def look() -> list[str]:
        now = 100.0
        cache, draw = PageCache(lambda: now), Drawing()
        seen = [await cache.page(KEY, draw)]
        now = 100.99
        seen.append(await cache.page(KEY, draw))
        now = 101.0
        seen.append(await cache.page(KEY, draw))
        cache.forget("district")
        seen.append(await cache.page(KEY, draw))
        cache.forget("city")
        seen += [await cache.page(KEY, draw), await cache.page(("city", "ED"), draw)]
        return seen

    assert asyncio.run(look()) == ["page 1", "page 1", "page 2", "page 2", "page 3", "page 4"]


def test_a_drawing_that_fails_is_not_kept() -> None:
    async def look() -> str:
        cache = PageCache(time.monotonic)

        async def fail() -> str:
            raise ValueError("no store")

        with pytest.raises(ValueError, match="no store"):
            await cache.page(KEY, fail)
        return await cache.page(KEY, Drawing())

    assert asyncio.run(look()) == "page 1"


def test_a_page_is_too_old_when_either_clock_says_so() -> None:
    async def look() -> list[str]:
        real, own = 100.0, 500.0
        cache, draw = PageCache(lambda: real, lambda: own), Drawing()
        seen = [await cache.page(KEY, draw)]
        own -= 60.0
        seen.append(await cache.page(KEY, draw))
        real += 1.0
        return [*seen, await cache.page(KEY, draw)]

    assert asyncio.run(look()) == ["page 1", "page 2", "page 3"]


def test_made_up_names_fill_no_memory() -> None:
    async def look() -> tuple[int, str]:
        cache, draw = PageCache(time.monotonic), Drawing()

        async def fail() -> str:
            raise ValueError("no such unit")

        for n in range(MOST_PAGES + 1):
            with pytest.raises(ValueError, match="no such unit"):
                await cache.page(("city", f"U{n}"), fail)
        return cache.held, await cache.page(KEY, draw)

    held, page = asyncio.run(look())
    assert (held, page) == (1, "page 1")

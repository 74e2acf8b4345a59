"""A thread that works beside the loop: in turn, and what it raises belongs to whoever asked."""

import asyncio
import threading

import pytest

from ml.serving.beside import Beside


def test_it_works_in_turn_in_one_thread() -> None:
    async def main() -> list[tuple[int, str]]:
        beside, ran = Beside("beside"), list[int]()

        def work(number: int) -> tuple[int, str]:
            ran.append(number)
            return number, threading.current_thread().name

        found = await asyncio.gather(*(beside.submit(lambda number=number: work(number)) for number in range(50)))
        assert ran == list(range(50))
        beside.close()
        return list(found)

    assert asyncio.run(main()) == [(number, "beside") for number in range(50)]


def test_what_the_work_raises_belongs_to_whoever_asked_and_the_next_goes_on() -> None:
    async def main() -> int:
        beside = Beside("beside")
        failing, sound = beside.submit(lambda: 1 // 0), beside.submit(lambda: 7)
        with pytest.raises(ZeroDivisionError):
            await failing
        return await sound

    assert asyncio.run(main()) == 7


def test_nobody_waits_for_what_was_given_up_nor_for_a_loop_that_is_closed() -> None:
    beside, may_end, ended = Beside("beside"), threading.Event(), threading.Event()

    async def main() -> None:
        future = beside.submit(may_end.wait)
        future.cancel()
        beside.submit(ended.set)

    asyncio.run(main())
    may_end.set()
    assert ended.wait(10)
    assert asyncio.run(_asked(beside)) == "still there"
    beside.close()


async def _asked(beside: Beside) -> str:
    return await beside.submit(lambda: "still there")

"""A model that hangs, is slow or raises is given up in time, and not asked again before a probe."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from ml.serving import asking
from ml.serving.asking import AskedModel, ModelSilent, ModelThread

SECONDS, PATIENCE = 0.05, 2.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging model waits for; it is let go when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def test_what_a_model_answers_or_raises_comes_back() -> None:
    async def ask() -> None:
        model = AskedModel(ModelThread("m"), lambda: None)
        assert await model.ask(lambda: 7, SECONDS, PATIENCE) == 7
        with pytest.raises(ZeroDivisionError):
            await model.ask(lambda: 1 / 0, SECONDS, PATIENCE)
        assert model.silent_seconds == 0

    run(ask())


def test_a_hanging_model_is_given_up_once_and_costs_one_thread_however_often_it_is_needed(
    gate: threading.Event,
) -> None:
    before = threading.active_count()

    async def ask() -> None:
        model = AskedModel(ModelThread("m"), lambda: None)
        started = time.monotonic()
        with pytest.raises(ModelSilent, match="within 50 ms") as first:
            await model.ask(gate.wait, SECONDS, PATIENCE)
        assert SECONDS <= time.monotonic() - started < PATIENCE
        assert first.value.was_asked
        for _ in range(200):
            with pytest.raises(ModelSilent, match="until it has answered a probe") as later:
                await model.ask(lambda: 7, SECONDS, PATIENCE)
            assert not later.value.was_asked
        assert threading.active_count() == before + 1
        assert model.is_hanging

    run(ask())


def test_calls_that_wait_behind_a_hanging_one_are_given_up_with_it(gate: threading.Event) -> None:
    async def ask() -> None:
        model = AskedModel(ModelThread("m"), lambda: None)
        found = await asyncio.gather(
            *(model.ask(gate.wait, SECONDS, PATIENCE) for _ in range(20)), return_exceptions=True
        )
        assert {type(one) for one in found} == {ModelSilent}

    run(ask())


def test_a_queue_of_quick_answers_is_no_hanging_model() -> None:
    async def ask() -> None:
        model = AskedModel(ModelThread("m"), lambda: None)
        found = await asyncio.gather(*(model.ask(lambda: time.sleep(0.01), SECONDS, PATIENCE) for _ in range(30)))
        assert found == [None] * 30
        assert model.silent_seconds == 0

    run(ask())


def test_a_model_that_came_back_is_trusted_after_a_probe_and_not_before(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "FIRST_PROBE_AFTER_SECONDS", 0.02)
    answers = iter([ZeroDivisionError(), None])
    probed: list[BaseException | None] = []

    def probe() -> None:
        probed.append(next(answers))
        if probed[-1] is not None:
            raise probed[-1]

    async def ask() -> None:
        model = AskedModel(ModelThread("m"), probe)
        with pytest.raises(ModelSilent):
            await model.ask(gate.wait, SECONDS, PATIENCE)
        await asyncio.sleep(0.05)
        model.look(SECONDS)
        assert not probed, "a thread that hangs is asked nothing"
        gate.set()
        while len(probed) < 2:
            with pytest.raises(ModelSilent):
                await model.ask(lambda: 7, SECONDS, PATIENCE)
            await asyncio.sleep(0.005)
        while model.silent_seconds:
            await asyncio.sleep(0.001)
        assert await model.ask(lambda: 7, SECONDS, PATIENCE) == 7

    run(ask())

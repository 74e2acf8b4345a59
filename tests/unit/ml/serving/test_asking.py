"""A model that hangs, is slow or raises is given up in time, and not asked again before a probe."""

import asyncio
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_homes import Home, tiny_model

from ml.registry.stages import Tier
from ml.serving import asking
from ml.serving.asking import AskedModel, ModelSilent, ModelThread
from ml.serving.live import ScorerOpener
from ml.serving.scoring import Scorer

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
        asked = [one.was_asked for one in found if isinstance(one, ModelSilent)]
        assert asked == [True, *[False] * 19], "what never ran says nothing of the model"

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


def test_a_model_that_comes_back_while_its_silence_is_read_has_none() -> None:
    def steady() -> float:
        model._close()  # the probe's thread, at the worst moment
        return 100.0

    model = AskedModel(ModelThread("m"), lambda: None, steady)
    model._open_since = 1.0
    assert model.silent_seconds == 99.0
    assert model.silent_seconds == 0.0


def test_models_are_counted_while_others_are_opened(tmp_path: Path) -> None:
    opener, over = ScorerOpener(Home.at(tmp_path).config(), "triage"), threading.Event()
    scorer = Scorer(tiny_model(), "critical_care")

    def open_others() -> None:
        for number in range(20_000):
            opener._asked(f"site{number}", Tier.MODEL, scorer)
        over.set()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threading.Thread(target=open_others, daemon=True).start()
        while not over.is_set():
            assert len(opener.models()) >= opener.given_up() == 0
    finally:
        sys.setswitchinterval(before)


def test_a_thread_that_came_back_after_it_was_given_up_ends(tmp_path: Path, gate: threading.Event) -> None:
    opener, before = ScorerOpener(Home.at(tmp_path).config(), "triage"), set(threading.enumerate())
    opener._thread("city", Tier.MODEL).submit(gate.wait)
    assert opener._thread("city", Tier.MODEL).submit(lambda: 7).future.result(10) == 7
    gate.set()
    deadline = time.monotonic() + 10
    while len(set(threading.enumerate()) - before) > 1:
        opener._thread("city", Tier.MODEL)
        assert time.monotonic() < deadline, "a thread that nobody asks any more waits for ever"
        time.sleep(0.005)
    opener.close()

"""Running the service: what was made at the start is taken out of the collector before the first call."""

import asyncio
import gc
from typing import Any

import pytest
from serving_homes import Home

from ml.serving import serve
from ml.serving.live import Live


def test_the_collector_leaves_alone_what_was_made_at_the_start(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())
    apps: list[Any] = []
    monkeypatch.setattr(serve.uvicorn, "run", lambda app, **_: apps.append(app))
    serve.run(home.config())
    [app] = apps

    async def begin() -> bool:
        async with app.router.lifespan_context(app):
            walked = gc.get_objects()
            return any(isinstance(one, Live) for one in walked)

    before = gc.get_freeze_count()
    try:
        assert not asyncio.run(begin())
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
    assert any(isinstance(one, Live) for one in gc.get_objects())

"""A home with a key, a server that knows it, and a clock that does not wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestration.feeds.bulk_export import Bounds, Exporter, Pace
from orchestration.sites.bulk_export import BulkExport

from .server import FakeServer, key_pair, running


@dataclass
class Client:
    """What a test needs to export: a home, terms, and what was told and waited for."""

    home: Path
    server: FakeServer
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    clock: float = 1_772_366_400.0

    def terms(self, **more: object) -> BulkExport:
        given = {
            "base_url": f"{self.server.base}/fhir",
            "client_id": "pilothouse",
            "key_file": "keys/export.pem",
            "key_id": "k1",
        }
        return BulkExport.model_validate(given | more)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds

    @contextmanager
    def opened(self, bounds: Bounds | None = None, **more: object) -> Iterator[Exporter]:
        pace = Pace(self._sleep, lambda: self.clock)
        with Exporter.opened(
            self.terms(**more), self.home, "city", self.said.append, bounds=bounds, pace=pace
        ) as exporter:
            yield exporter


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    home = tmp_path / "home"
    server = FakeServer(key_pair(home / "keys" / "export.pem"))
    with running(server):
        yield Client(home, server)

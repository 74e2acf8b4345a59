"""Small simulated groups, made once and read by every test here: one that sends what it does today, one all feeds."""

import json
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path

import pytest

from orchestration.simulator import EMITTED, SimulationSummary, simulate_group

from .parsed import Feeds

START, DAYS, SEED = date(2024, 3, 6), 5, 11  # the city's clocks go forward on the last day
MORE_DAYS = 10  # of all feeds: long enough for claims to be replaced and appointments to be missed
SITES = ("city", "district", "rural")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def summary(home: Path) -> SimulationSummary:
    return simulate_group(home, sites=SITES, start=START, days=DAYS, seed=SEED)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Feeds:
    """The same group sending every feed, for twice as long."""
    home = tmp_path_factory.mktemp("wide")
    summary = simulate_group(home, sites=SITES, start=START, days=MORE_DAYS, seed=SEED, feeds=EMITTED)
    return Feeds(home, summary)


Read = Callable[..., list[dict]]


@pytest.fixture(scope="session")
def read(home: Path, summary: SimulationSummary) -> Read:
    """Return the readable resources of one type at a site, of all days in order or of one. Do not change them."""

    @lru_cache
    def read_type(site: str, resource_type: str, day: date | None = None) -> list[dict]:
        pattern = f"{day.isoformat() if day else '*'}/{resource_type}.ndjson"
        found = []
        for path in sorted((home / "drops" / site).glob(pattern)):
            found += [parsed for line in path.read_text("utf-8").splitlines() if (parsed := parse(line))]
        return found

    return read_type


def parse(line: str) -> dict | None:
    """A resource, or None for a line that was cut short."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None

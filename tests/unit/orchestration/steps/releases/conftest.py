"""Homes of the city to be copied: one model is shown and a newer one waits; the newer one scores beside it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.settings import Settings
from orchestration.steps.record.records import open_records
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed

from .challenged import approve, candidate, city_record, promote


@pytest.fixture(scope="session")
def incumbent_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose city is shown one model, with a newer candidate; to be copied."""
    folder = tmp_path_factory.mktemp("incumbent")
    home = folder / "home"
    home.mkdir()
    one = Governed.at(settings_of(home))
    first = candidate(one.settings, city_record(), 12, folder / "first")
    for stage in ("shadow", "assistive"):
        approve(one, stage)
        assert promote(one, stage).exit_code == 0
    candidate(one.settings, replace(first, inputs="1" * 64), 13, folder / "second")
    open_records.cache_clear()
    return home


@pytest.fixture
def one(settings: Settings, incumbent_home: Path) -> Governed:
    shutil.copytree(incumbent_home, settings.home, dirs_exist_ok=True)
    return Governed(settings)


@pytest.fixture(scope="session")
def challenged_home(tmp_path_factory: pytest.TempPathFactory, incumbent_home: Path) -> Path:
    """A home whose newer candidate scores beside the release that is shown; to be copied."""
    home = tmp_path_factory.mktemp("challenged") / "home"
    shutil.copytree(incumbent_home, home)
    one = Governed(settings_of(home))
    approve(one, "shadow", challenger=True)
    assert promote(one, "shadow", challenger=True).exit_code == 0
    open_records.cache_clear()
    return home


@pytest.fixture
def beside(settings: Settings, challenged_home: Path) -> Governed:
    shutil.copytree(challenged_home, settings.home, dirs_exist_ok=True)
    return Governed(settings)

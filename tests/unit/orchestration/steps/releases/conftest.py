"""Copies of a city whose newer model waits, or scores beside the one that is shown."""

import shutil
from pathlib import Path

import pytest

from orchestration.settings import Settings
from tests.unit.orchestration.steps.governed import Governed


@pytest.fixture
def one(settings: Settings, incumbent_home: Path) -> Governed:
    shutil.copytree(incumbent_home, settings.home, dirs_exist_ok=True)
    return Governed(settings)


@pytest.fixture
def beside(settings: Settings, challenged_home: Path) -> Governed:
    shutil.copytree(challenged_home, settings.home, dirs_exist_ok=True)
    return Governed(settings)

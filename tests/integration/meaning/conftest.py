"""A simulated district hospital: four weeks landed as they came, and a last week that can be tampered with first.

What does not belong here: what is found in it.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import Environment, Settings
from orchestration.simulator import simulate_group
from orchestration.steps.intake.landing import land_days
from orchestration.steps.record.records import open_records

SITE, SEED = "district", 11
START = date(2026, 1, 5)
BASELINE, CURRENT = 28, 7
DAYS = [START + timedelta(days=n) for n in range(BASELINE + CURRENT)]

Fault = Callable[[dict[str, Any], int], None]
"""Changes a resource in place; the number counts the resources of its file."""
FileFault = Callable[[Path], None]
"""Changes a file of a day."""


def settings_of(home: Path) -> Settings:
    return Settings(
        home=home,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )


@pytest.fixture(scope="session")
def four_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("meaning") / "home"
    simulate_group(home, sites=[SITE], start=START, days=len(DAYS), seed=SEED, feeds=["ehr_fhir", "census", "rosters"])
    land_days(settings_of(home), SITE, DAYS[:BASELINE])
    return home


@pytest.fixture
def hospital(four_weeks: Path, tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Return a home of five weeks, the last of which a fault went through."""

    def make(
        resource_type: str | None = None, fault: Fault | None = None, file_fault: FileFault | None = None
    ) -> Settings:
        return five_weeks(four_weeks, tmp_path / "home", resource_type, fault, file_fault)

    yield make
    open_records.cache_clear()


def five_weeks(
    four_weeks: Path,
    home: Path,
    resource_type: str | None,
    fault: Fault | None,
    file_fault: FileFault | None = None,
) -> Settings:
    """Return a home of its own with the last week landed, after a fault went through its resources of one type."""
    shutil.copytree(four_weeks, home, copy_function=os.link)
    settings = settings_of(home)
    for day in DAYS[BASELINE:] if resource_type else ():
        path = settings.drops / SITE / day.isoformat() / f"{resource_type}.ndjson"
        if fault:
            tamper(path, fault)
        if file_fault:
            file_fault(path)
    land_days(settings, SITE, DAYS[BASELINE:])
    return settings


def tamper(path: Path, fault: Fault) -> None:
    """Let a fault go through every resource of a file; lines that hold none stay as they are."""
    made: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            resource = json.loads(line)
            fault(resource, number)
            made.append(json.dumps(resource))
        except (ValueError, KeyError, IndexError, TypeError):
            made.append(line)
    path.unlink()  # the file is one with that of the other homes
    path.write_text("\n".join(made) + "\n", encoding="utf-8")

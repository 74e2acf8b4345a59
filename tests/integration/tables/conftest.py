"""A small hospital in a lake, and the warehouse that dbt builds of it: built once for all table tests."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_hospital import land_small_hospital
from tests.integration.tables.small_orders import land_orders

PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
TIME_ZONES = {"city": "America/New_York"}


def build(
    home: Path,
    warehouse: str,
    *arguments: str,
    as_of: datetime | None = None,
    vocabulary: Path | None = None,
    site_codes: Path | None = None,
    verb: str = "build",
) -> subprocess.CompletedProcess[str]:
    """Run `dbt build` (or another verb of dbt's) over `<home>/lake` into a warehouse of its own."""
    target = home / warehouse
    target.mkdir(exist_ok=verb != "build")
    variables: dict[str, object] = {"lake": str(home / "lake"), "timezones": TIME_ZONES}
    variables["sites_that_take_test_records"] = ["samples"]
    if as_of is not None:
        variables["as_of"] = as_of.isoformat()
    if vocabulary is not None:
        variables["vocabulary"] = str(vocabulary)
    if site_codes is not None:
        variables["site_codes"] = str(site_codes)
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    outputs = ["--target-path", str(target / "target"), "--log-path", str(target / "logs")]
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", verb]
    return subprocess.run(
        [*command, *folders, *outputs, "--vars", json.dumps(variables), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PILOTHOUSE_HOME": str(target), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )


Ask = Callable[[str], list[tuple[object, ...]]]


def asking(database: Path) -> Iterator[Ask]:
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tables")
    lake = SmallLake(home)
    land_small_hospital(lake)
    land_orders(lake)
    return home


@pytest.fixture(scope="session")
def ask(home: Path) -> Iterator[Ask]:
    """Query the warehouse of the whole lake."""
    built = build(home, "whole")
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "whole" / "warehouse.duckdb")


@pytest.fixture(scope="session")
def ask_earlier(home: Path) -> Iterator[Ask]:
    """Query the warehouse of what had arrived by noon of the second of March. dbt's unit tests ran with the other."""
    built = build(home, "earlier", "--exclude-resource-type", "unit_test", as_of=datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "earlier" / "warehouse.duckdb")

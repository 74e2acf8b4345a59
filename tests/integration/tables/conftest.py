"""A small hospital in a lake, and the warehouse that dbt builds of it: built once for all table tests."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.dbt_builds import WITHOUT_UNIT_TESTS, run_dbt, told
from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_hospital import land_small_hospital
from tests.integration.tables.small_orders import land_orders

SHIFTS = {
    "city": [{"id": "day", "starts": "04:30", "ends": "16:30"}, {"id": "night", "starts": "16:30", "ends": "04:30"}],
    "nhamcs": [{"id": "day", "starts": "07:00", "ends": "23:00"}, {"id": "late", "starts": "23:00", "ends": "07:00"}],
}


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
    (home / warehouse).mkdir(exist_ok=verb != "build")
    others: dict[str, object] = {"as_of": as_of and as_of.isoformat(), "vocabulary": vocabulary and str(vocabulary)}
    others["shifts"] = SHIFTS
    others["site_codes"] = site_codes and str(site_codes)
    variables = told(home / "lake", **{name: value for name, value in others.items() if value})
    return run_dbt(home / warehouse, variables, verb, *arguments)


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
    built = build(home, "earlier", *WITHOUT_UNIT_TESTS, as_of=datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "earlier" / "warehouse.duckdb")

"""dbt in a test as a build runs it: over the parse that all homes share, in the process that Dagster starts.

A test's variables are fewer than a home's, so that its parse is another than the product's, shared among tests. What
does not belong here: what is built, and what is expected of it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from orchestration.settings import Environment, Settings
from orchestration.steps.warehouse import dbt_process
from orchestration.steps.warehouse.parsing import parse_project
from orchestration.steps.warehouse.tables import DBT_PROJECT, project_digest

FOLDERS = ("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT))
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
CITY = {"city": "America/New_York"}


def told(lake: Path, **others: object) -> str:
    """Return dbt's `--vars` for a lake: the city's time zone, and the samples taken as real, unless told otherwise."""
    usual = {"timezones": CITY, "sites_that_take_test_records": ["samples"]}
    return json.dumps({"lake": str(lake), **usual, "inputs": project_digest(), **others})


def command(home: Path, variables: str, *arguments: str) -> list[str]:
    """Return dbt's arguments for the warehouse in `home`; what it writes beside lies there too."""
    outputs = ["--target-path", str(home / "target"), "--log-path", str(home / "logs")]
    return [*arguments[:1], *FOLDERS, *outputs, "--vars", variables, *arguments[1:]]


def environment(warehouse: Path, variables: str, home: Path | None = None) -> dict[str, str]:
    """Return what the process is started with for the warehouse of a folder, and have the project parsed for it.

    `home` is the folder that the variables' paths are under; the warehouse's own by default.
    """
    home = home or warehouse
    urls = [f"sqlite:///{home}/{name}.db" for name in ("ledger", "mlflow", "events")]
    settings = Settings(home, Environment.DEVELOPMENT, *urls)
    parse_project(settings, DBT_PROJECT, lambda: variables)
    places = {"PILOTHOUSE_HOME": str(warehouse), "DBT_TARGET_PATH": str(settings.dbt_target)}
    return os.environ | places | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def dbt_process_of(*arguments: str) -> list[str]:
    """Return the command that starts dbt."""
    return [sys.executable, "-m", dbt_process.__name__, "--no-use-colors", *arguments]


def run_dbt(home: Path, variables: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dbt (`build`, `test`, ...) for the warehouse in `home`."""
    return subprocess.run(
        dbt_process_of(*command(home, variables, *arguments)),
        capture_output=True,
        text=True,
        check=False,
        env=environment(home, variables),
    )

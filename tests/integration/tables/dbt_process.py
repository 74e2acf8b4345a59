"""One dbt process for many builds: `python -m tests.integration.tables.dbt_process`, a JSON request a line, and back.

A dbt of its own for every build spends most of its time on starting and parsing. What does not belong here: what is
built, and what is expected of it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from orchestration.steps.warehouse.dbt_process import PARSED, read_parse
from tests.dbt_builds import WITHOUT_UNIT_TESTS, command, environment, told

DATE_KEY = "dates.key"


class DbtProcess:
    """The client. `build` answers when dbt is done: whether it succeeded, its problems in words, and its cost."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name if __spec__ else __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        )

    def build(self, lake: Path, warehouse: Path, *arguments: str) -> dict[str, Any]:
        """Build the warehouse of a folder from a lake."""
        assert self._process.stdin and self._process.stdout
        request = {"lake": str(lake), "warehouse": str(warehouse), "arguments": arguments}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def variables(lake: Path) -> str:
    """Return the `--vars` of these tests: where a key of dates lies beside the lake, `rural` is a safe_harbor site."""
    others: dict[str, Any] = {"timezones": {"rural": "America/Chicago"}, "sites_that_take_test_records": []}
    key = lake.parent / DATE_KEY
    if key.exists():
        others["deidentified"] = {"rural": {"key": str(key), "ages_as_of": "2026-12-31"}}
    return told(lake, **others)


def build_arguments(lake: Path, warehouse: Path, *arguments: str) -> list[str]:
    """Return dbt's arguments for one build."""
    return command(warehouse, variables(lake), "build", *WITHOUT_UNIT_TESTS, *arguments)


def _serve() -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # dbt's own lines
    manifest = None
    for line in sys.stdin:
        request = json.loads(line)
        lake, warehouse = Path(request["lake"]), Path(request["warehouse"])
        os.environ |= environment(warehouse, variables(lake), lake.parent)
        manifest = manifest or read_parse(Path(os.environ["DBT_TARGET_PATH"]) / PARSED)
        assert manifest is not None
        began, cpu = time.perf_counter(), time.process_time()
        result = dbtRunner(manifest=manifest.deepcopy()).invoke(
            ["--quiet", *build_arguments(lake, warehouse, *request["arguments"])]
        )
        DuckDBConnectionManager.close_all_connections()
        nodes = result.result.results if result.result else []
        problems = [f"{node.node.unique_id}: {node.message}" for node in nodes if node.status in ("error", "fail")]
        problems += [str(result.exception)] if result.exception else []
        cost = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
        answers.write(json.dumps({"succeeded": result.success, "problems": problems, **cost}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()

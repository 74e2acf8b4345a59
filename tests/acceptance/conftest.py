"""Acceptance: the command line as a user types it, in a home of its own, on real input and on the demo."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.typing_server import TypingServer

UNCHANGED = ("raw", "lake", "dbt", "dagster", "mlflow-artifacts", "warehouse.duckdb")  # not needed to release
COMMAND = str(Path(sys.executable).with_name("pilothouse"))
QUICK = frozenset(
    {
        "approve",
        "break-glass",
        "gate",
        "incident",
        "key",
        "ledger",
        "lineage",
        "promote",
        "refuse",
        "rollback",
        "status",
        "tier",
    }
)
"""Commands that take less time than their imports: these are run by a process that has imported them."""


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output and error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Home:
    """A Pilothouse home and the command line over it."""

    path: Path

    def run(self, *arguments: str | Path, timeout: float = 900) -> Ran:
        environment = {**os.environ, "PILOTHOUSE_HOME": str(self.path)}
        if arguments and arguments[0] in QUICK:
            return _typed([str(one) for one in arguments], environment)
        done = subprocess.run(
            [COMMAND, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=timeout
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str | Path) -> Any:
        """Run with `--json`, require success and one JSON document on standard output, return it."""
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.out + ran.err[-3000:]
        return ran.json

    def copy(self, target: Path) -> "Home":
        """A home can be moved: no stored path is absolute. Tests that change one work on a copy."""
        shutil.copytree(self.path, target, ignore=shutil.ignore_patterns(*UNCHANGED))
        return Home(target)


@lru_cache(maxsize=1)
def _server() -> TypingServer:
    server = TypingServer.started()
    atexit.register(server.stop)
    return server


def _typed(arguments: list[str], environment: dict[str, str]) -> Ran:
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name) / "out", Path(name) / "err"
        code = _server().run(arguments, environment, out, err)
        return Ran(code, out.read_text(), err.read_text())


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Home:
    """54,632 real visits, ingested as published and run up to the gate's decision."""
    home = Home(tmp_path_factory.mktemp("survey") / "home")
    receipts = home.ok("ingest", *_zips(shared_data), "--site", "nhamcs")
    (home.path / "ingest.json").write_text(json.dumps(receipts))
    (home.path / "run.json").write_text(json.dumps(home.ok("run", "--site", "nhamcs")))
    return home


@pytest.fixture(scope="session")
def synthea(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Home:
    """Synthea's bundles and bulk export, ingested as published, shaped into tables."""
    home = Home(tmp_path_factory.mktemp("synthea") / "home")
    folders = (shared_data / "synthea_fhir_bundles", shared_data / "synthea_bulk_ndjson")
    (home.path.parent / "ingest.json").write_text(json.dumps(home.ok("ingest", *folders, "--site", "synthea")))
    home.ok("run", "--select", "group:tables")
    return home


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The demo on one simulated site: from drops to assistive."""
    home = Home(tmp_path_factory.mktemp("demo") / "home")
    document = home.ok("demo", "--days", "90", "--sites", "1")
    (home.path / "demo.json").write_text(json.dumps(document))
    return home


def _zips(shared_data: Path) -> Sequence[Path]:
    return sorted((shared_data / "nhamcs_ed").glob("*.zip"))


@pytest.fixture
def fresh_home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")

"""What tests share: where the real data lie, and a failure instead of a skip in CI where they must be present."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (`PILOTHOUSE_SHARED_DATA`, default `../shared/data`)."""
    folder = Path(os.environ.get("PILOTHOUSE_SHARED_DATA") or ROOT.parent / "shared" / "data").absolute()
    if not folder.is_dir():
        _absent("the shared data folder is not there; set PILOTHOUSE_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's chromium."""
    found = shutil.which("chromium")
    if found is None:
        _absent("chromium is not installed; apt-get install chromium")
    return str(found)


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """What a command run within a test sets for its process ends with the test."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def _absent(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"In CI this must be present: {reason}")
    pytest.skip(reason)


POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
MUST_BE_PRESENT = ("PILOTHOUSE_SHARED_DATA", "PILOTHOUSE_TEST_POSTGRES_URL", "chromium")


def pytest_configure() -> None:
    """Use the local PostgreSQL where one answers and nothing else was asked for; judge properties, not their speed."""
    settings.register_profile("pilothouse", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("pilothouse")
    if "PILOTHOUSE_TEST_POSTGRES_URL" not in os.environ:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", 5432)) == 0:
                os.environ["PILOTHOUSE_TEST_POSTGRES_URL"] = POSTGRES


TOGETHER = {"unit/orchestration/simulator": "simulator", "unit/ml/forecasting": "forecasting"}
"""Folders whose tests share what is dear to make: one process runs them all, so that it is made once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder in one process where they share a set-up."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").as_posix()
        name = next((name for under, name in TOGETHER.items() if folder.startswith(f"{under}/")), None)
        if name is not None:
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skip for want of data, database or browser is a failure: a missing step must not hide."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("CI") and report.skipped and any(name in str(report.longrepr) for name in MUST_BE_PRESENT):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"

"""A run leaves nothing in the folder for temporary files, however it ends; and where it must not put a sandbox."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.safety_case import folders
from orchestration.safety_case.sandbox import READY, BaseRefused, require_free
from orchestration.settings import Environment, Settings

RUN = """
import importlib.util, signal, sys, time
spec = importlib.util.spec_from_file_location("folders", sys.argv[1])
folders = importlib.util.module_from_spec(spec)
sys.modules["folders"] = folders
spec.loader.exec_module(folders)
with folders.working_folder() as working:
    (working.folder / "base").mkdir()
    if "taken" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: None)
    print(working.folder, flush=True)
    for _ in range(600):
        time.sleep(0.1)
        working.end_if_told()
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], Path]]]:
    """Start a run that works in `tmp_path`."""
    running: list[subprocess.Popen[str]] = []

    def start(*how: str) -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", RUN, folders.__file__, *how]
        run = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True)
        running.append(run)
        assert run.stdout is not None
        return run, Path(run.stdout.readline().strip())

    yield start
    for run in running:
        run.kill()
        run.communicate()


@pytest.mark.parametrize("how", [(), ("taken",)], ids=["itself", "while Dagster takes the signal"])
def test_a_run_that_is_told_to_end_leaves_nothing(started, tmp_path: Path, how: tuple[str, ...]) -> None:
    run, folder = started(*how)
    assert (folder / "base").is_dir()
    run.terminate()
    assert run.wait(20) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next_and_nothing_of_one_that_runs(started, tmp_path: Path) -> None:
    killed, left = started()
    _, at_work = started()
    killed.kill()
    killed.wait(20)
    assert left.is_dir()
    folders.sweep(tmp_path)
    assert not left.exists() and (at_work / "base").is_dir()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / f"{folders.PREFIX}unlocked").mkdir()
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / folders.LOCK).touch()
    folders.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def settings_of(home: Path) -> Settings:
    return Settings(home, Environment.DEVELOPMENT, "sqlite://", "sqlite://", "sqlite://")


@pytest.mark.parametrize("place", ["home", "home/inside", "."], ids=["the home", "in it", "around it"])
def test_no_sandbox_is_kept_where_a_home_is_in_use(tmp_path: Path, place: str) -> None:
    (tmp_path / "home").mkdir()
    with pytest.raises(BaseRefused, match="is the home of this installation"):
        require_free(settings_of(tmp_path / "home"), tmp_path / place, 7)


def test_another_home_under_a_link_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with pytest.raises(BaseRefused, match="is the home of this installation"):
        require_free(settings_of(tmp_path / "home"), tmp_path / "link", 7)


def test_a_folder_that_holds_something_else_is_refused_and_an_empty_one_taken(tmp_path: Path) -> None:
    settings, base = settings_of(tmp_path / "home"), tmp_path / "base"
    require_free(settings, base, 7)
    base.mkdir()
    require_free(settings, base, 7)
    (base / "ledger.db").touch()
    with pytest.raises(BaseRefused, match="no whole sandbox"):
        require_free(settings, base, 7)


def test_a_sandbox_that_was_kept_is_taken_with_its_own_seed_alone(tmp_path: Path) -> None:
    settings, base = settings_of(tmp_path / "home"), tmp_path / "base"
    base.mkdir()
    (base / READY).write_text("7")
    require_free(settings, base, 7)
    with pytest.raises(BaseRefused, match="was made with seed 7, not 8"):
        require_free(settings, base, 8)

"""What a killed process left in the making is swept, and nothing that is being made."""

import os
from pathlib import Path

from orchestration.feeds.store import ABANDONED_SECONDS, Store
from orchestration.settings import Environment, Settings
from orchestration.steps.intake.landing import ingest_paths

NOW = 1_800_000_000.0


def left(incoming: Path, name: str, age: float) -> Path:
    path = incoming / name
    path.write_bytes(b"half a file")
    os.utime(path, (NOW - age, NOW - age))
    return path


def test_a_file_that_nobody_wrote_to_for_a_day_is_swept_and_a_younger_one_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, edge = left(store.incoming, "a", ABANDONED_SECONDS + 1), left(store.incoming, "b", ABANDONED_SECONDS)
    young = left(store.incoming, "c", 0.0)
    folder = store.incoming / "city.work"
    folder.mkdir()
    os.utime(folder, (0, 0))
    store.sweep(NOW)
    assert not old.exists()
    assert edge.exists() and young.exists() and folder.exists()


def test_a_landing_sweeps_what_is_left_of_long_ago(tmp_path: Path) -> None:
    path = Store(tmp_path / "home").incoming / "a"
    path.write_bytes(b"half a file")
    os.utime(path, (0, 0))
    settings = Settings(tmp_path / "home", Environment.DEVELOPMENT, "sqlite://", "sqlite://", "sqlite://")
    (tmp_path / "census.csv").write_text("unit,day,occupied\n")
    ingest_paths(settings, [tmp_path / "census.csv"], "city", "census")
    assert not path.exists()

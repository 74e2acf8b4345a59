"""What one site's scrubbing may clear away is its own, though another site's name begins alike."""

from pathlib import Path
from typing import Any

from orchestration.feeds.erasure import Reader
from orchestration.feeds.notes import scrubbing
from orchestration.feeds.notes.queue import Done
from orchestration.feeds.notes.scrubbing import scrub_waiting


def reader(home: Path, site: str) -> Reader:
    return Reader(home, site, bytes(32), "UTC", {}, {})


def left(home: Path, site: str) -> Path:
    """The folder that stays of a site whose scrubbing is killed in the middle of a batch."""
    folder = reader(home, site).store.incoming / f"{scrubbing._prefix(reader(home, site))}x1"
    folder.mkdir()
    return folder


def test_only_the_sites_own_leavings_are_cleared(tmp_path: Path) -> None:
    folders = {site: left(tmp_path, site) for site in ("city", "city-2", "city_3")}
    nobody: Any = None
    scrub_waiting(nobody, reader(tmp_path, "city"), [], Done.of(tmp_path, "city", "1"), nobody, nobody)
    assert {site: folder.exists() for site, folder in folders.items()} == {
        "city": False,
        "city-2": True,
        "city_3": True,
    }

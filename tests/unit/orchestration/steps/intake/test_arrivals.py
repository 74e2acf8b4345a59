"""The newest arrival is what reading every receipt would tell, and no receipt is read twice."""

import json
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.settings import Settings
from orchestration.steps.intake import arrivals
from orchestration.steps.intake.arrivals import newest_arrival

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCKS = [NOON + timedelta(hours=hours) for hours in (-1, 0, 5, 17, 40, 1000)]


def put(folder: Path, name: str, hours: int, *, taken: int = 1, first: int | None = None) -> None:
    """Rename a receipt into its place, as landing does."""
    folder.mkdir(parents=True, exist_ok=True)
    receipt = {"received": 2, "quarantined": 2 - taken, "arrived_at": (NOON + timedelta(hours=hours)).isoformat()}
    if first is not None:
        receipt["first_arrived_at"] = (NOON + timedelta(hours=first)).isoformat()
    beside = folder.parent / "beside"
    beside.write_text(json.dumps(receipt))
    beside.replace(folder / f"{name}.json")


def read_all(folder: Path, until: datetime) -> datetime | None:
    """Return the same by reading every receipt."""
    found = [json.loads(path.read_bytes()) for path in folder.glob("*.json")]
    brought = [
        one.get("first_arrived_at") or one["arrived_at"] for one in found if one["received"] > one["quarantined"]
    ]
    return max((at for one in brought if (at := datetime.fromisoformat(one)) <= until), default=None)


@pytest.mark.parametrize("seed", range(4))
def test_it_tells_what_reading_everything_tells(settings: Settings, seed: int) -> None:
    draw, folder = random.Random(seed), settings.home / "receipts" / "city" / "census"
    assert newest_arrival(settings, "city", "census", NOON) is None
    for step in range(25):
        names = [path.stem for path in folder.glob("*.json")] if folder.exists() else []
        if names and draw.random() < 0.2:
            (folder / f"{draw.choice(names)}.json").unlink()
        elif names and draw.random() < 0.3:
            put(folder, draw.choice(names), draw.randrange(48), taken=draw.randrange(3))
        else:
            first = draw.randrange(48) if draw.random() < 0.3 else None
            put(folder, f"r{step}", draw.randrange(48), taken=draw.randrange(3), first=first)
        if draw.random() < 0.5:  # as if nothing had happened for a while
            os.utime(folder, ns=(0, folder.stat().st_mtime_ns - 2 * arrivals.SETTLED))
        for clock in CLOCKS:
            assert newest_arrival(settings, "city", "census", clock) == read_all(folder, clock)


def test_a_receipt_is_read_once_and_a_settled_folder_not_listed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.home / "receipts" / "city" / "census"
    read: list[str] = []
    plain = arrivals._arrival  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(arrivals, "_arrival", lambda path: read.append(path.stem) or plain(path))
    for name in ("a", "b"):
        put(folder, name, 1)
    newest_arrival(settings, "city", "census", NOON)
    put(folder, "c", 3)
    assert newest_arrival(settings, "city", "census", CLOCKS[-1]) == NOON + timedelta(hours=3)
    assert sorted(read) == ["a", "b", "c"]
    os.utime(folder, ns=(0, 10**18))
    newest_arrival(settings, "city", "census", NOON)
    monkeypatch.setattr(arrivals.os, "scandir", pytest.fail)
    assert newest_arrival(settings, "city", "census", CLOCKS[-1]) == NOON + timedelta(hours=3)


@pytest.mark.parametrize("content", ["", "{", "null\n", "[]\n[]\n"])
def test_what_cannot_be_read_is_made_anew(settings: Settings, content: str) -> None:
    folder = settings.home / "receipts" / "city" / "census"
    put(folder, "a", 1)
    newest_arrival(settings, "city", "census", NOON)
    (settings.home / "state" / "arrivals" / "city" / "census.json").write_text(content)
    assert newest_arrival(settings, "city", "census", CLOCKS[-1]) == NOON + timedelta(hours=1)

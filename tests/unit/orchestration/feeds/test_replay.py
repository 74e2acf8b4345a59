"""Quarantine: what is held is listed by line and clause, and taken again once the contract can."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.contracts import CONTRACTS_DIR
from orchestration.feeds import replay
from orchestration.feeds.errors import FeedError
from orchestration.feeds.quarantine import held_files

HEAD = "shift_id,staff_id,unit,shift,date,starts_at,ends_at,role,skills,status\n"


def row(shift: str, status: str = "planned", role: str = "RN") -> str:
    return f"{shift},n7,ED,night,2026-03-01,2026-03-01T23:00:00Z,2026-03-02T07:00:00Z,{role},triage,{status}\n"


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    """The contracts with one more status of a shift."""
    folder = tmp_path / "contracts"
    shutil.copytree(CONTRACTS_DIR, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "rosters.odcs.yaml"
    text = path.read_text(encoding="utf-8")
    assert "validValues: [" in text
    path.write_text(text.replace("validValues: [planned,", "validValues: [standby, planned,"), encoding="utf-8")
    assert "standby" in path.read_text(encoding="utf-8")
    return folder


def again(zone, contracts: Path, days: int = 5):
    held = held_files(zone.home, [zone.site])
    at = zone.noon + timedelta(days=days)
    return replay(held, site=zone.site, home=zone.home, key=b"k" * 32, arrived_at=at, contracts_dir=contracts)


@pytest.mark.parametrize("part", ["receipts", "quarantine"])
def test_a_damaged_file_is_named_with_what_to_do(zone, part: str) -> None:
    zone.one("rosters.csv", (HEAD + row("s1") + row("s2", "standby")).encode())
    [path] = [path for path in (zone.home / part).rglob("*.*") if path.is_file()]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FeedError, match=f"{path.name}.*is damaged.*restore it from a backup"):
        held_files(zone.home, [zone.site])


def test_what_is_held_is_listed_with_line_clause_and_reason(zone) -> None:
    zone.one("rosters.csv", (HEAD + row("s1") + row("s2", "standby") + row("s3", role="R" * 65)).encode())
    zone.one("rosters2.csv", b"")
    first, second = sorted(held_files(zone.home, [zone.site]), key=lambda held: held.receipt.file)
    assert [(line, clause) for line, clause, _ in first.lines] == [
        (2, "Shift.status.codes"),
        (3, "Shift.role_code.length"),
    ]
    assert first.numbers == frozenset({2, 3})
    assert [(line, clause) for line, clause, _ in second.lines] == [(None, "file.empty")]
    assert second.numbers is None


def test_a_mended_contract_takes_what_was_held_and_the_counts_add_up(zone, wider: Path) -> None:
    zone.one("rosters.csv", (HEAD + row("s1") + row("s2", "standby") + row("s3", role="R" * 65)).encode())
    (receipt,) = again(zone, wider)
    assert (receipt.received, receipt.landed, receipt.duplicate, receipt.quarantined) == (3, 1, 1, 1)
    assert zone.rows("roster_shift", "_line, status", "_file is not null") == [(1, "planned"), (2, "standby")]
    (held,) = held_files(zone.home, [zone.site])
    assert [line for line, _, _ in held.lines] == [3]


def test_a_replay_without_a_change_changes_nothing(zone) -> None:
    zone.one("rosters.csv", (HEAD + row("s1") + row("s2", "standby")).encode())
    before = zone.files()
    (receipt,) = again(zone, CONTRACTS_DIR)
    assert (receipt.duplicate, receipt.quarantined) == (1, 1)
    assert zone.files() == before


def test_what_came_since_stays_newer_than_what_is_replayed(zone, wider: Path) -> None:
    zone.one("monday.csv", (HEAD + row("s1", "standby")).encode())
    zone.land({"tuesday.csv": (HEAD + row("s1", "cancelled")).encode()}, at=zone.noon + timedelta(days=1))
    (receipt,) = again(zone, wider)
    assert receipt.superseded == 1
    newest = "coalesce(_version_at, _arrived_at)"
    assert zone.rows("roster_shift", "arg_max(status, " + newest + ")", "_file is not null") == [("cancelled",)]


def test_a_second_replay_takes_nothing_twice(zone, wider: Path) -> None:
    zone.one("rosters.csv", (HEAD + row("s1") + row("s2", "standby") + row("s3", role="R" * 65)).encode())
    again(zone, wider)
    (receipt,) = again(zone, wider, days=6)
    assert (receipt.landed, receipt.superseded, receipt.duplicate, receipt.quarantined) == (0, 0, 2, 1)
    assert len(zone.rows("roster_shift", "_line", "_file is not null")) == 2

"""Anchors: every lake table can be read before anything arrived, in the columns of today's contract."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts import Contract, load_contracts
from orchestration.feeds import write_anchors


@pytest.fixture
def census() -> Contract:
    return load_contracts()["census"]


def columns(home: Path) -> list[str]:
    with duckdb.connect() as db:
        anchor = f"{home}/lake/unit_census/site=_anchor/day=0001-01-01/anchor.parquet"
        return [row[0] for row in db.execute(f"describe from read_parquet('{anchor}')").fetchall()]


def narrowed(contract: Contract) -> Contract:
    """The contract without the last column of its first object, under another digest."""
    first = contract.objects[0]
    return replace(contract, objects=(replace(first, properties=first.properties[:-1]),), digest="0" * 64)


def test_an_anchor_is_written_anew_for_another_contract_and_back_however_often_it_was_seen(
    tmp_path: Path, census: Contract
) -> None:
    whole, fewer = {"census": census}, {"census": narrowed(census)}
    write_anchors(tmp_path, whole)
    write_anchors(tmp_path, whole)
    assert "isolation" in columns(tmp_path)
    write_anchors(tmp_path, fewer)
    assert "isolation" not in columns(tmp_path)
    write_anchors(tmp_path, whole)
    assert "isolation" in columns(tmp_path)


def test_every_folder_that_an_anchor_makes_survives_a_power_cut(
    tmp_path: Path, census: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("orchestration.feeds.store.sync_folder", synced.append)
    write_anchors(tmp_path, {"census": census})
    anchor = next(tmp_path.glob("lake/*/*/*/*.parquet"))
    made = anchor.relative_to(tmp_path).parents
    assert {tmp_path / folder for folder in made} <= set(synced)


def test_an_anchor_that_was_removed_or_is_as_it_was_is_written_once(tmp_path: Path, census: Contract) -> None:
    write_anchors(tmp_path, {"census": census})
    anchor = next(tmp_path.glob("lake/*/*/*/*.parquet"))
    first = anchor.stat().st_ino, anchor.stat().st_mtime_ns
    write_anchors(tmp_path, {"census": census})
    assert (anchor.stat().st_ino, anchor.stat().st_mtime_ns) == first
    anchor.unlink()
    write_anchors(tmp_path, {"census": census})
    assert anchor.exists()

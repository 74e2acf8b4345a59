"""A crash at any write, then the same command again: nothing lost, nothing doubled."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.feeds import FeedError, land, write_anchors
from orchestration.feeds import lake as lake_files
from orchestration.feeds import store as files
from orchestration.feeds.landing import site_lock

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class PowerCut(BaseException):
    """Not an Exception: nothing may catch it."""


def write_inbox(folder: Path) -> list[Path]:
    folder.mkdir()
    for name, ids in {"a.ndjson": "12", "b.ndjson": "23"}.items():
        patients = [{"resourceType": "Patient", "id": i} for i in ids] + [
            {"resourceType": "Patient", "id": "9", "gender": "?"}
        ]
        places = [{"resourceType": "Location", "id": i} for i in ids]
        (folder / name).write_text("\n".join(json.dumps(r) for r in patients + places))
    return sorted(folder.iterdir())


def ingest(paths: list[Path], home: Path, day: int = 0):
    return land(paths, site="city", feed=None, home=home, key=KEY, arrived_at=NOW + timedelta(days=day))


def lake(home: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect() as db:
        return {
            table: db.execute(f"select _key, _content from '{home}/lake/{table}/*/*/*.parquet' order by all").fetchall()
            for table in ("fhir_patient", "fhir_location")
        }


def test_a_crash_at_any_rename_loses_nothing_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_inbox(tmp_path / "inbox")
    undisturbed = tmp_path / "undisturbed"
    receipts = ingest(paths, undisturbed)
    expected = lake(undisturbed)
    assert len(expected["fhir_patient"]) == 3
    empty = tmp_path / "empty"
    write_anchors(empty, load_contracts())
    crashes = 0
    for crash_at in range(60):
        home = tmp_path / f"crash{crash_at}"
        shutil.copytree(empty, home)
        if not crash(paths, home, crash_at, monkeypatch):
            break
        crashes += 1
        again = ingest(paths, home, day=1)
        assert lake(home) == expected, crash_at
        assert sum(r.received for r in again) == sum(r.received for r in receipts)
        quarantined = sum(
            duckdb.sql(f"select 1 from '{p}'").count("*").fetchall()[0][0] for p in home.glob("quarantine/*/*/*/*")
        )
        assert quarantined == 2
        assert not list((home / "incoming").iterdir())
    else:
        pytest.fail("no run went through without a crash")
    assert crashes >= 8  # four lake files, two of quarantine, two receipts


def test_a_crash_while_the_empty_tables_are_made_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_inbox(tmp_path / "inbox")
    ingest(paths, tmp_path / "undisturbed")
    assert crash(paths, tmp_path / "home", 5, monkeypatch)
    ingest(paths, tmp_path / "home", day=1)
    assert lake(tmp_path / "home") == lake(tmp_path / "undisturbed")


def crash(paths: list[Path], home: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    count = 0

    def cut(path: Path, target: Path, *args: object, **kwargs: object) -> None:
        nonlocal count
        count += 1
        if count > at:
            raise PowerCut
        real(path, target, *args, **kwargs)

    real = files.place
    monkeypatch.setattr(files, "place", cut)
    monkeypatch.setattr(lake_files, "place", cut)
    try:
        ingest(paths, home)
    except PowerCut:
        return True
    finally:
        monkeypatch.undo()
    return False


def test_what_a_killed_process_left_without_a_receipt_is_swept_before_the_next_landing(tmp_path: Path) -> None:
    paths = write_inbox(tmp_path / "inbox")
    home = tmp_path / "home"
    ingest(paths, home)
    for receipt in home.glob("receipts/city/*/*.json"):
        receipt.unlink()
    before = lake(home)
    receipts = ingest(paths, home, day=3)
    assert sum(r.landed for r in receipts) == 6
    assert lake(home) == before
    assert not list(home.glob("lake/*/site=city/day=2026-03-01/*.parquet"))


def test_two_landings_of_one_site_do_not_run_at_once(tmp_path: Path) -> None:
    paths = write_inbox(tmp_path / "inbox")
    with site_lock(tmp_path / "home", "city"), pytest.raises(FeedError, match="Another process"):
        ingest(paths, tmp_path / "home")
    assert sum(r.landed for r in ingest(paths, tmp_path / "home")) == 6


def test_a_renamed_file_is_judged_again_and_lands_once(tmp_path: Path) -> None:
    wrong = tmp_path / "Observation.ndjson"
    wrong.write_text('{"resourceType":"Patient","id":"1"}\n')
    home = tmp_path / "home"
    assert ingest([wrong], home)[0].quarantined == 1
    right = wrong.rename(tmp_path / "Patient.ndjson")
    assert ingest([right], home)[0].landed == 1
    assert ingest([right], home)[0].duplicate == 1
    assert len(lake(home)["fhir_patient"]) == 1
    assert len(list(home.glob("receipts/city/ehr_fhir/*.json"))) == 2

"""The key index and the stock of a site: whatever becomes of them, a landing ends in the same lake."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.feeds import land
from orchestration.feeds import stock as stocks
from orchestration.feeds.keys import KeyIndex

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def drop(root: Path, day: int) -> Path:
    """A day's file: one new patient, one that was there the day before and says the same, one that changes."""
    patients = [
        {"resourceType": "Patient", "id": f"new{day}", "gender": "female"},
        {"resourceType": "Patient", "id": f"new{day - 1}", "gender": "female"},
        {"resourceType": "Patient", "id": "changing", "birthDate": f"19{50 + day}-01-01"},
    ]
    path = root / f"{day}.ndjson"
    path.write_text("\n".join(json.dumps(patient) for patient in patients))
    return path


def landed(root: Path, home: Path, day: int) -> tuple[int, int, int]:
    (receipt,) = land([drop(root, day)], site="city", feed=None, home=home, key=KEY, arrived_at=NOW + day * ONE_DAY)
    return receipt.landed, receipt.duplicate, receipt.superseded


ONE_DAY = timedelta(days=1)


def lake(home: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        return db.execute(
            f"from read_parquet('{home}/lake/fhir_patient/site=city/*/*.parquet') order by all"
        ).fetchall()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[object, ...]]]:
    root = tmp_path_factory.mktemp("undisturbed")
    assert [landed(root, root / "home", day) for day in range(4)] == [(3, 0, 0), (1, 1, 1), (1, 1, 1), (1, 1, 1)]
    return root, lake(root / "home")


def lose_the_folder(home: Path) -> None:
    shutil.rmtree(home / "index")


def lose_the_mark(home: Path) -> None:
    (home / "index" / "city" / stocks.MARK).unlink()


def lose_the_newest(home: Path) -> None:
    """As after a crash between the receipts and the index."""
    folder = home / "index" / "city"
    held = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**held, "runs": [], "file_count": 0, "names_size": 0}))


def damage_a_run(home: Path) -> None:
    run = next((home / "index" / "city").glob("*.npy"))
    run.write_bytes(run.read_bytes()[:100])


def know_a_file_that_is_gone(home: Path) -> None:
    index = KeyIndex.open(home / "index" / "city")
    rows = duckdb.sql(f"from '{next(home.glob('lake/fhir_patient/site=city/*/*.parquet'))}'").to_arrow_table()
    index.add("fhir_patient", "fhir_patient/day=2026-02-01/gone.parquet", rows)
    index.flush()


def leave_what_has_no_receipt(home: Path) -> None:
    for kind in ("lake/fhir_patient", "quarantine/ehr_fhir"):
        stray = home / kind / "site=city" / "day=2026-03-09" / "0123456789abcdef.parquet"
        stray.parent.mkdir(parents=True)
        shutil.copy(next(home.glob("lake/fhir_patient/site=city/*/*.parquet")), stray)


def restore_elsewhere(home: Path) -> None:
    """As after a restore that keeps no times."""
    for path in home.rglob("*"):
        os.utime(path, (1, 1))


@pytest.mark.parametrize(
    "happens",
    [
        lose_the_folder,
        lose_the_mark,
        lose_the_newest,
        damage_a_run,
        know_a_file_that_is_gone,
        leave_what_has_no_receipt,
        restore_elsewhere,
    ],
)
def test_whatever_becomes_of_the_index_the_lake_is_the_same(tmp_path: Path, undisturbed, happens) -> None:
    home = tmp_path / "home"
    for day in range(2):
        landed(tmp_path, home, day)
    happens(home)
    assert [landed(tmp_path, home, day) for day in (2, 3)] == [(1, 1, 1), (1, 1, 1)]
    assert lake(home) == undisturbed[1]
    assert not list(home.glob("quarantine/*/*/*/*.parquet"))


def test_a_landing_after_one_that_ended_in_order_lists_and_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    landed(tmp_path, home, 0)
    monkeypatch.setattr(stocks.Stock, "_list_everything", lambda _: pytest.fail("everything was listed"))
    monkeypatch.setattr(stocks.Receipts, "committed", lambda _: pytest.fail("receipts were listed"))
    assert landed(tmp_path, home, 1) == (1, 1, 1)
    assert landed(tmp_path, home, 1) == (0, 3, 0)


def test_a_file_whose_lake_rows_were_forgotten_and_removed_brings_them_again(tmp_path: Path) -> None:
    """What an erasure does: lake files change in their places, and the index is told."""
    home = tmp_path / "home"
    landed(tmp_path, home, 0)
    for path in home.glob("lake/fhir_patient/site=city/*/*.parquet"):
        path.unlink()
    stocks.forget_index(home, "city")
    assert landed(tmp_path, home, 1) == (3, 0, 0)

"""How far a fault came is counted row by row against the same week without it."""

from pathlib import Path

import duckdb
import pytest

from orchestration.safety_case.reach import COUNTED, Difference, lake_difference, omop_difference

SITE = "city"


def lake(home: Path, *rows: tuple[str, float, str]) -> Path:
    """A home whose lake holds these readings: key, value, and the file that they came in."""
    folder = home / "lake" / "fhir_observation" / f"site={SITE}" / "day=2026-03-30"
    folder.mkdir(parents=True)
    with duckdb.connect() as db:
        db.execute("create table readings (observation_key varchar, value_number double, _file varchar)")
        db.executemany("insert into readings values (?, ?, ?)", list(rows))
        db.execute(f"copy readings to '{folder / 'part.parquet'}' (format parquet)")
    return home


def test_rows_that_say_something_else_are_wrong_here_and_missing_from_what_should_be(tmp_path: Path) -> None:
    usual = lake(tmp_path / "usual", ("a", 98.6, "one"), ("b", 99.0, "one"))
    home = lake(tmp_path / "home", ("a", 37.0, "one"), ("b", 99.0, "one"))
    assert lake_difference(home, usual, SITE) == Difference(1, 1)


def test_what_an_arrival_brings_along_is_not_compared(tmp_path: Path) -> None:
    usual = lake(tmp_path / "usual", ("a", 98.6, "one"))
    assert lake_difference(lake(tmp_path / "home", ("a", 98.6, "two")), usual, SITE) == Difference(0, 0)


def test_a_row_that_came_twice_is_wrong_once_and_one_that_never_came_is_missing(tmp_path: Path) -> None:
    usual = lake(tmp_path / "usual", ("a", 98.6, "one"), ("b", 99.0, "one"))
    home = lake(tmp_path / "home", ("a", 98.6, "one"), ("a", 98.6, "one"))
    assert lake_difference(home, usual, SITE) == Difference(1, 1)


def warehouse(home: Path, deaths: int) -> Path:
    home.mkdir()
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("create schema omop")
        for table in COUNTED:
            rows = deaths if table == "death" else 3
            db.execute(f"create table omop.{table} as select range as id from range({rows})")
    return home


@pytest.mark.parametrize(("deaths", "found"), [(5, (0, 0)), (2, (0, 3)), (6, (1, 0))], ids=["same", "lost", "made up"])
def test_omop_is_compared_table_by_table(tmp_path: Path, deaths: int, found: tuple[int, int]) -> None:
    usual = warehouse(tmp_path / "usual", 5)
    assert omop_difference(warehouse(tmp_path / "home", deaths), usual) == Difference(*found)

"""How far a fault came: rows of two homes held against each other, of the same week with it and without it.

What an arrival brings along (file, line, time of landing) is not compared. What does not belong here: what is a fault.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

COUNTED = (
    "person",
    "visit_occurrence",
    "visit_detail",
    "condition_occurrence",
    "measurement",
    "observation",
    "death",
)
"""OMOP's tables of what happened to people; eras and periods follow from these."""


@dataclass(frozen=True)
class Difference:
    """Rows that are there and should not be, or say something else, and rows that should be there and are not."""

    wrong: int
    missing: int


def lake_difference(home: Path, usual: Path, site: str) -> Difference:
    """Compare every lake table of a site, by the columns of its contract."""
    found = [_lake_table(home, usual, table.name, site) for table in sorted((usual / "lake").iterdir())]
    return Difference(sum(one.wrong for one in found), sum(one.missing for one in found))


def _lake_table(home: Path, usual: Path, table: str, site: str) -> Difference:
    folders = [one / "lake" / table / f"site={site}" for one in (home, usual)]
    if not any(folder.is_dir() for folder in folders):
        return Difference(0, 0)
    with duckdb.connect() as db:
        for name, folder in zip(("here", "there"), folders, strict=True):
            files = sorted(str(path) for path in folder.rglob("*.parquet"))
            files = files or [str(next((usual / "lake" / table / "site=_anchor").rglob("*.parquet")))]
            db.from_parquet(files, hive_partitioning=False, union_by_name=True).create_view(name)
        columns = [row[0] for row in db.sql("describe there").fetchall() if not row[0].startswith("_")]
        return _compared(db, "here", "there", columns)


def omop_difference(home: Path, usual: Path) -> Difference:
    """Compare the tables of OMOP that tell what happened to people."""
    with duckdb.connect() as db:
        db.execute(f"attach '{home / 'warehouse.duckdb'}' as here (read_only)")
        db.execute(f"attach '{usual / 'warehouse.duckdb'}' as there (read_only)")
        found = list[Difference]()
        for table in COUNTED:
            columns = [row[0] for row in db.sql(f"describe there.omop.{table}").fetchall()]
            found.append(_compared(db, f"here.omop.{table}", f"there.omop.{table}", columns))
    return Difference(sum(one.wrong for one in found), sum(one.missing for one in found))


def _compared(db: duckdb.DuckDBPyConnection, here: str, there: str, columns: list[str]) -> Difference:
    chosen = ", ".join(f'"{name}"' for name in columns)
    return Difference(_beyond(db, here, there, chosen), _beyond(db, there, here, chosen))


def _beyond(db: duckdb.DuckDBPyConnection, one: str, other: str, chosen: str) -> int:
    query = f"select count(*) from (select {chosen} from {one} except all select {chosen} from {other})"
    [(rows,)] = db.execute(query).fetchall()  # to its end: the connection is asked again
    return int(rows)

"""What the machine could not give is said as such, by whichever library it is met."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orchestration.answers import answers
from orchestration.steps.answer import Answer
from orchestration.steps.machine import FULL, MEMORY, READ_ONLY, machine_answer

SECRET = "MRN 4711"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def full(folder: Path) -> Path:
    """A file with no room in it, under a name that a library may take away or replace without harm to the device."""
    link = folder / "full"
    link.symlink_to("/dev/full")
    return link


def a_file_on_a_full_disk(folder: Path) -> None:
    with full(folder).open("w") as opened:
        opened.write(SECRET)


def duckdb_on_a_full_disk(_: Path) -> None:
    """As it words it: a real COPY would put a file of its own in the place of the link."""
    raise duckdb.IOException(f'Could not write file "{SECRET}": No space left on device')


def parquet_on_a_full_disk(folder: Path) -> None:
    pq.write_table(pa.table({"a": [SECRET]}), full(folder))


def sqlite_on_a_full_disk(folder: Path) -> None:
    with sqlite3.connect(folder / "full.db", isolation_level=None) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (?)", (SECRET * 10_000,))


def a_store_that_may_not_be_written(folder: Path) -> None:
    sqlite3.connect(folder / "store.db").execute("CREATE TABLE t (a)").connection.close()
    engine = create_engine(f"sqlite:///file:{folder}/store.db?mode=ro&uri=true", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": SECRET})


def a_home_of_somebody_else(folder: Path) -> None:
    raise PermissionError(13, "Permission denied", str(folder / "home" / "ledger"))


def a_read_only_disk(_: Path) -> None:
    raise OSError(30, "Read-only file system", SECRET)


def no_memory(_: Path) -> None:
    raise MemoryError


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        (a_file_on_a_full_disk, FULL),
        (duckdb_on_a_full_disk, FULL),
        (parquet_on_a_full_disk, FULL),
        (sqlite_on_a_full_disk, FULL),
        (a_store_that_may_not_be_written, READ_ONLY),
        (a_home_of_somebody_else, READ_ONLY),
        (a_read_only_disk, READ_ONLY),
        (no_memory, MEMORY),
    ],
)
def test_it_is_told_what_the_machine_lacks_and_what_to_do(
    tmp_path: Path, home: Path, does: Callable[[Path], None], kind: str
) -> None:
    @click.command()
    @answers
    def wrapped() -> Answer:
        try:
            does(tmp_path)
        except Exception as error:
            raise RuntimeError(f"could not keep {SECRET}") from error
        return Answer({})

    result = CliRunner().invoke(wrapped, ["--json"])
    assert result.exit_code == 1 and f'"kind": "{kind}"' in result.output
    assert "run the command again" in result.output and SECRET not in result.output
    assert str(home) in result.output or kind == MEMORY


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no space left on device"),
        PermissionError(13, "Permission denied", "/elsewhere/file.csv"),
        duckdb.IOException("cannot open"),
        OSError(2, "No such file"),
    ],
)
def test_what_is_something_else_is_not_taken_for_it(error: Exception) -> None:
    assert machine_answer(error) is None


def test_how_much_room_there_is_stands_in_the_sentence(home: Path) -> None:
    answer = machine_answer(OSError(28, "No space left on device"))
    assert answer is not None and f"{home} has " in answer.document["error"] and " MB left" in answer.document["error"]

"""What becomes of records that say the same again: by a model of one record after another, however they are batched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.contracts.compiler import compile_fhir
from orchestration.contracts.model import Classification, ContractObject, LogicalType, Property
from orchestration.feeds.keys import KeyIndex
from orchestration.feeds.relation import connection, rows, table_from
from orchestration.feeds.settle import judge, settle

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Property("thing_key", "", LogicalType.STRING, Classification.IDENTIFIER, True, True, path="id", authority="Thing")
THING = ContractObject("Thing", "thing", "", "", (KEY,))


@dataclass(frozen=True)
class Record:
    """One record as it comes. `version` is in seconds after noon; a deletion says none."""

    key: str
    said: str
    version: int | None = None
    arrived_at: datetime = NOON
    line: int = 1

    @property
    def content(self) -> str:
        said = "DELETE" if self.said == "deleted" else f"{self.said}@{self.version}"
        return sha256(said.encode()).hexdigest()

    @property
    def version_at(self) -> datetime | None:
        return None if self.version is None else NOON + timedelta(seconds=self.version)

    @property
    def recency(self) -> tuple[datetime, datetime, int]:
        """The order of dbt's macro `latest_version`."""
        return self.version_at or self.arrived_at, self.arrived_at, self.line


Files = Sequence[Sequence[Record]]


def arriving(files: Files) -> list[list[Record]]:
    """Give each file its time, not quite at a whole second so that no version is as new as an arrival."""
    times = [NOON + timedelta(seconds=n, microseconds=1) for n in range(len(files))]
    return [
        [replace(record, arrived_at=at, line=line) for line, record in enumerate(file, start=1)]
        for at, file in zip(times, files, strict=True)
    ]


def one_after_another(records: Sequence[Record]) -> list[str]:
    """The fates as the module's docstring tells them, without SQL."""
    told: list[str] = []
    for n, record in enumerate(records):
        before = [r for r in records[:n] if r.key == record.key]
        of_version = [r for r in before if r.version == record.version]
        is_same = bool(of_version) and of_version[-1].content == record.content
        if is_same and (record.version is not None or not any(r.version is not None for r in before)):
            told.append("duplicate")
        elif record.said == "deleted":
            told.append("deleted")
        else:
            told.append("superseded" if before else "landed")
    return told


class Lake:
    """What `settle` knows, as an index that is written now and then."""

    def __init__(self, folder: Path) -> None:
        self.index, self.rows = KeyIndex(folder), list[Record]()

    def take(self, db: duckdb.DuckDBPyConnection, files: Files) -> list[str]:
        """Settle some files at once; return the fates in the order of the records."""
        columns: dict[str, list[object]] = {
            name: [] for name in ("_file_no", "_line", "_id", "doc", "_content", "_arrived_at", "_is_deleted")
        }
        for number, file in enumerate(files):
            for r in file:
                when = "" if r.version_at is None else f'"lastUpdated":"{r.version_at.isoformat()}"'
                values = (number, r.line, r.key, f'{{"meta":{{{when}}}}}', r.content, r.arrived_at, r.said == "deleted")
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
        table_from(db, "came", pa.table(columns))
        source = "(select * replace (cast(_file_no as integer) as _file_no), 'Thing' as _type from came)"
        view = settle(db, judge(db, compile_fhir(THING), source), partial(self.index.find, "thing"))
        told = rows(db, f"select _fate, _key, _content, _version_at, _file_no, _line from {view} order by 5, 6")
        by_place = {(n, r.line): r for n, file in enumerate(files) for r in file}
        kept = [(by_place[(row[4], row[5])], row) for row in told if row[0] != "duplicate"]
        for record, row in kept:
            assert row[3] == record.version_at
        self.keep(kept)
        return [str(row[0]) for row in told]

    def keep(self, kept: Sequence[tuple[Record, tuple[object, ...]]]) -> None:
        if not kept:
            return
        times = pa.timestamp("us", tz="UTC")
        table = {
            "_key": pa.array([row[1] for _, row in kept], pa.string()),
            "_content": pa.array([row[2] for _, row in kept], pa.string()),
            "_version_at": pa.array([row[3] for _, row in kept], times),
            "_arrived_at": pa.array([r.arrived_at for r, _ in kept], times),
            "_line": pa.array([r.line for r, _ in kept], pa.int64()),
        }
        self.index.add("thing", f"thing/day=2026-03-01/{len(self.rows)}.parquet", pa.table(table))
        if len(self.rows) % 2:
            self.index.flush()
        self.rows.extend(r for r, _ in kept)


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection(b"k" * 32) as opened:
        yield opened


@pytest.fixture
def make_lake(tmp_path_factory: pytest.TempPathFactory):
    return lambda: Lake(tmp_path_factory.mktemp("lake"))


said = st.sampled_from(["sick", "well", "deleted"])
version = st.none() | st.integers(0, 6)
anything = st.builds(
    lambda key, what, at: Record(key, what, None if what == "deleted" else at), st.sampled_from("ab"), said, version
)


@st.composite
def of_one_kind(draw: st.DrawFn) -> list[Record]:
    """Records of `plain`, that never say a version, and of `dated`, that do, but for deletions after the first."""
    made: list[Record] = []
    for key in draw(st.lists(st.sampled_from(["plain", "dated"]), max_size=14)):
        is_dated = key == "dated"
        what = draw(said if not is_dated or any(r.key == key for r in made) else st.sampled_from(["sick", "well"]))
        has_version = is_dated and what != "deleted"
        made.append(Record(key, what, draw(st.integers(0, 6)) if has_version else None))
    return made


def cut(records: Sequence[Record], draw: st.DrawFn) -> list[list[Record]]:
    """Cut a sequence into parts of one record or more."""
    parts: list[list[Record]] = []
    for record in records:
        if not parts or draw(st.booleans()):
            parts.append([])
        parts[-1].append(record)
    return parts


@st.composite
def cut_twice(draw: st.DrawFn, records: st.SearchStrategy[list[Record]]) -> list[list[list[Record]]]:
    """Records in files, files in batches."""
    batches: list[list[list[Record]]] = []
    for file in arriving(cut(draw(records), draw)):
        if not batches or draw(st.booleans()):
            batches.append([])
        batches[-1].append(file)
    return batches


@MANY
@given(batches=cut_twice(st.lists(anything, max_size=14)))
def test_fates_do_not_depend_on_how_files_are_batched(db, make_lake, batches) -> None:
    files = [file for batch in batches for file in batch]
    batched, alone = make_lake(), make_lake()
    told = [fate for batch in batches for fate in batched.take(db, batch)]
    assert told == [fate for file in files for fate in alone.take(db, [file])]
    assert told == one_after_another([record for file in files for record in file])
    assert batched.rows == alone.rows


@MANY
@given(batches=cut_twice(of_one_kind()))
def test_the_latest_in_the_lake_is_the_latest_of_all_that_came(db, make_lake, batches) -> None:
    lake = make_lake()
    for batch in batches:
        lake.take(db, batch)
    came = [record for batch in batches for file in batch for record in file]
    for key in {record.key for record in came}:
        latest = max((r for r in came if r.key == key), key=lambda r: r.recency)
        stored = max((r for r in lake.rows if r.key == key), key=lambda r: r.recency)
        assert stored.content == latest.content


@pytest.mark.parametrize(
    ("story", "fates"),
    [
        ("x x", "landed duplicate"),
        ("x y x", "landed superseded superseded"),
        ("x y y x x", "landed superseded duplicate superseded duplicate"),
        ("x deleted x", "landed deleted superseded"),
        ("x deleted deleted", "landed deleted duplicate"),
        ("deleted x", "deleted superseded"),
        ("x@1 x@1", "landed duplicate"),
        ("x@1 y@2 x@1", "landed superseded duplicate"),
        ("y@2 x@1 y@2", "landed superseded duplicate"),
        ("x@1 y@1 x@1", "landed superseded superseded"),
        ("x@1 deleted x@1", "landed deleted duplicate"),
        ("x@1 deleted x@3", "landed deleted superseded"),
        ("x@1 deleted deleted", "landed deleted deleted"),  # x@2 may still come, and is older than the second
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_story_of_one_key(db, make_lake, story, fates, at_once) -> None:
    lake = make_lake()
    words = [word.split("@") for word in story.split()]
    files = arriving([[Record("k", what, int(at[0]) if at else None)] for what, *at in words])
    told = lake.take(db, files) if at_once else [fate for file in files for fate in lake.take(db, [file])]
    assert told == fates.split()

"""The key index beside a plain list of what was added to it, however it is cut into runs and opened again."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds.keys import DIGITS, KNOWN, KeyIndex
from orchestration.feeds.keys import index as module

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def lake_rows(keys: list[int], file: int) -> pa.Table:
    """Rows of one file; keys 0 and 1 agree in their first 64 bits."""
    return pa.table(
        {
            "_key": [key_of(key) for key in keys],
            "_content": [digest(f"{key}@{file}") for key in keys],
            "_version_at": [NOON if key % 2 else None for key in keys],
            "_arrived_at": [NOON + timedelta(microseconds=file)] * len(keys),
            "_line": list(range(1, len(keys) + 1)),
        },
        schema=KNOWN,
    )


def key_of(key: int) -> str:
    return "f" * 16 + digest(str(key))[:16] if key < 2 else digest(str(key))[:DIGITS]


def asked(keys: list[int]) -> pa.ChunkedArray:
    return pa.chunked_array([[key_of(key) for key in keys]], pa.string())


def plain(table: pa.Table) -> list[tuple[object, ...]]:
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=str)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory):
    return lambda: tmp_path_factory.mktemp("index") / "city"


def in_pieces(folder: Path, table: str, rows: pa.Table) -> KeyIndex:
    """The index of a file that came in pieces of three rows, beside those of another table."""
    own = KeyIndex(folder)
    for start in range(0, max(rows.num_rows, 1), 3):
        own.add("other", f"other/day=2026-03-01/{start}", lake_rows([0, 1, 5], 99))
        own.add(table, f"{table}/day=2026-03-01/{start}", rows.slice(start, 3))
        if start == 3:
            own.flush()
    return own


keys = st.lists(st.integers(0, 12), max_size=8, unique=True)
step = st.tuples(st.sampled_from(["sick", "well"]), keys, st.sampled_from(["", "flush", "open again"]), st.booleans())


@SOME
@given(steps=st.lists(step, max_size=12), wanted=keys)
def test_the_index_knows_what_was_added_and_nothing_else(folder, steps, wanted) -> None:
    index = KeyIndex.open(folder())
    added: list[tuple[str, str, pa.Table]] = []
    for number, (table, brought, then, is_adopted) in enumerate(steps):
        name = f"{table}/day=2026-03-0{1 + number % 2}/{number}.parquet"
        rows = lake_rows(brought, number)
        if is_adopted:
            index.adopt(table, name, in_pieces(folder(), table, rows))
        else:
            index.add(table, name, rows)
        added.append((table, name, rows))
        if then:
            index.flush()
        if then == "open again":
            index = KeyIndex.open(index.folder)
    names = {key_of(key) for key in wanted}
    for table in ("sick", "well"):
        held = [row for t, _, rows in added if t == table for row in plain(rows) if row[0] in names]
        expected = sorted([(row[0], str(row[1])[:DIGITS], *row[2:]) for row in held], key=str)
        assert plain(index.find(table, asked(wanted))) == expected
    assert index.files() == [name for _, name, _ in added]
    assert index.files_of(asked(wanted)) == sorted(
        {name for _, name, rows in added if names & set(rows.column("_key").to_pylist())}
    )
    for day in (1, 2):
        came = {number for number, (_, brought, *_) in enumerate(steps) if brought and 1 + number % 2 == day}
        moments = [NOON + timedelta(microseconds=number) for number in came]
        assert set(index.arrivals(date(2026, 3, day))) == {int(m.timestamp() * 1e6 + 0.5) for m in moments}


def test_runs_stay_few_and_each_entry_is_written_seldom(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    index = KeyIndex.open(folder())
    written = 0
    real = module.np.save
    monkeypatch.setattr(module.np, "save", lambda stream, rows: [real(stream, rows), count(rows.shape[1])])

    def count(entries: int) -> None:
        nonlocal written
        written += entries

    for number in range(256):
        index.add("sick", f"sick/day=2026-03-01/{number}.parquet", lake_rows([100 + number], number))
        index.flush()
    assert len(index.runs) <= 8
    assert written <= 256 * 9
    assert len(list(index.folder.glob("*.npy"))) == len(index.runs)
    assert len(KeyIndex.open(index.folder)) == 256


def test_many_entries_are_written_before_the_landing_ends(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    index = KeyIndex.open(folder())
    for number in range(7):
        index.add("sick", f"sick/day=2026-03-01/{number}.parquet", lake_rows([2, 3, 4], number))
    assert len(KeyIndex.open(index.folder)) >= 12
    assert len(index.find("sick", asked([3]))) == 7


def test_large_runs_are_left_alone(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 4)
    index = KeyIndex.open(folder())
    for number in range(12):
        index.add("sick", f"sick/day=2026-03-01/{number}.parquet", lake_rows([2, 3, 4], number))
        index.flush()
    assert max(len(run.entries) for run in index.runs) <= 12
    assert len(index.find("sick", asked([3]))) == 12


def test_a_large_index_is_adopted_as_it_lies(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 4)
    monkeypatch.setattr(module, "IN_MEMORY", 6)
    index, own = KeyIndex.open(folder()), KeyIndex.open(folder())
    index.add("sick", "sick/day=2026-03-01/before.parquet", lake_rows([3], 0))
    index.flush()
    for number in range(4):
        own.add("sick", f"sick/day=2026-03-01/{number}", lake_rows([2, 3, 4], number))
    sizes = [len(run.entries) for run in own.runs]
    index.adopt("sick", "sick/day=2026-03-01/long.parquet", own)
    index.flush()
    assert [len(run.entries) for run in index.runs] == [1, sizes[0], sum(sizes[1:])]
    assert len(index.find("sick", asked([3]))) == 5
    assert index.files_of(asked([2])) == ["sick/day=2026-03-01/long.parquet"]


@pytest.mark.parametrize("damage", ["manifest.json", "run", "cut"])
def test_an_index_that_cannot_be_read_is_an_empty_one(folder, damage: str) -> None:
    index = KeyIndex.open(folder())
    index.add("sick", "sick/day=2026-03-01/0.parquet", lake_rows([2], 0))
    index.flush()
    run: Path = next(index.folder.glob("*.npy"))
    if damage == "run":
        run.unlink()
    elif damage == "cut":
        run.write_bytes(run.read_bytes()[:-8])
    else:
        (index.folder / damage).write_text("{")
    assert len(KeyIndex.open(index.folder)) == 0


def test_a_row_without_a_key_is_left_out(folder) -> None:
    rows = lake_rows([2, 3], 0)
    without = rows.set_column(0, "_key", pa.array([None, key_of(3)], pa.string()))
    index = KeyIndex.open(folder())
    index.add("sick", "sick/day=2026-03-01/0.parquet", without)
    assert plain(index.find("sick", asked([2, 3])))[0][0] == key_of(3)
    assert len(index) == 1

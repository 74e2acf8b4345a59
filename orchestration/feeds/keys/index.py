"""The index of one site: runs on disk and in memory, what it covers, adding to it, asking it.

What does not belong here: what an entry is (entries.py). A run is written once and never changed; the manifest names
those that count and is replaced in one step, so that it is right at any moment, if behind.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from orchestration.feeds.keys.entries import ARRIVED, NOTHING, Entries, halves, merged
from orchestration.feeds.store import flush, sync_folders

VERSION = 1
MANIFEST, NAMES, DAYS = "manifest.json", "files.txt", "days"
LARGEST = 1 << 22  # entries of a run that is still merged with others
IN_MEMORY = 1 << 20  # entries that wait to be written


@dataclass
class Run:
    """Sorted entries; `name` is null while they lie in memory only."""

    entries: Entries
    name: str | None = None


class Keys(Protocol):
    """What settling asks: which tables have rows, and what is held under some keys (the columns of `KNOWN`)."""

    @property
    def tables(self) -> Sequence[str]: ...

    def find(self, table: str, keys: pa.ChunkedArray) -> pa.Table: ...


@dataclass(frozen=True)
class Layers:
    """Several indexes as one: a site's, and that of a file whose pieces are not committed yet."""

    indexes: tuple[Keys, ...]

    @property
    def tables(self) -> Sequence[str]:
        return [table for index in self.indexes for table in index.tables]

    def find(self, table: str, keys: pa.ChunkedArray) -> pa.Table:
        return pa.concat_tables([index.find(table, keys) for index in self.indexes])


@dataclass
class KeyIndex:
    """The keys of one site's lake. `tables` are numbered by their place, files by theirs in `files.txt`."""

    folder: Path
    runs: list[Run] = field(default_factory=list[Run])
    tables: list[str] = field(default_factory=list[str])
    file_count: int = 0
    names_size: int = 0
    _names: list[str] = field(default_factory=list[str])
    _days: dict[date, list[int]] = field(default_factory=dict[date, list[int]])

    @staticmethod
    def open(folder: Path) -> "KeyIndex":
        """Open an index, an empty one where there is none or one that this version cannot read."""
        try:
            held = json.loads((folder / MANIFEST).read_bytes())
            if held["version"] != VERSION:
                return KeyIndex(folder)
            runs = [Run(Entries(np.load(folder / name, mmap_mode="r")), name) for name in held["runs"]]
        except (FileNotFoundError, ValueError, KeyError):
            return KeyIndex(folder)
        return KeyIndex(folder, runs, held["tables"], held["file_count"], held["names_size"])

    def __len__(self) -> int:
        return sum(len(run.entries) for run in self.runs)

    # -- asking

    def find(self, table: str, keys: pa.ChunkedArray) -> pa.Table:
        """Return what the lake table holds under some keys (the columns of `KNOWN`)."""
        if table not in self.tables:
            return NOTHING.known()
        number, asked = self.tables.index(table), _sorted(keys)
        return merged([run.entries.among(asked, number) for run in self.runs]).known()

    def files_of(self, keys: pa.ChunkedArray) -> list[str]:
        """Return the lake files that hold any of the keys, as `<table>/day=<day>/<name>`; erasure asks this."""
        asked = _sorted(keys)
        numbers = {int(n) for run in self.runs for n in run.entries.under(asked).files}
        names = self.files()
        return sorted(names[n] for n in numbers)

    def files(self) -> list[str]:
        """Return the lake files that the index covers, in the order of their numbers."""
        path = self.folder / NAMES
        held = path.read_bytes()[: self.names_size].decode() if path.exists() else ""
        return [*held.splitlines(), *self._names]

    def arrivals(self, day: date) -> list[int]:
        """Return when the files of a day arrived that brought something to the lake, in microseconds of 1970."""
        path = self._day(day)
        held = path.read_bytes() if path.exists() else b""
        return [*np.frombuffer(held[: len(held) - len(held) % 8], dtype=np.int64).tolist(), *self._days.get(day, ())]

    # -- adding

    def add(self, table: str, name: str, *parts: pa.Table) -> None:
        """Take in the rows of a committed lake file; `name` is `<table>/day=<day>/<name>`."""
        place = self._place(table, name)
        self._take(name, (Entries.of(rows, *place) for rows in parts))

    def adopt(self, table: str, name: str, other: "KeyIndex") -> None:
        """Take in the rows of a committed lake file, which are all that another index has of its table."""
        place, number = self._place(table, name), other.tables.index(table)
        self._take(name, (run.entries.moved(number, place) for run in other.runs))

    def _place(self, table: str, name: str) -> tuple[int, int]:
        """Number a table and a file that comes to it."""
        if table not in self.tables:
            self.tables.append(table)
        self._names.append(name)
        return self.tables.index(table), self.file_count + len(self._names) - 1

    def _take(self, name: str, parts: Iterable[Entries]) -> None:
        for made in parts:
            if len(made):
                self._remember(name, made)
                self.runs.append(Run(made))
        self._merge_in_memory()

    def _remember(self, name: str, made: Entries) -> None:
        day = date.fromisoformat(name.split("/")[1].removeprefix("day="))
        arrived = int(made.rows[ARRIVED][0])
        if arrived not in (taken := self._days.setdefault(day, [])):
            taken.append(arrived)

    def _merge_in_memory(self) -> None:
        waiting = [run for run in self.runs if run.name is None]
        if not waiting:
            return
        if sum(len(run.entries) for run in waiting) > IN_MEMORY:
            self.flush()
            return
        start = len(self.runs) - _to_merge([len(run.entries) for run in waiting])
        self.runs[start:] = [Run(merged([run.entries for run in self.runs[start:]]))]

    # -- writing

    def flush(self) -> None:
        """Write what lies in memory, merged with runs that are not much larger, and then the manifest."""
        if not self._names:
            return
        for folder in (self.folder, self.folder / DAYS):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stale = self._write_runs()
        self._append_names()
        for day, arrivals in self._days.items():
            with self._day(day).open("ab") as stream:
                stream.write(np.array(arrivals, dtype=np.int64).tobytes())
                flush(stream)
        self._days.clear()
        self._write_manifest()
        for name in stale:
            (self.folder / name).unlink(missing_ok=True)

    def _write_runs(self) -> list[str]:
        """Write the runs in memory, one run in the place of those that belong together (`_gathered`); return the names
        of those on disk that are not needed any more."""
        groups = self._gathered()
        self.runs = [run if run.name else self._written(run) for run in map(_as_one, groups)]
        return [run.name for group in groups if len(group) > 1 for run in group if run.name]

    def _gathered(self) -> list[list[Run]]:
        """Return the runs, the older first, those together that are to be one."""
        groups: list[list[Run]] = []
        for run in self.runs:
            groups.append([run])
            if run.name is None:
                start = len(groups) - _to_merge([sum(len(one.entries) for one in group) for group in groups])
                groups[start:] = [[one for group in groups[start:] for one in group]]
        return groups

    def _written(self, run: Run) -> Run:
        name = f"{secrets.token_hex(8)}.run.npy"
        with (self.folder / name).open("wb") as stream:
            np.save(stream, np.ascontiguousarray(run.entries.rows))
            flush(stream)
        return Run(Entries(np.load(self.folder / name, mmap_mode="r")), name)

    def _append_names(self) -> None:
        with (self.folder / NAMES).open("ab") as stream:
            stream.truncate(self.names_size)
            stream.write("".join(f"{name}\n" for name in self._names).encode())
            flush(stream)
            self.names_size = stream.tell()
        self.file_count += len(self._names)
        self._names.clear()

    def _write_manifest(self) -> None:
        held = {
            "version": VERSION,
            "runs": [run.name for run in self.runs],
            "tables": self.tables,
            "file_count": self.file_count,
            "names_size": self.names_size,
        }
        beside = self.folder / f"{MANIFEST}.part"
        with beside.open("wb") as stream:
            stream.write(json.dumps(held).encode())
            flush(stream)
        beside.replace(self.folder / MANIFEST)
        sync_folders([self.folder])

    def _day(self, day: date) -> Path:
        return self.folder / DAYS / day.isoformat()


def _sorted(keys: pa.ChunkedArray) -> np.ndarray:
    """Return keys as two rows of halves, sorted by the first."""
    both = np.stack(halves(keys))
    return both[:, np.argsort(both[0], kind="stable")]


def _as_one(group: list[Run]) -> Run:
    return group[0] if len(group) == 1 else Run(merged([run.entries for run in group]))


def _to_merge(sizes: list[int]) -> int:
    """Return how many of the last runs become one: those that are no larger than all that came after them.

    So every run is larger than the sum of those after it, up to a large one, which is left alone: their number grows
    with the logarithm of the entries, and an entry is written again only as often.
    """
    count, total = 1, sizes[-1]
    for size in reversed(sizes[:-1]):
        if size > total or max(size, total) > LARGEST:
            break
        count, total = count + 1, total + size
    return count

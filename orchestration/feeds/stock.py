"""What a site has: its receipts and the index of its lake; trusted where the last landing ended in order.

A landing takes away the mark that says so before it writes, and sets it again when it is done. Without the mark, or
where folders changed since, everything is listed once: what a crash left without a receipt is removed, and the index
takes in what it lacks or is made anew. What does not belong here: what is written, and the index itself (keys/).
"""

import json
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds.keys import KNOWN, KeyIndex
from orchestration.feeds.store import Receipts, Store, flush, sync_folders

MARK = "in_order.json"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Stock:
    """The receipts and the key index of one site. Wants the site's lock for as long as it is held."""

    store: Store
    site: str
    receipts: Receipts
    index: KeyIndex
    is_marked: bool = False

    @staticmethod
    def take(store: Store, site: str) -> "Stock":
        """Take stock of a site; cheap where the last landing ended in order."""
        folder = index_folder(store.home, site)
        stock = Stock(store, site, store.receipts(site), KeyIndex.open(folder))
        stock.is_marked = _read(folder / MARK) == stock._state()
        if not stock.is_marked:
            stock._list_everything()
        return stock

    def arrivals(self, day: date) -> list[datetime]:
        """Return when the files arrived that brought something to the lake on a day."""
        return [EPOCH + timedelta(microseconds=moment) for moment in self.index.arrivals(day)]

    def begin(self) -> None:
        """Say, durably, that something is being written."""
        if self.is_marked:
            (self.index.folder / MARK).unlink(missing_ok=True)
            sync_folders([self.index.folder])
            self.is_marked = False

    def end(self) -> None:
        """Write the index, and say that everything is in order."""
        if self.is_marked:
            return
        self.index.flush()
        self.index.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.index.folder / f"{MARK}.part"
        with beside.open("wb") as stream:
            stream.write(json.dumps(self._state()).encode())
            flush(stream)
        beside.replace(self.index.folder / MARK)
        sync_folders([self.index.folder])
        self.is_marked = True

    def add(self, table: str, path: Path, rows: pa.Table) -> None:
        """Take in the rows of a lake file that was committed just now."""
        self._add(_name(table, path), path, rows)

    def adopt(self, table: str, path: Path, keys: KeyIndex) -> None:
        """Take in the rows of a lake file that was committed just now, whose keys are known already."""
        self.index.adopt(table, _name(table, path), keys)

    def _add(self, name: str, path: Path, rows: pa.Table | None = None) -> None:
        if rows is not None:
            self.index.add(name.split("/", 1)[0], name, rows)
            return
        with pq.ParquetFile(path) as file:
            groups = (file.read_row_group(n, columns=KNOWN.names) for n in range(file.num_row_groups))
            self.index.add(name.split("/", 1)[0], name, *groups)

    @contextmanager
    def beside(self) -> Generator[Path]:
        """A folder for files in the making; what still lies there afterwards is removed, after a crash by the next."""
        with TemporaryDirectory(dir=self.store.incoming, prefix=f"{self.site}.") as folder:
            yield Path(folder)

    def _state(self) -> dict[str, object]:
        """What must be the same for the index to be right: what it covers, and when folders changed last."""
        folders = [*self.receipts.folders(), *self.store.lake.glob(f"*/site={self.site}")]
        changed = {str(f.relative_to(self.store.home)): f.stat().st_mtime_ns for f in sorted(folders)}
        return {"files": self.index.file_count, "entries": len(self.index), "changed": changed}

    def _list_everything(self) -> None:
        for folder in self.store.incoming.glob(f"{self.site}.*"):
            shutil.rmtree(folder)
        committed = self.receipts.committed()
        lake = dict(self._lake_files())
        for path in [*lake.values(), *self.store.home.glob(f"quarantine/*/site={self.site}/day=*/*.parquet")]:
            if path.stem not in committed:
                path.unlink()
        present = {name: path for name, path in lake.items() if path.stem in committed}
        covered = set(self.index.files())
        if not covered <= present.keys():
            shutil.rmtree(self.index.folder, ignore_errors=True)
            self.index, covered = KeyIndex(self.index.folder), set[str]()
        for name in sorted(present.keys() - covered):
            self._add(name, present[name])

    def _lake_files(self) -> Iterator[tuple[str, Path]]:
        for path in self.store.lake.glob(f"*/site={self.site}/day=*/*.parquet"):
            yield _name(path.parts[-4], path), path


def index_folder(home: Path, site: str) -> Path:
    """Return where the index of a site lies. Removing it makes the next landing list and read the lake once."""
    return home / "index" / site


def forget_index(home: Path, site: str) -> None:
    """Remove a site's index, because lake files were changed in their places. Wants the site's lock."""
    shutil.rmtree(index_folder(home, site), ignore_errors=True)


def _name(table: str, path: Path) -> str:
    return f"{table}/{path.parent.name}/{path.name}"


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None

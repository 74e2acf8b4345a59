"""Files of the landing zone: raw bytes by content, atomic writes, receipts as commit points.

What does not belong here: what records mean, and how raw bytes are encrypted (vault/). Everything is written beside its
place, flushed, and renamed into it; a receipt comes last, so that a file without one never happened.
"""

import json
import os
import secrets
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestration.feeds.durable import flush, made_folders, make_folder, sync_folder
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.reread import read_receipt
from orchestration.feeds.vault import RawObject, Vault
from orchestration.feeds.vault.cipher import Readable

SHORT = 16  # hex digits of a file's digest in a lake file's name
ABANDONED_SECONDS = 86_400.0
FLUSHING = 8  # files that are flushed at the same time: the disk takes several in one go


class Store:
    """The folders under one home that landing writes to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lake = home / "lake"
        self.incoming = home / "incoming"
        self.vault = Vault.of(home)
        for folder in (home / "raw", self.incoming):
            make_folder(folder)

    def sweep(self, present: float) -> None:
        """Remove what a killed process left: files that nobody wrote to for a day. `present`: seconds since 1970."""
        for entry in os.scandir(self.incoming):
            try:
                if entry.is_file(follow_symlinks=False) and present - entry.stat().st_mtime > ABANDONED_SECONDS:
                    os.unlink(entry.path)  # noqa: PTH108 - of a scan that may be long
            except FileNotFoundError:  # its owner, or another sweep, was faster
                continue

    def raw(self, sha256: str) -> RawObject:
        """Return the bytes of a file that arrived, wherever they lie."""
        return self.vault.object(sha256)

    def keep(self, source: Readable, at_most: int | None = None) -> tuple[str, int]:
        """Encrypt a stream into the raw store; return digest and size. Raises `OverflowError` past `at_most` bytes."""
        return self.vault.keep(source, at_most)

    @contextmanager
    def temporary(self) -> Generator[Path]:
        """A path for a file in the making; whatever still lies there afterwards is removed."""
        path = self.incoming / secrets.token_hex(12)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def lake_file(self, table: str, site: str, day: str, name: str) -> Path:
        return self.lake / table / f"site={site}" / f"day={day}" / f"{name}.parquet"

    def quarantine_file(self, feed: str, site: str, day: str, name: str) -> Path:
        return self.home / "quarantine" / feed / f"site={site}" / f"day={day}" / f"{name}.parquet"

    def receipt_file(self, site: str, feed: str, sha256: str, attempt: int) -> Path:
        return self.home / "receipts" / site / feed / receipt_name(sha256, attempt)

    def write_receipts(self, site: str, stored: Sequence[StoredReceipt]) -> list[Path]:
        """Commit files, in order: all receipts flushed together, then renamed one after another; return their places.

        A crash leaves the first so many of them, since the file system keeps the order of renames.
        """
        with ExitStack() as stack:
            paths = [stack.enter_context(self.temporary()) for _ in stored]
            with ThreadPoolExecutor(FLUSHING) as side_by_side:
                list(side_by_side.map(_write_receipt, paths, stored))
            targets = [self.receipt_file(site, one.feed, one.sha256, one.attempt) for one in stored]
            folders = make_places(targets)
            for path, target in zip(paths, targets, strict=True):
                place(path, target)
        sync_folders(folders)
        return targets

    def receipts(self, site: str) -> "Receipts":
        """Return what is committed for a site."""
        return Receipts(self.home / "receipts" / site)


class Receipts:
    """The receipts of one site, found by their names: nothing is listed, and none is read, unless it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._feeds = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set[str]()

    def folders(self) -> list[Path]:
        """Return the folders that hold receipts, one per feed."""
        return [self._folder / feed for feed in sorted(self._feeds)]

    def add(self, path: Path) -> None:
        """Take in a receipt that was written just now."""
        self._feeds.add(path.parent.name)

    def of(self, sha256: str) -> list[StoredReceipt]:
        """Return the receipts of some bytes, the first attempt first."""
        found: list[Path] = []
        while paths := self._of_attempt(sha256, len(found) + 1):
            found.extend(paths)
        return [read_receipt(path) for path in found]

    def _of_attempt(self, sha256: str, attempt: int) -> list[Path]:
        name = receipt_name(sha256, attempt)
        return [path for folder in self.folders() if (path := folder / name).exists()]

    def committed(self) -> dict[str, Path]:
        """Return the lake file names (without suffix) that a receipt stands for, each with its receipt. Lists all."""
        paths = (path for folder in self.folders() for path in folder.glob("*.json"))
        return {lake_name(path.name.split(".")[0], _attempt(path)): path for path in paths}


def _write_receipt(path: Path, stored: StoredReceipt) -> None:
    with path.open("wb") as stream:
        stream.write(json.dumps(stored.model_dump(by_alias=True), indent=1, sort_keys=True).encode() + b"\n")
        flush(stream)


def _attempt(path: Path) -> int:
    parts = path.name.split(".")
    return int(parts[1]) if len(parts) == 3 else 1


def receipt_name(sha256: str, attempt: int) -> str:
    """Return the name of a receipt's file."""
    return f"{sha256}.json" if attempt == 1 else f"{sha256}.{attempt}.json"


def lake_name(sha256: str, attempt: int) -> str:
    """Return the stem of a file's Parquet files."""
    return sha256[:SHORT] if attempt == 1 else f"{sha256[:SHORT]}.{attempt}"


def place(path: Path, target: Path, mode: int = 0o600, folder_mode: int = 0o700) -> None:
    """Move a finished file to its place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
    path.chmod(mode)
    path.replace(target)


def make_places(targets: Iterable[Path]) -> set[Path]:
    """Make the folders that files will be placed in; return those whose names are to be made durable then."""
    parents = {target.parent for target in targets}
    return parents.union(*(made_folders(parent) for parent in parents))


def sync_folders(folders: Iterable[Path]) -> None:
    """Make renames survive a power cut."""
    with ThreadPoolExecutor(FLUSHING) as side_by_side:
        list(side_by_side.map(sync_folder, set(folders)))

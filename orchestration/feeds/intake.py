"""From paths to arrivals: folders walked, archives opened within bounds, every file kept under its digest, encrypted.

Files of a drop arrive one microsecond after another, so that of two versions that say no time of their own the later
file's is the newer one. What does not belong here: looking at what a file holds, beyond whether it is an archive.
"""

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO

from orchestration.feeds.encoding import as_utf8
from orchestration.feeds.errors import NothingToLand, WaitingUnread
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import (
    ARCHIVE_BOMB,
    ENCRYPTED,
    ERASED,
    NESTED_ARCHIVE,
    NO_FILE,
    TOO_LARGE,
    TRUNCATED_ARCHIVE,
    UNREADABLE,
    Problem,
)
from orchestration.feeds.store import FLUSHING, Store
from orchestration.feeds.vault import Kind, RawObject

ZIP_MAGIC = b"PK\x03\x04"
GZIP_MAGIC = b"\x1f\x8b"
MAGIC_LENGTH = 4
NEXT = timedelta(microseconds=1)  # from one file of a drop to the one after it
DROP_SPAN = timedelta(seconds=1)  # arrivals nearer than this to a drop's own time are counted as of the same drop
PACKED_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
"""What reading a damaged member of an archive raises."""
ZIP_FAULTS = (*PACKED_FAULTS, zipfile.LargeZipFile, OSError)
"""What opening a damaged archive raises, or one of its members."""


@dataclass(frozen=True)
class Drop:
    """Files and folders that arrived together: the first at `arrived_at`, each other just after the one before.

    The lake's day is the date of `arrived_at` in its own zone. `is_waiting`: this home put the files aside itself and
    nobody will send them again, so that one which cannot be read now has to be taken later.
    """

    paths: tuple[Path, ...]
    arrived_at: datetime
    is_waiting: bool = False

    @property
    def day(self) -> date:
        return self.arrived_at.date()


@dataclass(frozen=True)
class Arrival:
    """One file to account for. `name` is its name as it came, `raw` what opens its bytes now, `day` its drop's.

    A replay says when the bytes `first_arrived_at`, and which `lines` it is about; the others were taken before.
    """

    name: str
    sha256: str
    size: int
    raw: RawObject
    arrived_at: datetime
    day: date
    archive: str | None = None
    problem: Problem | None = None
    first_arrived_at: datetime | None = None
    lines: frozenset[int] | None = None

    @property
    def base(self) -> str:
        """The file's own name, without folders or the archive it came in."""
        return self.name.rsplit("/", 1)[-1]


def collect(drop: Drop, store: Store, limits: Limits, earlier: Iterable[datetime] = ()) -> Generator[Arrival]:
    """Keep the bytes of every file of a drop and give the arrivals in order; while one is worked on, others are kept.

    Raises `NothingToLand` at once, and as it goes `WaitingUnread` for a file of a drop that waits.

    What is kept is durable when the vault is (`sync`). `earlier` are times of arrival that are taken when the first
    arrival is asked for: a drop that is landed again comes after what it brought before.
    """
    files = [file for path in drop.paths for file in _files(path)]
    return _kept(files, drop, store, limits, earlier)


def _kept(
    files: list[Path], drop: Drop, store: Store, limits: Limits, earlier: Iterable[datetime]
) -> Generator[Arrival]:
    same = [taken for taken in earlier if drop.arrived_at <= taken < drop.arrived_at + DROP_SPAN]
    first = max(same) + NEXT if same else drop.arrived_at

    def opened_all(file: Path) -> list[Arrival]:
        return list(_open(file, drop, store, limits))

    side_by_side = ThreadPoolExecutor(FLUSHING, thread_name_prefix="keeping")
    try:
        for n, arrival in enumerate(chain.from_iterable(side_by_side.map(opened_all, files))):
            yield replace(arrival, arrived_at=first + n * NEXT)
    finally:
        side_by_side.shutdown(cancel_futures=True)


def _files(path: Path) -> list[Path]:
    """Return all that lies under a path and is no folder, links to folders too: nothing that came goes untold."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_symlink() or not p.is_dir())
    if not path.exists():
        raise NothingToLand(f"{path} does not exist; give a file or a folder that does.")
    return [path]


def _open(path: Path, drop: Drop, store: Store, limits: Limits) -> Iterator[Arrival]:
    try:
        if not _is_file(path):
            yield _unread(path, NO_FILE, drop, store)
            return
        with _opened(path, store) as source:
            sha256, size = store.keep(_Reading(source))
    except _CannotRead as failed:
        if drop.is_waiting:
            raise WaitingUnread(
                f"{path.name} waits in {path.parent.name} and cannot be read now ({failed}). It stays there and is "
                "taken at the next run. If it stays so, see the disk, or restore the file from a backup."
            ) from failed
        yield _unread(path, UNREADABLE, drop, store)
        return
    whole = Arrival(path.name, sha256, size, store.raw(sha256), drop.arrived_at, drop.day)
    if whole.raw.kind is Kind.ERASED:
        yield _broken(whole, ERASED)
    elif whole.raw.head(MAGIC_LENGTH) == ZIP_MAGIC or path.suffix.lower() == ".zip":
        yield from _members(whole, store, limits)
    else:
        yield whole


class _CannotRead(Exception):
    """A file could not be opened or read to its end, in the words of the system; what could not be written is another
    matter."""


@dataclass(frozen=True)
class _Reading:
    """A file that is read, whose own errors are told from those of the store."""

    source: IO[bytes]

    def read(self, length: int, /) -> bytes:
        try:
            return self.source.read(length)
        except OSError as error:
            raise _CannotRead(error.strerror) from error
        except PACKED_FAULTS as error:
            raise _CannotRead("damaged") from error


def _is_file(path: Path) -> bool:
    """Whether a path can be read to an end: a pipe would keep one waiting, a link to a folder may lead in circles."""
    try:
        return path.is_file()
    except OSError as error:
        raise _CannotRead(error.strerror) from error


def _opened(path: Path, store: Store) -> IO[bytes]:
    try:
        return store.vault.receive(path)
    except OSError as error:
        raise _CannotRead(error.strerror) from error


def _unread(path: Path, problem: Problem, drop: Drop, store: Store) -> Arrival:
    """Return the arrival of something that has no bytes: what is kept of it is its clause and its name."""
    sha256, size = store.keep(BytesIO(f"{problem.clause}\0{path}".encode(errors="surrogateescape")))
    return Arrival(path.name, sha256, size, store.raw(sha256), drop.arrived_at, drop.day, problem=problem)


def _members(whole: Arrival, store: Store, limits: Limits) -> Iterator[Arrival]:
    with whole.raw.open() as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except ZIP_FAULTS:
            yield _broken(whole, TRUNCATED_ARCHIVE)
            return
        with archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            problem = _refusal(entries, whole.size, limits)
            if problem or not entries:
                yield _broken(whole, problem or TRUNCATED_ARCHIVE)
                return
            kept = [_member(archive, entry, whole, store, limits) for entry in entries]
    yield from kept


def _refusal(entries: list[zipfile.ZipInfo], packed: int, limits: Limits) -> Problem | None:
    unpacked = sum(e.file_size for e in entries)
    is_bomb = unpacked > limits.ratio_from and unpacked > packed * limits.ratio
    return ARCHIVE_BOMB if is_bomb or unpacked > limits.unpacked or len(entries) > limits.members else None


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, whole: Arrival, store: Store, limits: Limits) -> Arrival:
    name = f"{whole.name}/{entry.filename}"
    if entry.flag_bits & 1:
        return _broken(whole, ENCRYPTED, name)
    try:
        source = archive.open(entry)
    except ZIP_FAULTS:
        return _broken(whole, TRUNCATED_ARCHIVE, name)
    with source:
        try:
            sha256, size = store.keep(_Reading(source), min(limits.unpacked, entry.file_size))
        except OverflowError:
            return _broken(whole, ARCHIVE_BOMB, name)
        except _CannotRead:  # and what cannot be written is another matter: nothing is said of the archive then
            return _broken(whole, TRUNCATED_ARCHIVE, name)
    raw = store.raw(sha256)
    problem = ERASED if raw.kind is Kind.ERASED else NESTED_ARCHIVE if raw.head(MAGIC_LENGTH) == ZIP_MAGIC else None
    return replace(whole, name=name, sha256=sha256, size=size, raw=raw, archive=whole.sha256, problem=problem)


def _broken(whole: Arrival, problem: Problem, name: str | None = None) -> Arrival:
    return replace(whole, name=name or whole.name, problem=problem)


def unpacked(arrival: Arrival, limits: Limits) -> bytes | Problem:
    """Return an arrival's bytes, gunzipped and marked text in UTF-8 where needed, or why that cannot be done."""
    content = _gunzipped(arrival, limits)
    if isinstance(content, Problem):
        return content
    text = as_utf8(content)
    return TOO_LARGE if len(text) > max(limits.document, len(content)) else text


def _gunzipped(arrival: Arrival, limits: Limits) -> bytes | Problem:
    if arrival.size > limits.document:
        return TOO_LARGE
    with arrival.raw.open() as stream:
        if stream.peek(MAGIC_LENGTH)[:2] != GZIP_MAGIC:
            return stream.read()
        bound = min(limits.document, max(limits.ratio_from, arrival.size * limits.ratio))
        try:
            with gzip.open(stream) as plain:
                content = plain.read(bound + 1)
        except (EOFError, OSError, zlib.error):
            return TRUNCATED_ARCHIVE
    return ARCHIVE_BOMB if len(content) > bound else content

"""Kept objects: written once under the digest of what they held when they came, read in one way, erased by their key.

What does not belong here: which objects hold whom. An object is written beside its place and renamed into it; a home
of before encryption holds plain files, which are sealed when they are met.
"""

import hashlib
import os
import secrets
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import IO

from orchestration.feeds.ahead import ahead
from orchestration.feeds.durable import flush, made_folders, sync_folder
from orchestration.feeds.vault.cipher import CHUNK, OpenedStream, Readable, pieces, plain_size, sealed
from orchestration.feeds.vault.errors import ObjectErased, ObjectLost, VaultError
from orchestration.feeds.vault.keyring import ID_BYTES, WRAPPED_BYTES, Keyring, draw
from orchestration.feeds.vault.schema import KEYRING, VAULT, mark, require

FAMILY, MARK = b"PHV", b"PHV1"
KIND_AT, KEY_AT, BEFORE_AT = len(MARK), len(MARK) + 1, len(MARK) + 1 + ID_BYTES
HEADER = BEFORE_AT + ID_BYTES  # mark, kind, key, and the key of what an erasure took away
NO_KEY = bytes(ID_BYTES)
PLACING = tuple(Lock() for _ in range(16))  # one for each first digit of a digest
SYNCING = 8  # folders that are flushed at the same time: the disk takes several in one go
SWEPT = ".sealed"  # says that no plain file of before encryption is left


class Kind(Enum):
    """What an object holds: what came, what is left of it after an erasure, nothing more; or bytes that only wait."""

    ORIGINAL = b"O"
    REDACTED = b"R"
    ERASED = b"E"
    WAITING = b"W"


@dataclass(frozen=True)
class Header:
    """The head of an object's file: the key that opens it, and that of what was there before an erasure."""

    kind: Kind
    key: bytes
    before: bytes = NO_KEY

    def written(self) -> bytes:
        return MARK + self.kind.value + self.key + self.before


@dataclass(frozen=True)
class RawObject:
    """The bytes of one arrival, wherever they lie. `open` gives a seekable stream, `read_bytes` all of them."""

    vault: "Vault"
    sha256: str

    def open(self) -> BufferedReader:
        return self.vault.open(self.sha256)

    def read_bytes(self) -> bytes:
        with self.open() as stream:
            return stream.read()

    def head(self, length: int) -> bytes:
        with self.open() as stream:
            return stream.read(length)

    @property
    def kind(self) -> Kind | None:
        return self.vault.kind(self.sha256)

    @property
    def size(self) -> int:
        return self.vault.size(self.sha256)


@dataclass(frozen=True)
class Vault:
    """The objects under `folder`, by digest, and the keys that open them."""

    folder: Path
    incoming: Path
    keyring: Keyring
    touched: set[Path] = field(default_factory=set[Path])

    @staticmethod
    def of(home: Path) -> "Vault":
        """The vault of a home. Raises `VaultError` for one that a later version wrote."""
        vault = Vault(home / "raw", home / "incoming", Keyring(home / "keys"))
        require(vault.folder, VAULT)
        require(vault.keyring.objects, KEYRING)
        return vault

    def mark(self) -> None:
        """Say which form a vault has that is of before there was a file for it; a new one says so by itself."""
        for folder, schema in ((self.folder, VAULT), (self.keyring.objects, KEYRING)):
            if folder.is_dir():
                mark(folder, schema)

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def object(self, sha256: str) -> RawObject:
        return RawObject(self, sha256)

    # -- keeping

    def keep(self, source: Readable, at_most: int | None = None) -> tuple[str, int]:
        """Encrypt a stream into its place; return digest and size. Raises `OverflowError` past `at_most` bytes.

        What is there already stays as it is: bytes that were erased do not come back by coming again.
        """
        counted = Counted(at_most)
        hashed = counted.through(pieces(source))
        with closing(_first_then_ahead(hashed)) as chunks, self._making(Kind.ORIGINAL, chunks) as made:
            sha256 = counted.digest.hexdigest()
            with PLACING[int(sha256[0], 16)]:  # the same bytes may come twice at the same time
                if self.kind(sha256) is None:
                    made.place(self.path(sha256))
                else:  # whoever placed it may have been killed before it was durable
                    self.touched.update(self._folders(sha256))
        return sha256, counted.size

    def _folders(self, sha256: str) -> set[Path]:
        """The folders that an object and its key are on disk under."""
        path, head = self.path(sha256), self._header(self.path(sha256))
        own = {path.parent, self.folder, self.folder.parent}
        return own | self.keyring.folders(head.key) if head and head.key != NO_KEY else own

    def redact(self, sha256: str, chunks: Iterable[bytes]) -> None:
        """Put what may be left of an object in its place, and destroy the key of what was there."""
        before = self._key(sha256)
        with self._making(Kind.REDACTED, pieces(_Chained(chunks)), before) as made:
            made.place(self.path(sha256))
        self.finish(sha256)

    def erase(self, sha256: str) -> None:
        """Destroy an object; that it was there stays, so that it does not come back by coming again."""
        head = Header(Kind.ERASED, NO_KEY, self._key(sha256))
        with self._beside() as path:
            _write(path, [head.written()])
            self.touched.update(_place(path, self.path(sha256)))
        self.finish(sha256)

    def finish(self, sha256: str) -> None:
        """Destroy the key of what an object was before its erasure; safe to repeat."""
        self.sync()
        head = self._header(self.path(sha256))
        if head and head.before != NO_KEY:
            self.keyring.destroy(head.before)

    def sync(self) -> None:
        """Make what was placed survive a power cut."""
        folders = [self.touched.pop() for _ in range(len(self.touched))]
        with ThreadPoolExecutor(SYNCING) as side_by_side:
            list(side_by_side.map(sync_folder, folders))

    # -- reading

    def open(self, sha256: str) -> BufferedReader:
        """Open an object. Raises `ObjectErased`, or `ObjectLost` where its key is gone or it never was."""
        path, name = self.path(sha256), sha256[:12]
        head = self._header(path)
        if head is None:
            return self._open_plain(path, name)
        if head.kind is Kind.ERASED:
            raise ObjectErased(f"The bytes of {name} were erased; nothing of them can be read again.")
        key = self.keyring.find(head.key)
        if key is None:
            raise ObjectLost(
                f"The key of {name} is gone from keys/objects and no erasure is on record: restore keys/ from a backup "
                "of before, or run the erasure that was stopped again."
            )
        return _opened(path, HEADER, key, name)

    def kind(self, sha256: str) -> Kind | None:
        """Return what lies under a digest; null where nothing does that can be opened."""
        head = self._header(self.path(sha256))
        if head is None:
            return Kind.ORIGINAL if self.path(sha256).exists() and self._seal(self.path(sha256)) else None
        return head.kind if head.kind is Kind.ERASED or self.keyring.has(head.key) else None

    def size(self, sha256: str) -> int:
        """Return how many bytes an object holds."""
        kind, path = self.kind(sha256), self.path(sha256)
        return 0 if kind in (None, Kind.ERASED) else plain_size(path.stat().st_size - HEADER)

    # -- homes of before encryption

    def seal_plain(self) -> int:
        """Encrypt every plain object that an earlier version left; return how many. Costs nothing once it is done."""
        if (self.folder / SWEPT).exists() or not self.folder.exists():
            return 0
        found = [path for path in self.folder.glob("??/*") if self._header(path) is None]
        for path in found:
            self._seal(path)
        (self.folder / SWEPT).touch(mode=0o600)
        return len(found)

    def _open_plain(self, path: Path, name: str) -> BufferedReader:
        if not path.exists():
            raise ObjectLost(f"The bytes of {name} are not in raw/; restore them, or have the source send them again.")
        self._seal(path)
        return self.open(path.name)

    def _seal(self, path: Path) -> bool:
        with path.open("rb") as stream, self._making(Kind.ORIGINAL, pieces(stream)) as made:
            made.place(path)
        return True

    # -- bytes that only wait

    def wait(self, content: bytes, target: Path) -> None:
        """Put bytes aside until they are landed, encrypted, durably, their wrapped key in their head."""
        self.wait_stream([content], target)

    def wait_stream(self, chunks: Iterable[bytes], target: Path) -> None:
        """Put a stream aside as `wait` does; where it breaks off with an error, nothing of it stays."""
        ident, key = draw()
        head = Header(Kind.WAITING, ident).written() + self.keyring.wrap(key, ident)
        with self._beside() as path:
            _write(path, _with_head(head, sealed(pieces(_Chained(chunks)), key)))
            self.touched.update(_place(path, target))
        self.sync()

    def receive(self, path: Path) -> IO[bytes]:
        """Open a file that arrives: one that `wait` put aside is opened, any other is read as it is."""
        head = self._header(path)
        if head is None or head.kind is not Kind.WAITING:
            return path.open("rb")
        with path.open("rb") as stream:
            stream.seek(HEADER)
            key = self.keyring.unwrap(stream.read(WRAPPED_BYTES), head.key)
        return _opened(path, HEADER + WRAPPED_BYTES, key, path.name[:12])

    def is_waiting(self, path: Path) -> bool:
        """Whether `wait` put a file aside; False for a plain one of before encryption, and for none."""
        head = self._header(path)
        return head is not None and head.kind is Kind.WAITING

    # -- files

    def _header(self, path: Path) -> Header | None:
        """Return what a file's head says; null for a plain file or none."""
        try:
            with path.open("rb") as stream:
                head = stream.read(HEADER)
        except FileNotFoundError:
            return None
        kinds = {kind.value: kind for kind in Kind}
        kind = kinds.get(head[KIND_AT:KEY_AT])
        if not head.startswith(MARK) or len(head) != HEADER or kind is None:
            _require_no_later(head, path)
            return None
        return Header(kind, head[KEY_AT:BEFORE_AT], head[BEFORE_AT:])

    def _key(self, sha256: str) -> bytes:
        """Return the id of the key that a later erasure has to destroy: an object's own, or what one left over."""
        head = self._header(self.path(sha256))
        if head is None:
            return NO_KEY
        return head.before if head.kind is Kind.ERASED else head.key

    @contextmanager
    def _making(self, kind: Kind, chunks: Iterable[bytes], before: bytes = NO_KEY) -> Generator["Made"]:
        """Write an object beside its place; unless it is placed, nothing of it stays, its key neither."""
        ident, key = draw()
        head = Header(kind, ident, before).written()
        with self._beside() as path:
            _write(path, _with_head(head, sealed(chunks, key)))
            yield Made(path, self, ident, key)

    @contextmanager
    def _beside(self) -> Generator[Path]:
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.incoming / secrets.token_hex(12)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Made:
    """An object in the making, and the key that is kept only with it."""

    path: Path
    vault: Vault
    ident: bytes
    key: bytes

    def place(self, target: Path) -> None:
        """Keep the key, then move the object to its place; `sync` makes both durable."""
        self.vault.touched.update(self.vault.keyring.keep(self.ident, self.key))
        self.vault.touched.update(_place(self.path, target))
        self.vault.mark()


@dataclass
class Counted:
    """Digest and size of what went through."""

    at_most: int | None
    size: int = 0

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.size += len(chunk)
            if self.at_most is not None and self.size > self.at_most:
                raise OverflowError(self.size)
            self.digest.update(chunk)
            yield chunk


def _first_then_ahead(chunks: Iterator[bytes]) -> Generator[bytes]:
    """Read and hash the next chunk while one is encrypted and written; a thread for it only where there is another."""
    for first in chunks:
        yield first
        if len(first) == CHUNK:
            with closing(ahead(chunks, "reading")) as coming:
                yield from coming


class _Chained:
    """Pieces of any size as a stream that is read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), b""

    def read(self, length: int) -> bytes:
        while not self._rest:
            found = next(self._chunks, None)
            if found is None:
                return b""
            self._rest = found
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken


def _require_no_later(head: bytes, path: Path) -> None:
    """Raise for an object of a later form: taken for a plain file, it would be encrypted once more."""
    form = head[len(FAMILY) : len(MARK)]
    if len(head) == HEADER and head.startswith(FAMILY) and form.isdigit() and form > MARK[len(FAMILY) :]:
        raise VaultError(
            f"The kept bytes of {path.name[:12]} have form {form.decode()}; this version reads up to "
            f"{MARK[len(FAMILY) :].decode()}, and changes nothing. Use the version that wrote them."
        )


def _with_head(head: bytes, body: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from body


def _write(path: Path, parts: Iterable[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        for part in parts:
            stream.write(part)
        flush(stream)


def _place(path: Path, target: Path) -> list[Path]:
    """Move a file to its place; return the folders that hold new names, which the caller makes durable."""
    made = made_folders(target.parent)
    path.replace(target)
    return [target.parent, *made]


def _opened(path: Path, start: int, key: bytes, name: str) -> BufferedReader:
    stream = path.open("rb")
    size = plain_size(path.stat().st_size - start)
    return BufferedReader(OpenedStream(stream, start, size, key, name), 1 << 16)

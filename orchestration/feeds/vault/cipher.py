"""Encrypted streams: AES-256-GCM over chunks of 1 MiB, in order and to the last one, or an error.

Each stream has a random key of its own, so that a counter serves as nonce; the last chunk is marked in it (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár 2015): a chunk that is moved, cut off or added does not open.
What does not belong here: where keys lie (keyring.py) and where streams lie (vault.py).
"""

import io
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orchestration.feeds.vault.errors import ObjectLost, ObjectUnread

KEY_BYTES = 32
CHUNK = 1 << 20
TAG = 16
SEALED = CHUNK + TAG


def sealed(chunks: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Encrypt a stream that comes in pieces of exactly `CHUNK` bytes, the last one of fewer or none."""
    cipher, number, held = AESGCM(key), 0, b""
    for chunk in chunks:
        if number:
            yield cipher.encrypt(_nonce(number - 1, is_last=False), held, None)
        held, number = chunk, number + 1
    yield cipher.encrypt(_nonce(max(number - 1, 0), is_last=True), held, None)


class Readable(Protocol):
    """What gives bytes until it gives none."""

    def read(self, length: int, /) -> bytes: ...


def pieces(source: Readable) -> Iterator[bytes]:
    """Cut a stream into pieces of exactly `CHUNK` bytes, however little a read returns; an empty one has none."""
    while piece := _filled(source):
        yield piece


def _filled(source: Readable) -> bytes:
    piece = source.read(CHUNK)
    if len(piece) in (0, CHUNK):
        return piece
    parts = [piece]
    while (missing := CHUNK - sum(map(len, parts))) and (more := source.read(missing)):
        parts.append(more)
    return b"".join(parts)


def plain_size(sealed_size: int) -> int:
    """Return how many bytes an encrypted stream holds."""
    chunks = max(-(-sealed_size // SEALED), 1)
    return sealed_size - chunks * TAG


class OpenedStream(io.RawIOBase):
    """An encrypted stream as a readable, seekable one; what is returned was authenticated before."""

    def __init__(self, stream: IO[bytes], start: int, size: int, key: bytes, name: str) -> None:
        super().__init__()
        self._stream, self._start, self._size, self._name = stream, start, size, name
        self._cipher, self._position = AESGCM(key), 0
        self._number, self._chunk = -1, b""
        self._load(self._last)  # so that a stream that was cut short never reads as one that ends

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("A stream has nothing before its beginning.")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self._position >= self._size:
            return 0
        number, offset = divmod(self._position, CHUNK)
        self._load(number)
        taken = min(len(buffer), len(self._chunk) - offset)
        with memoryview(self._chunk) as chunk:
            buffer[:taken] = chunk[offset : offset + taken]
        self._position += taken
        return taken

    def readall(self) -> bytes:
        first, offset = divmod(self._position, CHUNK)
        parts: list[bytes] = []
        for number in range(first, self._last + 1):
            self._load(number)
            parts.append(self._chunk)
        self._position = max(self._position, self._size)
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return whole[offset:] if offset else whole

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    @property
    def _last(self) -> int:
        return max(-(-self._size // CHUNK), 1) - 1

    def _load(self, number: int) -> None:
        if number == self._number:
            return
        try:
            self._stream.seek(self._start + number * SEALED)
            came = self._stream.read(SEALED)
        except OSError as error:
            raise ObjectUnread(
                f"The kept bytes of {self._name} cannot be read now ({error.strerror}); nothing of the files that were "
                "being landed is lost. Run the same command again, and see the disk if it stays so."
            ) from error
        try:
            self._chunk = self._cipher.decrypt(_nonce(number, is_last=number == self._last), came, None)
        except (InvalidTag, ValueError):
            raise ObjectLost(
                f"The kept bytes of {self._name} are damaged: part {number + 1} does not open with their key. "
                "Restore them from a backup, or have the source send them again."
            ) from None
        self._number = number


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")

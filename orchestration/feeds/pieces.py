"""A long file of lines in pieces of whole lines, so that it is never in memory as a whole.

What does not belong here: what a line holds. However a file is cut, its lines and their numbers are the same.
"""

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

from orchestration.feeds.encoding import HEAD, Utf8, marked_codec
from orchestration.feeds.framing import STRING
from orchestration.feeds.intake import GZIP_MAGIC, MAGIC_LENGTH, Arrival
from orchestration.feeds.limits import Limits
from orchestration.feeds.sniff import BOM

CHUNK = 1 << 20
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError)
CLOSED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Bomb(Exception):
    """A stream goes on for longer than its bound."""


class Broken(Exception):
    """A packed stream is cut off or damaged."""


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file, and how many lines stand before them."""

    content: bytes
    lines_before: int


@contextmanager
def plain(arrival: Arrival) -> Generator[BufferedIOBase]:
    """Open an arrival's bytes, gunzipped where they are packed; marked text of UTF-16 or UTF-32 in UTF-8."""
    with arrival.raw.open() as stream:
        if stream.peek(MAGIC_LENGTH)[:2] != GZIP_MAGIC:
            yield _in_utf8(stream)
        else:
            with gzip.open(stream) as unpacked:
                yield _in_utf8(unpacked)


def _in_utf8(stream: BufferedReader | gzip.GzipFile) -> BufferedIOBase:
    try:
        codec = marked_codec(stream.peek(HEAD))
    except BROKEN:
        return stream  # whoever reads it will see
    return BufferedReader(Utf8(stream, codec), CHUNK) if codec else stream


def beginning(arrival: Arrival, limits: Limits) -> bytes | None:
    """Return the first piece of a file that is longer than a piece, null for any other."""
    if arrival.size * limits.ratio <= limits.piece:
        return None
    with plain(arrival) as stream:
        if arrival.size <= limits.piece and isinstance(stream, BufferedReader) and stream.seekable():
            return None
        try:
            head = _read(stream, limits.piece + 1)
        except Broken:
            return None
    return head if len(head) > limits.piece else None


def bound(arrival: Arrival, limits: Limits) -> int:
    """Return how many bytes an arrival may unpack to."""
    return min(limits.stream, max(limits.ratio_from, arrival.size * limits.ratio))


def pieces(stream: BufferedIOBase, limits: Limits, at_most: int) -> Iterator[Piece]:
    """Cut a stream at line feeds into pieces of about `limits.piece` bytes. Raises `Bomb` and `Broken`.

    Of a line that is longer than `limits.line` only so much is kept that it is seen to be too long.
    """
    held, size, open_since, lines, total = list[bytes](), 0, 0, 0, 0
    while chunk := _read(stream, min(CHUNK, max(limits.piece, 1))):
        total += len(chunk)
        if total > at_most:
            raise Bomb
        end = chunk.rfind(b"\n") + 1
        open_since = size + end if end else open_since
        held.append(chunk)
        size += len(chunk)
        if size < limits.piece or not end:
            if size - open_since > 2 * limits.line + CHUNK:
                held = [b"".join(held)[: open_since + limits.line + 1]]
                size = len(held[0])
            continue
        held[-1] = chunk[:end]
        content = b"".join(held)
        held, size, open_since = [chunk[end:]], len(chunk) - end, 0
        yield Piece(content.removeprefix(BOM) if not lines else content, lines)
        lines += content.count(b"\n")
    if size:
        content = b"".join(held)
        yield Piece(content.removeprefix(BOM) if not lines else content, lines)


def _read(stream: BufferedIOBase, size: int) -> bytes:
    try:
        return stream.read(size)
    except BROKEN:
        raise Broken from None


@dataclass
class Brackets:
    """Whether a document that comes in pieces of whole lines ends before its brackets or its last string are closed."""

    _open: int = 0
    _is_in_string: bool = False
    _first: bytes = b""

    def add(self, content: bytes) -> None:
        self._first = self._first or content.lstrip()[:1]
        text = b'"' + content if self._is_in_string else content
        last = max(STRING.finditer(text), key=lambda found: found.start(), default=None)
        self._is_in_string = last is not None and last.end() == len(text) and not CLOSED.fullmatch(last[0])
        plain_text = STRING.sub(b"", text)
        self._open += sum(plain_text.count(c) for c in (b"[", b"{")) - sum(plain_text.count(c) for c in (b"]", b"}"))

    @property
    def are_left_open(self) -> bool:
        return self._first in (b"{", b"[") and self._open > 0

"""Text as UTF-8: what a byte order mark says is read so, anything else that is not UTF-8 is told for what it is.

What does not belong here: an encoding that a site's mapping names (recoding.py). Bytes are kept as they came; only what
is read of them is turned.
"""

import codecs
import io
from collections.abc import Callable
from typing import IO

from orchestration.feeds.problems import NOT_UTF8, Problem

HEAD = 4096
CHUNK = 1 << 20
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NAMES = {"utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
PLAIN_SHARE = 0.5  # JSON and tables are mostly ASCII; bytes that merely happen to decode are not
PRINTABLE_SHARE = 0.95  # a mark says most of it already; of random bytes after one, about half would be printable
CONTROLS = bytes(n for n in range(32) if n not in b"\t\n\r\f")
BINARY_SHARE = 0.02
NEVER_UTF8 = b"\xff"  # stands for what is no character, so that its line is told as one that is no text
LONE = "surrogatepass"  # half a pair of UTF-16 stays one, which UTF-8 has not: its line is told, the others are read


def marked_codec(head: bytes) -> str | None:
    """Return the codec of text in UTF-16 or UTF-32 that begins with its byte order mark; null for anything else."""
    head = head[: HEAD - HEAD % 4]
    marked = ((head[len(mark) :], name) for mark, name in MARKS if head.startswith(mark))
    return next((name for rest, name in marked if _share(rest, name, _is_printable, LONE) >= PRINTABLE_SHARE), None)


def as_utf8(content: bytes) -> bytes:
    """Return text that a byte order mark calls UTF-16 or UTF-32 in UTF-8, with UTF-8's mark, and other bytes as they
    are; so are those that are not what their mark says."""
    codec = marked_codec(content)
    if codec is None:
        return content
    with io.BufferedReader(Utf8(io.BytesIO(content), codec)) as stream:
        try:
            return stream.read()
        except UnicodeDecodeError:
            return content


class Utf8(io.RawIOBase):
    """A stream of marked text in UTF-16 or UTF-32 as one of UTF-8, which it may be longer than by half.

    Raises `UnicodeDecodeError` for numbers of UTF-32 that no character has.
    """

    def __init__(self, stream: IO[bytes] | io.BufferedIOBase, codec: str) -> None:
        self._stream, self._left = stream, b""
        self._decoder = codecs.getincrementaldecoder(codec)(LONE)
        self._is_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        while not self._left and not self._is_ended:
            self._left = self._next()
        taken = min(len(buffer), len(self._left))
        buffer[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        return taken

    def _next(self) -> bytes:
        came = self._stream.read(CHUNK)
        made = self._decoder.decode(came).encode("utf-8", LONE)
        if not came:
            self._is_ended = True
            made += NEVER_UTF8 if self._decoder.getstate()[0] else b""
        return made


def wide_encoding(content: bytes) -> str | None:
    """Return `UTF-16` or `UTF-32` where bytes are text in it, with or without a mark at the beginning."""
    head = content[: HEAD - HEAD % 4]
    marked = [(mark, name) for mark, name in MARKS if head.startswith(mark)]
    if not marked and b"\0" not in head:
        return None
    candidates = marked or [(b"", name) for name in NAMES]
    found = (name for mark, name in candidates if _share(head[len(mark) :], name, _is_plain) > PLAIN_SHARE)
    return next((NAMES[name] for name in found), None)


def _share(head: bytes, encoding: str, is_text: Callable[[str], bool], errors: str = "strict") -> float:
    """Return the share of a beginning's characters that are text; 0 for what does not decode, or holds a zero."""
    width = 4 if encoding.startswith("utf-32") else 2
    try:
        text = codecs.getincrementaldecoder(encoding)(errors).decode(head[: len(head) - len(head) % width])
    except UnicodeDecodeError:
        return 0.0
    return 0.0 if "\0" in text else sum(map(is_text, text)) / max(len(text), 1)


def _is_plain(character: str) -> bool:
    return " " <= character <= "~" or character in "\t\r\n"


def _is_printable(character: str) -> bool:
    return character.isprintable() or character.isspace()


def not_utf8(content: bytes, way_out: str = "Have it sent as UTF-8 text.") -> Problem:
    """Return the problem of a file that is not UTF-8 text, with what it is instead and what to do about it."""
    head = content[:HEAD]
    if wide := wide_encoding(content):
        found = f"is text in {wide}"
    elif b"\0" in head or len(head.translate(None, CONTROLS)) < (1 - BINARY_SHARE) * len(head):
        found = "is binary data"
    else:
        found = "looks like text in an older encoding such as Latin-1 or Windows-1252"
    return Problem(NOT_UTF8.clause, f"{NOT_UTF8.reason} It {found}. {way_out}")

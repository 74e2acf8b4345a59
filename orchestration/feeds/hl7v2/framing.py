"""Bytes to messages: by MLLP frames, batch envelopes (FHS, BHS, BTS, FTS), blank lines, or MSH at the start of a line.

What does not belong here: what a message says. Whatever stands in a file is a message, an envelope, white space or a
problem; nothing is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from orchestration.feeds.hl7v2.problems import BATCH_COUNT, BLANK_LINE, CUT_OFF, NO_HEADER
from orchestration.feeds.problems import Problem

START_BLOCK, END_BLOCK = b"\x0b", b"\x1c"
HEADER = b"MSH"
# A control character of MLLP, or a line that starts with one of the segments that part messages.
MARK = re.compile(rb"[\r\n\x0b\x1c](MSH|BHS|FHS|BTS|FTS)(?=[^A-Za-z0-9\s]|[\r\n]|\Z)|[\x0b\x1c]")
UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"M\0S\0": "utf-16-le", b"\0M\0S": "utf-16-be"}
UTF8_MARK = b"\xef\xbb\xbf"
COUNT = re.compile(rb"BTS[^A-Za-z0-9\s](\d{1,9})(?!\d)")


def in_one_byte_units(content: bytes) -> bytes:
    """Return UTF-16 text as UTF-8, and any other as it is, without a byte order mark."""
    codec = UTF16.get(content[:2]) or UTF16.get(content[:4])
    if codec is None:
        return content.removeprefix(UTF8_MARK)
    return content.decode(codec, errors="replace").encode("utf-8")


@dataclass
class Cutter:
    """The pieces of a file so far, in order: the bytes of a message, or why a record is none."""

    pieces: list[bytes | Problem] = field(default_factory=list[bytes | Problem])
    is_framed: bool = False
    _frame_start: int = 0
    _batch_start: int = 0

    def open_frame(self) -> None:
        """Start an MLLP frame; one that is still open was cut off."""
        self.close_frame(is_whole=not self.is_framed)
        self.is_framed, self._frame_start = True, len(self.pieces)

    def close_frame(self, *, is_whole: bool) -> None:
        """End the frame; of one that was cut off, the last message is not whole."""
        if not is_whole and len(self.pieces) > self._frame_start:
            self.pieces[-1] = CUT_OFF
        self.is_framed = False

    def add_message(self, text: bytes) -> None:
        self.pieces.append(text if self.is_framed or not has_parted_segments(text) else BLANK_LINE)

    def add_envelope(self, text: bytes) -> None:
        """Take a batch header or trailer; lines after it that have no MSH belong to no message."""
        line, *rest = re.split(rb"[\r\n]", text, maxsplit=1)
        count = COUNT.match(line)
        if count and int(count[1]) != len(self.pieces) - self._batch_start:
            self.pieces.append(BATCH_COUNT)
        self.add_stray(rest[0] if rest else b"")
        if line.startswith((b"BHS", b"BTS")):
            self._batch_start = len(self.pieces)

    def add_stray(self, text: bytes) -> None:
        if text.strip():
            self.pieces.append(NO_HEADER)


def cut(content: bytes) -> list[bytes | Problem]:
    """Return the messages of a file, and in their places the problems of what is none."""
    cutter = Cutter()
    for mark, text in _spans(b"\n" + content):
        if mark == START_BLOCK:
            cutter.open_frame()
            cutter.add_stray(text)
        elif mark == END_BLOCK:
            cutter.close_frame(is_whole=True)
            cutter.add_stray(text)
        elif mark == HEADER:
            cutter.add_message(text)
        elif mark:
            cutter.add_envelope(text)
        else:
            cutter.add_stray(text)
    cutter.close_frame(is_whole=not cutter.is_framed)
    return cutter.pieces


def _spans(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each mark with what follows it up to the next; what stands before the first has the mark b''."""
    last, start = b"", 0
    for found in MARK.finditer(content):
        yield last, content[start : found.start()]
        control, segment = found[0][:1], found[1]
        if control in (START_BLOCK, END_BLOCK):
            if segment:
                yield control, b""
            last, start = segment or control, found.start() + 1
        else:
            last, start = segment, found.start() + 1
    yield last, content[start:]


def has_parted_segments(message: bytes) -> bool:
    """Whether a blank line stands before a further segment, which may then be of another message that lost its MSH."""
    return _parted(message[3:4]).search(message) is not None


@lru_cache(maxsize=64)
def _parted(field: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\r\n?+|\n)[ \t]*[\r\n]\s*[A-Z][A-Z0-9]{2}" + re.escape(field))

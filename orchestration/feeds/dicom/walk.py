"""Where the elements of a DICOM data set lie in its bytes (PS3.5 section 7), without reading a single value.

What does not belong here: what a value means (record.py), where the data set starts and how it is encoded (opening.py).

pydicom reads by recursion, takes a cut-off value for a short one and searches the rest of a file for the end of an
element of undefined length. So the structure is walked here first, in one pass, with every bound, and pydicom only
sees the few elements that are wanted. What pydicom forgives is forgiven here too: an element without VR among explicit
ones, and a data set whose encoding is not the one that it names.
"""

from collections.abc import Container
from dataclasses import dataclass
from struct import Struct

from orchestration.feeds.dicom.problems import DAMAGED, NESTING, TOO_MANY_ELEMENTS, TRUNCATED, Unreadable

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = 0x7FE00000  # the group of the pixel data; what follows is not looked at
META_GROUP = 0x0002
HEAD = 8  # bytes of a tag with its length
LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
FRAGMENTED_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW"))  # of undefined length: plain fragments
MOST_ELEMENTS = 1_000_000  # about three seconds; an enhanced object of 5,000 frames has some 200,000


@dataclass(frozen=True)
class Encoding:
    """How elements are written."""

    is_implicit: bool
    is_little: bool


@dataclass(frozen=True)
class Element:
    """One element: its tag, where it starts, where its value starts, and the length as sent."""

    tag: int
    vr: bytes | None
    start: int
    value: int
    length: int


@dataclass(frozen=True)
class Span:
    """Where an element stands, value included."""

    start: int
    end: int


class Walk:
    """One pass over the bytes of one data set."""

    def __init__(self, data: bytes, encoding: Encoding, nesting: int) -> None:
        self.data, self.end, self.nesting = data, len(data), nesting
        self.is_implicit = encoding.is_implicit
        order = "<" if encoding.is_little else ">"
        self.tag_and_length, self.long = Struct(f"{order}HHL"), Struct(f"{order}L")
        self.tag_and_vr = Struct(f"{order}HH2sH")
        self.count = 0
        self.met_pixels = False

    def top_level(self, position: int, wanted: Container[int]) -> dict[int, Span]:
        """Return where the wanted elements before the pixel data stand. Raises `Unreadable`."""
        found: dict[int, Span] = {}
        last = -1
        while position < self.end and not (last >= 0 and self._is_padding(position)):
            element = self.element(position)
            if element.tag >= PIXELS:
                self.met_pixels = True
                break
            if element.tag <= last:
                raise Unreadable(DAMAGED)
            position = self.after(element)
            if element.tag in wanted:
                found[element.tag] = Span(element.start, position)
            last = element.tag
        return found

    def group(self, position: int, group: int) -> dict[int, Span]:
        """Return where the elements of one group stand that start at a position. Raises `Unreadable`."""
        found: dict[int, Span] = {}
        while position + HEAD <= self.end and (element := self.element(position)).tag >> 16 == group:
            position = self.after(element)
            found[element.tag] = Span(element.start, position)
        return found

    def element(self, position: int) -> Element:
        """Read the head of an element."""
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise Unreadable(TOO_MANY_ELEMENTS)
        if position + HEAD > self.end:
            raise Unreadable(TRUNCATED)
        group, number, vr, length = self.tag_and_vr.unpack_from(self.data, position)
        tag = group << 16 | number
        if self.is_implicit or group == ITEM >> 16 or not is_vr(vr):
            length = self.long.unpack_from(self.data, position + 4)[0]
            return Element(tag, None, position, position + HEAD, length)
        if vr not in LONG_VRS:
            return Element(tag, vr, position, position + HEAD, length)
        if position + HEAD + 4 > self.end:
            raise Unreadable(TRUNCATED)
        length = self.long.unpack_from(self.data, position + HEAD)[0]
        return Element(tag, vr, position, position + HEAD + 4, length)

    def after(self, element: Element) -> int:
        """Return where the next element starts."""
        if element.length == UNDEFINED:
            return self._after_sequence(element)
        return self._skipped(element)

    def _skipped(self, element: Element) -> int:
        if element.value + element.length > self.end:
            raise Unreadable(TRUNCATED)
        return element.value + element.length

    def _after_sequence(self, sequence: Element) -> int:
        """Find the end of a sequence of undefined length; `open_sequences` says of each open one if it is fragmented.

        Between two sequences lies an item of undefined length, so that those two take turns.
        """
        position, open_sequences, in_item = sequence.value, [_is_fragmented(sequence)], False
        while open_sequences:
            element = self.element(position)
            position = element.value
            if element.tag == ITEM_END and in_item:
                in_item = False
            elif element.tag == SEQUENCE_END and not in_item:
                open_sequences.pop()
                in_item = True
            elif element.tag == ITEM and not in_item:
                in_item = element.length == UNDEFINED
                if in_item and open_sequences[-1]:
                    raise Unreadable(DAMAGED)
                position = position if in_item else self._skipped(element)
            elif not in_item or element.tag in (ITEM, ITEM_END, SEQUENCE_END):
                raise Unreadable(DAMAGED)
            elif element.length == UNDEFINED:
                open_sequences.append(_is_fragmented(element))
                in_item = False
                if len(open_sequences) > self.nesting:
                    raise Unreadable(NESTING)
            else:
                position = self._skipped(element)
        return position

    def _is_padding(self, position: int) -> bool:
        """Whether nothing but zeros follows."""
        return not any(self.data[position : position + HEAD]) and not self.data[position:].strip(b"\0")


def is_vr(letters: bytes) -> bool:
    """Whether two bytes can be a value representation: two capitals."""
    return b"AA" <= letters <= b"ZZ" and letters.isalpha() and letters.isupper()


def _is_fragmented(element: Element) -> bool:
    return element.vr in FRAGMENTED_VRS

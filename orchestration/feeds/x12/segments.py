"""X12 text to segments, by the separators that each interchange declares in its ISA segment (X12.5, X12.6).

What does not belong here: which segments belong together (envelope.py, loops.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Any character parts but letters, digits, blanks and line ends: the controls FS, GS, RS and US too, which \s of a
# regular expression would take for blanks. Sixteen elements; only ISA16 and the terminator are found by place, so that
# a header without padding is read too.
HEADER = re.compile(
    r"ISA(?P<element>[^\w \r\n])(?:(?:(?!(?P=element)).){0,35}(?P=element)){8}\d{6}(?P=element)\d{4}(?P=element)"
    r"[^\r\n](?P=element)\d{5}(?P=element)\d{1,9}(?P=element)\d?(?P=element)[A-Z]?(?P=element)"
    r"(?P<component>[^\w \r\n])(?P<terminator>[^\w ])",
    re.DOTALL,
)
BLANKS = " \t\r\n\0\x1a"  # old systems end a file with a control character
LINE_ENDS = str.maketrans("", "", "\r\n")

Segment = tuple[str, ...]  # the name, then the elements; trailing blanks are gone


@dataclass(frozen=True)
class Separators:
    """What parts elements, components and segments."""

    element: str
    component: str
    terminator: str


@dataclass(frozen=True)
class Interchange:
    """One ISA segment and all that follows up to the next; `is_cut` where the last segment has no terminator.

    Segments stay texts until they are asked for: cut into elements, a file takes forty times its size.
    """

    header: Segment
    separators: Separators
    segments: tuple[str, ...]
    is_cut: bool

    def name(self, text: str) -> str:
        """Return the name of a segment."""
        return text.partition(self.separators.element)[0].strip()

    def read(self, text: str) -> Segment:
        """Return the elements of a segment."""
        return _segment(text, self.separators)


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8, else the Windows code page that old systems write."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def interchanges(text: str) -> Iterator[Interchange]:
    """Cut a text into interchanges; none where it does not start with a readable ISA segment."""
    text = text.lstrip()
    if not HEADER.match(text) and not HEADER.match(text := text.translate(LINE_ENDS)):
        return
    starts = list(HEADER.finditer(text))
    for header, following in zip(starts, [*(h.start() for h in starts[1:]), len(text)], strict=True):
        yield _interchange(header, text[header.end() : following])


def _interchange(header: re.Match[str], body: str) -> Interchange:
    """Cut at the terminator; line ends that are none are wrapping."""
    separators = Separators(header["element"], header["component"], header["terminator"])
    isa = header.group()[:-1]
    if separators.terminator not in "\r\n":
        isa, body = isa.translate(LINE_ENDS), body.translate(LINE_ENDS)
    pieces = [piece.strip(BLANKS) for piece in body.split(separators.terminator)]
    segments = tuple(piece for piece in pieces if piece)
    return Interchange(_segment(isa, separators), separators, segments, is_cut=bool(pieces[-1]))


def _segment(piece: str, separators: Separators) -> Segment:
    return tuple(element.strip() for element in piece.split(separators.element))


def element(segment: Segment, number: int) -> str:
    """Return an element, empty where it was not sent."""
    return segment[number] if number < len(segment) else ""


def part(parts: list[str], number: int) -> str:
    """Return a component (1-based), empty where it was not sent."""
    return parts[number - 1] if number <= len(parts) else ""

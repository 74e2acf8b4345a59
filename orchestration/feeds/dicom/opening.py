"""Where a DICOM data set starts and how it is written: preamble, meta information, transfer syntax (PS3.10, PS3.5).

What does not belong here: the elements themselves (walk.py, record.py).
"""

import zlib
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass

from orchestration.feeds.dicom.problems import DAMAGED, NOT_DICOM, TOO_LONG, TRUNCATED, Unreadable
from orchestration.feeds.dicom.walk import HEAD, META_GROUP, Encoding, Span, Walk, is_vr
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem

MARK, PREAMBLE = b"DICM", 128
TRANSFER_SYNTAX, SOP_INSTANCE_UID = 0x00020010, 0x00080018
FIRST_GROUP = 0x0008  # the lowest group of a data set: SOP class and instance
EXPLICIT_BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
CHUNK = 64 * 1024
PADS = (b"\0", b" ")  # what fills a value up to an even length


@dataclass(frozen=True)
class DataSet:
    """The bytes of a data set, how they are written, and where its wanted elements stand."""

    data: bytes
    encoding: Encoding
    spans: dict[int, Span]
    transfer_syntax: str | None


def open_data_set(content: bytes, wanted: Container[int], limits: Limits) -> DataSet:
    """Find the wanted elements in the header of a DICOM file. Raises `Unreadable`."""
    for before in (PREAMBLE, 0):
        if content[before : before + len(MARK)] == MARK:
            return _data_set(content, before + len(MARK), wanted, limits)
    return _unmarked(content, wanted, limits)


def _unmarked(content: bytes, wanted: Container[int], limits: Limits) -> DataSet:
    """Read a file without the mark, which starts with its meta information or its data set.

    A tool that cut those off may have left the one byte that padded their last value. Only what names its instance is
    taken for a data set.
    """
    for start in (0, 1):
        if (start == 0 or content[:1] in PADS) and _group(content, start) in (META_GROUP, FIRST_GROUP):
            with suppress(Unreadable):
                found = _data_set(content, start, wanted, limits)
                if SOP_INSTANCE_UID in found.spans:
                    return found
    raise Unreadable(NOT_DICOM)


def _data_set(content: bytes, start: int, wanted: Container[int], limits: Limits) -> DataSet:
    meta = Walk(content, Encoding(is_implicit=False, is_little=True), limits.nesting).group(start, META_GROUP)
    start = max((span.end for span in meta.values()), default=start)
    syntax = _transfer_syntax(content, meta)
    data, cut = content, None
    if syntax == DEFLATED:
        data, cut = _inflated(content, start, limits.line)
        start = 0
    if start >= len(data):
        raise Unreadable(cut or TRUNCATED)
    encoding = _encoding(data, start, syntax)
    walk = Walk(data, encoding, limits.nesting)
    try:
        spans = walk.top_level(start, wanted)
    except Unreadable as fault:
        raise (Unreadable(cut) if cut else fault) from None
    if cut and not walk.met_pixels:
        raise Unreadable(cut)
    return DataSet(data, encoding, spans, syntax)


def _group(content: bytes, start: int) -> int | None:
    """Return the group of an element at a place, whatever the order of its bytes."""
    group = content[start : start + 2]
    return min(int.from_bytes(group, "little"), int.from_bytes(group, "big")) if len(group) == 2 else None


def _transfer_syntax(content: bytes, meta: dict[int, Span]) -> str | None:
    if TRANSFER_SYNTAX not in meta:
        return None
    span = meta[TRANSFER_SYNTAX]
    return content[span.start + HEAD : span.end].strip(b" \0").decode("ascii", "replace") or None


def _encoding(data: bytes, start: int, syntax: str | None) -> Encoding:
    """Return the encoding that the first element shows; the transfer syntax settles the order of bytes, if it is there.

    Groups at the start of a data set are small numbers: their larger byte comes first where the order is little.
    """
    head = data[start : start + HEAD]
    is_little = syntax != EXPLICIT_BIG if syntax or len(head) < HEAD else head[0] >= head[1]
    return Encoding(is_implicit=not is_vr(head[4:6]), is_little=is_little)


def _inflated(content: bytes, start: int, longest: int) -> tuple[bytes, Problem | None]:
    """Inflate what follows the meta information, up to a length; and say why that is not all of it."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = 0
    try:
        for position in range(start, len(content), CHUNK):
            piece = stream.unconsumed_tail + content[position : position + CHUNK]
            parts.append(stream.decompress(piece, longest - size + 1))
            size += len(parts[-1])
            if stream.eof:
                return b"".join(parts), None
            if size > longest:
                return b"".join(parts), TOO_LONG
    except zlib.error:
        return b"".join(parts), DAMAGED
    return b"".join(parts), TRUNCATED

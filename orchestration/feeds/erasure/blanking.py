"""Bytes with some records taken out and every other in its place, so that line numbers stay what they were.

What does not belong here: which records go. What is put in a record's place reads as no record, or as one that is
rejected for what it lacks. A format without a rewriter returns null: the object is lost as a whole.
"""

import csv
import io
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds.erasure.json_blanking import blank_json
from orchestration.feeds.hl7v2.framing import cut, in_one_byte_units
from orchestration.feeds.intake import Arrival, unpacked
from orchestration.feeds.limits import Limits
from orchestration.feeds.mllp.frames import framed
from orchestration.feeds.problems import Problem
from orchestration.feeds.quoting import Quoting
from orchestration.feeds.sniff import BOM, Format, Header, header, table_lines
from orchestration.feeds.vault import RawObject

NO_MESSAGE = b"MSH|^~\\&|ERASED\r"


def blanked_object(raw: RawObject, kind: Format, lines: Collection[int], limits: Limits) -> bytes | None:
    """Return what is left of a kept file, or null."""
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    content = unpacked(Arrival(raw.sha256, raw.sha256, raw.size, raw, moment, moment.date()), limits)
    return None if isinstance(content, Problem) else blanked(kind, content, lines)


def blanked(kind: Format, content: bytes, lines: Collection[int]) -> bytes | None:
    """Return what is left of a file without some of its records (their numbers as in `_line`), or null."""
    if kind is Format.JSON:
        return blank_json(content, lines)
    if kind is Format.HL7V2:
        return _blank_messages(content, lines)
    if kind is Format.CSV:
        return _blank_rows(content, lines)
    return _blank_parquet(content, lines) if kind is Format.PARQUET else None


def _blank_messages(content: bytes, lines: Collection[int]) -> bytes:
    """Frame every message; what was none (its text may be anybody's) is taken out too, and stays rejected."""
    pieces = enumerate(cut(in_one_byte_units(content)), start=1)
    return b"".join(framed(NO_MESSAGE if isinstance(piece, Problem) or n in lines else piece) for n, piece in pieces)


def _blank_rows(content: bytes, lines: Collection[int]) -> bytes | None:
    found = header(content)
    if isinstance(found, Problem) or (len(found.columns) == 1 and b'"' in content):
        return None  # under a delimiter that only a mapping knows, where records with quotes end is not known here
    mark = BOM if content.startswith(BOM) else b""  # a mark says how the text is encoded; what is kept says so too
    return mark + b"\n".join(_rows(table_lines(content).split(b"\n"), found, lines))


def _rows(texts: list[bytes], head: Header, lines: Collection[int]) -> Iterator[bytes]:
    nothing, quoting = _nothing(head), Quoting.of(head.delimiter)
    position, number = 0, -1
    while position < len(texts):
        taken = max(quoting.record_length(texts, position), 1)
        record = b"\n".join(texts[position : position + taken])
        position += taken
        number += bool(record.strip())
        yield nothing if record.strip() and number in lines else record


def _nothing(head: Header) -> bytes:
    """Return a row of empty cells."""
    row = io.StringIO()
    csv.writer(row, delimiter=head.delimiter, quoting=csv.QUOTE_ALL, lineterminator="").writerow(
        [""] * len(head.columns)
    )
    return row.getvalue().encode()


def _blank_parquet(content: bytes, lines: Collection[int]) -> bytes:
    came = pq.read_table(pa.BufferReader(content))
    kept = pa.array([n not in lines for n in range(1, came.num_rows + 1)], pa.bool_())
    columns = [pa.chunked_array([_masked(column.combine_chunks(), kept)], column.type) for column in came.columns]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, names=came.column_names), sink)
    return sink.getvalue()


def _masked(column: pa.Array, kept: pa.Array) -> pa.Array:
    places = [n if keep else None for n, keep in enumerate(kept.to_pylist())]
    return column.take(pa.array(places, pa.int64()))

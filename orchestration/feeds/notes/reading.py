"""Records of a kept file, read again by the readers that landed them: documents by line, or rows of a table.

What does not belong here: which records are wanted (queue.py) and where text stands in them (texts.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson

from orchestration.contracts import Contract
from orchestration.feeds import fhir
from orchestration.feeds.erasure.scanning import Reader
from orchestration.feeds.intake import Arrival
from orchestration.feeds.limits import Limits, whole_files
from orchestration.feeds.opening import OpenedFhir, OpenedLong, OpenedTable, open_arrival
from orchestration.feeds.pieces import Bomb, Broken, bound, pieces, plain
from orchestration.feeds.relation import rows
from orchestration.feeds.tabular import ROW, Table
from orchestration.feeds.vault import Kind

Record = Mapping[str, Any]


@dataclass(frozen=True)
class KeptFile:
    """A kept file, and the feed under whose contract it was landed."""

    sha256: str
    feed: str


def read_records(
    db: duckdb.DuckDBPyConnection, reader: Reader, file: KeptFile, lines: Collection[int]
) -> dict[int, Record]:
    """Return the records of some lines that can still be read; none where the bytes were erased."""
    raw = reader.store.raw(file.sha256)
    if file.feed not in reader.contracts or reader.store.vault.kind(file.sha256) in (None, Kind.ERASED):
        return {}
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    receipts = reader.store.receipts(reader.site).of(file.sha256)
    name = next((receipt.file for receipt in receipts if receipt.feed == file.feed), file.sha256)
    arrival = Arrival(name, file.sha256, raw.size, raw, moment, moment.date())
    found = _in_pieces(arrival, reader, file, lines)
    return _whole(db, arrival, reader, file, lines) if found is None else found


def _in_pieces(arrival: Arrival, reader: Reader, file: KeptFile, lines: Collection[int]) -> dict[int, Record] | None:
    """Read a long file of lines piece by piece; null for any other, and for one whose lines hold bundles."""
    limits = Limits()
    if arrival.size * limits.ratio <= limits.piece:
        return None
    if not isinstance(open_arrival(arrival, 1, file.feed, reader.contracts, limits), OpenedLong):
        return None
    found: dict[int, Record] = {}
    try:
        with plain(arrival) as stream:
            for piece in pieces(stream, limits, bound(arrival, limits)):
                for number, text in enumerate(piece.content.split(b"\n"), start=piece.lines_before + 1):
                    if b'"Bundle"' in text:
                        return None
                    if number in lines and (record := _parsed(text)) is not None:
                        found[number] = record
    except (Bomb, Broken):
        return {}
    return found


def _whole(
    db: duckdb.DuckDBPyConnection, arrival: Arrival, reader: Reader, file: KeptFile, lines: Collection[int]
) -> dict[int, Record]:
    limits = whole_files(Limits())
    opened = open_arrival(arrival, 1, file.feed, reader.contracts, limits)
    contract = reader.contracts[file.feed]
    if isinstance(opened, OpenedTable):
        return _rows(opened.table, lines)
    return _documents(db, opened, contract, limits, lines) if isinstance(opened, OpenedFhir) else {}


def _documents(
    db: duckdb.DuckDBPyConnection, opened: OpenedFhir, contract: Contract, limits: Limits, lines: Collection[int]
) -> dict[int, Record]:
    fhir.stage(db, [opened.file], contract, limits)
    query = "select _line, cast(doc as varchar) from judged_record where doc is not null and list_contains(?, _line)"
    made = ((int(str(line)), _parsed(str(doc).encode())) for line, doc in rows(db, query, [sorted(lines)]))
    return {line: record for line, record in made if record is not None}


def _rows(table: Table, lines: Collection[int]) -> dict[int, Record]:
    return {int(row[ROW]): row for row in table.data.to_pylist() if row[ROW] in lines}


def _parsed(text: bytes) -> Record | None:
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None

"""The queue taken through the scrubber: texts out of the encrypted bytes, scrubbed, landed under their own contract.

What does not belong here: what is recognised, and who asks (steps/intake/notes.py). A scrubbed text lands as any
record does, with a receipt, and is as old as the bytes that it was made of: its day is theirs, and so is its term.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds.erasure.scanning import Reader
from orchestration.feeds.intake import Drop
from orchestration.feeds.notes.identities import Identities
from orchestration.feeds.notes.own import of_document, of_row
from orchestration.feeds.notes.queue import ALWAYS, KEYS, TEXT_PROPERTY, Done, Source, Waiting, sources
from orchestration.feeds.notes.reading import KeptFile, Record, read_records
from orchestration.feeds.notes.scrubber import VERSION, Scrubbed, Scrubber
from orchestration.feeds.notes.texts import Piece, texts_of
from orchestration.feeds.relation import connection

FEED = "note_text"
NO_TEXT = "the record holds no text"
DIGITS = 32
BATCH_RECORDS = 2_000
TEXTS = pa.schema(
    [
        ("note_key", pa.string()),
        ("source_table", pa.string()),
        ("source_key", pa.string()),
        ("source_content", pa.string()),
        ("source_file", pa.string()),
        ("source_line", pa.int64()),
        ("part", pa.string()),
        *((name, pa.string()) for name in KEYS),
        ("note_text", pa.string()),
        ("withheld_reason", pa.string()),
        ("marks", pa.int64()),
        ("scrubber_version", pa.string()),
    ]
)

Land = Callable[[Sequence[Drop]], None]


@dataclass
class Tally:
    """What one call did at one site. `records` were looked at, `notes` are texts; `seconds` without loading."""

    records: int = 0
    notes: int = 0
    marks: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    def add(self, made: Scrubbed) -> None:
        self.notes += 1
        self.marks += made.marks
        if made.withheld:
            self.withheld[made.withheld] += 1

    @property
    def scrubbed(self) -> int:
        return self.notes - self.withheld.total()


@dataclass(frozen=True)
class Text:
    """A text of a record, with what is known of its patient."""

    source: Source
    piece: Piece
    own: frozenset[str]


def scrub_waiting(
    scrubber: Scrubber, reader: Reader, queue: Sequence[Waiting], done: Done, land: Land, told: Callable[[Tally], None]
) -> Tally:
    """Scrub what waits, batch by batch; each is landed and remembered before the next begins.

    One process at a time may do this for a site.
    """
    tally = Tally()
    for left in reader.store.incoming.glob(f"{_prefix(reader)}*"):
        shutil.rmtree(left)  # of one that was killed
    with connection(reader.key, reader.zone, dict(reader.authorities)) as db:
        for batch in _batches(queue):
            began = monotonic()
            _scrub(db, scrubber, reader, batch, land, tally)
            done.add([one.stem for one, _ in batch])
            tally.seconds += monotonic() - began
            told(tally)
    return tally


def _batches(queue: Sequence[Waiting]) -> Iterator[list[tuple[Waiting, list[Source]]]]:
    batch: list[tuple[Waiting, list[Source]]] = []
    for one in queue:
        batch.append((one, list(sources(one))))
        if sum(len(found) for _, found in batch) >= BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def _scrub(
    db: duckdb.DuckDBPyConnection,
    scrubber: Scrubber,
    reader: Reader,
    batch: Sequence[tuple[Waiting, list[Source]]],
    land: Land,
    tally: Tally,
) -> None:
    texts = [_texts(db, reader, found) for _, found in batch]
    known = Identities.of(db, reader, {key for each in texts for one in each for key in _keys(one.source)})
    tally.records += sum(len(found) for _, found in batch)
    with TemporaryDirectory(dir=reader.store.incoming, prefix=_prefix(reader)) as name:
        folder = Path(name)
        drops = [
            Drop((path,), _arrival(reader, one, found[0].arrived_at))
            for (one, found), each in zip(batch, texts, strict=True)
            if (path := _written(folder / f"{one.stem}.parquet", _scrubbed(scrubber, known, each, tally)))
        ]
        if drops:
            land(drops)


def _prefix(reader: Reader) -> str:
    return f"+notes.{reader.site}."  # no name of a site holds a dot, so that no other site's folder begins alike


def _keys(source: Source) -> list[str]:
    return [key for key in source.keys.values() if key]


def _texts(db: duckdb.DuckDBPyConnection, reader: Reader, found: Sequence[Source]) -> list[Text]:
    """Read the texts of the records of one landing; bytes that were erased have none."""
    by_file: dict[KeptFile, list[Source]] = {}
    for source in found:
        by_file.setdefault(KeptFile(source.file, source.feed), []).append(source)
    made: list[Text] = []
    for file, of_file in by_file.items():
        records = read_records(db, reader, file, {source.line for source in of_file})
        for source in of_file:
            if (record := records.get(source.line)) is not None:
                made += _texts_of(reader, source, record)
    return made


def _texts_of(reader: Reader, source: Source, record: Record) -> Iterator[Text]:
    if source.table in TEXT_PROPERTY:
        own, pieces = of_row(record), [Piece("text", _column(reader, source.table, record))]
    else:
        own, pieces = of_document(record), texts_of(record)
    if not pieces and source.table in ALWAYS:
        pieces = [Piece("none", None, NO_TEXT)]
    for piece in pieces:
        withheld = piece.withheld or (NO_TEXT if piece.text is None else None)
        yield Text(source, Piece(piece.part, piece.text, withheld), frozenset(own))


def _column(reader: Reader, table: str, row: Record) -> str | None:
    """Return the cell that the contract reads as the text, as it came."""
    item = next(one for one in reader.objects if one.table == table)
    asked = next(p for p in item.properties if p.name == TEXT_PROPERTY[table])
    named = {name.lower(): value for name, value in row.items()}
    found = (str(named[column.lower()]) for names in asked.sources for column in names if named.get(column.lower()))
    return next(found, None)


def _scrubbed(scrubber: Scrubber, known: Identities, texts: Sequence[Text], tally: Tally) -> list[dict[str, Any]]:
    asked = [one for one in texts if one.piece.withheld is None]
    told = [(one.piece.text or "", one.own | known.said_of(_keys(one.source))) for one in asked]
    made = dict(zip(map(id, asked), scrubber.scrub(told), strict=True))
    rows: list[dict[str, Any]] = []
    for one in texts:
        result = made.get(id(one)) or Scrubbed(None, withheld=one.piece.withheld)
        tally.add(result)
        rows.append(_row(one, result))
    return rows


def _row(one: Text, made: Scrubbed) -> dict[str, Any]:
    source = one.source
    told = "\x1f".join((source.table, source.key, source.content, one.piece.part))
    return {
        "note_key": hashlib.sha256(told.encode()).hexdigest()[:DIGITS],
        "source_table": source.table,
        "source_key": source.key,
        "source_content": source.content,
        "source_file": source.file,
        "source_line": source.line,
        "part": one.piece.part,
        **source.keys,
        "note_text": made.text,
        "withheld_reason": made.withheld,
        "marks": made.marks,
        "scrubber_version": VERSION,
    }


def _written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path | None:
    if not rows:
        return None
    pq.write_table(pa.Table.from_pylist(list(rows), schema=TEXTS), path)
    return path


def _arrival(reader: Reader, one: Waiting, arrived_at: datetime) -> datetime:
    """Return when the record's file arrived, in the zone in which that was the lake's day."""
    moments = (arrived_at.astimezone(zone) for zone in (UTC, ZoneInfo(reader.zone)))
    return next((moment for moment in moments if moment.date().isoformat() == one.day), arrived_at.astimezone(UTC))

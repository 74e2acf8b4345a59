"""Which records of a kept file are a person's: found by the readers that landed it, and by their plain identifiers.

What does not belong here: what is done about it. A file is read with the macro `pseudonym_of` undone, so that the
identifiers of the person come to light; they are looked for in every other file and never leave the process.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa

from orchestration.contracts import Contract, ContractObject, sql
from orchestration.contracts.compiler import Compiled, compile_fhir, compile_tabular
from orchestration.feeds import fhir
from orchestration.feeds.batches import FILE_NO
from orchestration.feeds.encoding import wide_encoding
from orchestration.feeds.fhir_batch import objects_of
from orchestration.feeds.hl7v2.framing import in_one_byte_units
from orchestration.feeds.intake import Arrival, unpacked
from orchestration.feeds.limits import Limits, whole_files
from orchestration.feeds.opening import OpenedFhir, OpenedTable, format_of, open_arrival
from orchestration.feeds.persons import PERSON_KEY, VISIT_KEY, Whose
from orchestration.feeds.problems import Problem
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.relation import connection, rows, table_from
from orchestration.feeds.sniff import Format
from orchestration.feeds.store import Store
from orchestration.feeds.table_batch import tabular_source

PACKED = (Format.PARQUET, Format.STATA)
TELLING = 5  # characters from which on an identifier alone says that a line speaks of its bearer


@dataclass(frozen=True)
class Reader:
    """What reading a site's files takes: the terms that they were landed under."""

    home: Path
    site: str
    key: bytes
    zone: str
    authorities: Mapping[str, Mapping[str, str]]
    contracts: Mapping[str, Contract]
    limits: Limits = field(default_factory=lambda: whole_files(Limits()))

    @property
    def store(self) -> Store:
        return Store(self.home)

    @property
    def objects(self) -> list[ContractObject]:
        return [item for contract in self.contracts.values() for item in contract.objects]


@dataclass(frozen=True)
class Found:
    """What of a file is a person's: `lines`, of `records` there are; `doubtful` cannot be read and may be anybody's.

    `is_whole` where the file cannot be read and speaks of the person. `plain` are identifiers that came to light.
    """

    kind: Format
    lines: frozenset[int] = frozenset()
    records: int = 0
    doubtful: frozenset[int] = frozenset()
    is_whole: bool = False
    plain: frozenset[str] = frozenset()


@contextmanager
def plain_database(reader: Reader) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection in which `keyed` makes pseudonyms and compiled contracts make none."""
    [definition] = [one for one in sql.MACROS if one.startswith("pseudonym_of(message)")]
    with connection(reader.key, reader.zone, dict(reader.authorities)) as db:
        db.execute(f"create or replace temp macro {definition.replace('pseudonym_of', 'hashed', 1)}")
        # A table of ours holds pseudonyms already (scrubbed notes): an identifier names its authority, they do not.
        db.execute("create or replace temp macro keyed(m) as case when contains(m, chr(31)) then hashed(m) else m end")
        db.execute("create or replace temp macro pseudonym_of(message) as message")
        yield db


def scan(db: duckdb.DuckDBPyConnection, reader: Reader, receipt: StoredReceipt, plain: Iterable[str]) -> Found:
    """Look for the wanted person in one file; cheap where none of their plain identifiers stands in it."""
    arrival = _arrival(reader, receipt)
    asked = reader.contracts.get(receipt.feed)
    content = unpacked(arrival, reader.limits)
    if isinstance(content, Problem):
        content = arrival.raw.read_bytes()
    kind = format_of(arrival.base, content, asked)
    text = in_one_byte_units(content) if kind is Format.HL7V2 else content
    if wide_encoding(text):  # UTF-16 without its mark is held whole; an identifier stands in it between zeros
        text = text.replace(b"\0", b"")
    spoken = Spoken.of(plain)
    if kind not in PACKED and spoken.values and not spoken.may_be_in(text):
        return Found(kind)
    opened = open_arrival(arrival, receipt.attempt, receipt.feed if asked else None, reader.contracts, reader.limits)
    if isinstance(opened, OpenedFhir):
        return _in_documents(db, reader, opened, kind, spoken, text)
    if isinstance(opened, OpenedTable):
        return _in_table(db, opened, kind)
    return Found(kind, is_whole=spoken.is_in(text))


def _arrival(reader: Reader, receipt: StoredReceipt) -> Arrival:
    raw, at = reader.store.raw(receipt.sha256), datetime.fromisoformat(receipt.arrived_at).astimezone(UTC)
    return Arrival(receipt.file, receipt.sha256, raw.size, raw, at, at.date())


def _in_documents(
    db: duckdb.DuckDBPyConnection, reader: Reader, opened: OpenedFhir, kind: Format, spoken: "Spoken", text: bytes
) -> Found:
    contract = opened.prepared.contract
    assert contract is not None
    fhir.stage(db, [opened.file], contract, reader.limits)
    db.execute("create or replace temp view dated_record as select *, now() as _arrived_at from judged_record")
    types = [str(t) for (t,) in rows(db, "select distinct _type from judged_record where _problem is null")]
    lines, plain = set[int](), set[str]()
    for item, of_type in objects_of(contract, types):
        listed = ", ".join(sql.text(t) for t in of_type)
        source = f"(select * from dated_record where _problem is null and _type in ({listed}))"
        _add(db, item, compile_fhir(item), source, lines, plain)
    records = int(str(rows(db, "select count(*) from judged_record")[0][0])) + len(opened.file.lines.bad)
    doubtful = {number for number, _ in opened.file.lines.bad}
    if kind is Format.JSON:
        doubtful = {number for number in _speaking(db, opened, spoken, text) if number not in lines}
    is_spoken = bool(lines) or spoken.is_in(text)
    return Found(kind, frozenset(lines), records, frozenset(doubtful if is_spoken else ()), plain=frozenset(plain))


def _speaking(db: duckdb.DuckDBPyConnection, opened: OpenedFhir, spoken: "Spoken", text: bytes) -> Iterator[int]:
    """Yield records that speak of the person though no column of theirs says so, and lines that cannot be read."""
    for line, doc in rows(db, "select _line, cast(doc as varchar) from judged_record where doc is not null"):
        if spoken.is_in(str(doc).encode()):
            yield int(str(line))
    if rows(db, "select 1 from head where _type = 'Bundle' limit 1"):
        return
    unread = {number for number, _ in opened.file.lines.bad}
    unread |= {int(str(n)) for (n,) in rows(db, "select _line from head where doc is null")}
    for number, line in enumerate(text.split(b"\n"), start=1):
        if number in unread and spoken.is_in(line):
            yield number


def _in_table(db: duckdb.DuckDBPyConnection, opened: OpenedTable, kind: Format) -> Found:
    contract, data = opened.prepared.contract, opened.table.data
    assert contract is not None
    table_from(db, "came", data.append_column(FILE_NO, pa.array([0] * data.num_rows, pa.int32())))
    columns = {name.lower(): name for name in data.column_names}
    lines, plain = set[int](), set[str]()
    for item in contract.objects:
        source = f"(select *, now() as _arrived_at from {tabular_source(item, columns)})"
        _add(db, item, compile_tabular(item, columns, opened.prepared.arrival.name), source, lines, plain)
    doubtful = frozenset(number for number, _ in opened.table.rejects)
    return Found(kind, frozenset(lines), data.num_rows + len(doubtful), doubtful, plain=frozenset(plain))


def _add(
    db: duckdb.DuckDBPyConnection,
    item: ContractObject,
    compiled: Compiled,
    source: str,
    lines: set[int],
    plain: set[str],
) -> None:
    """Take in the wanted rows of one object, and the identifiers by which they are wanted."""
    whose = Whose.of(item)
    named = f"list_concat({whose.persons}, {whose.visits})"
    query = f"""select _line, {named} as said, list_transform(said, lambda x: keyed(x))
        from ({compiled.query(source)}) where {whose.is_wanted("keyed(x)")}"""
    wanted = {str(key) for table in (PERSON_KEY, VISIT_KEY) for (key,) in rows(db, f"select key from {table}")}
    for line, said, keys in rows(db, query):
        lines.add(int(str(line)))
        assert isinstance(said, list) and isinstance(keys, list)
        told = (str(message) for message, key in zip(said, keys, strict=True) if key in wanted)
        plain.update(message.rsplit("\x1f", 1)[-1] for message in told)


@dataclass(frozen=True)
class Spoken:
    """How a person's plain identifiers may be written."""

    values: tuple[bytes, ...]
    telling: re.Pattern[bytes] | None

    @staticmethod
    def of(plain: Iterable[str]) -> "Spoken":
        told = {value for value in plain if value}
        values = {form.encode() for value in told for form in (value, quote(value, safe=""))}
        parts = [rb"(?<![A-Za-z0-9])" + re.escape(v) + rb"(?![A-Za-z0-9])" for v in values if len(v) >= TELLING]
        parts += [rb"Patient/" + re.escape(v) + rb"(?![A-Za-z0-9.-])" for v in values if len(v) < TELLING]
        return Spoken(tuple(sorted(values)), re.compile(rb"|".join(parts)) if parts else None)

    def may_be_in(self, text: bytes) -> bool:
        return any(value in text for value in self.values)

    def is_in(self, text: bytes) -> bool:
        return self.telling is not None and self.telling.search(text) is not None

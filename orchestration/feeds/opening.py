"""From an arrival to something that can be settled: which contract, which format, opened; or quarantined whole.

What does not belong here: settling and writing.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.contracts import Contract, Reader
from orchestration.feeds import dicom, hl7v2, problems, x12
from orchestration.feeds.encoding import not_utf8, wide_encoding
from orchestration.feeds.fhir import FhirFile, is_one_document, named_type, open_file
from orchestration.feeds.intake import GZIP_MAGIC, ZIP_MAGIC, Arrival, unpacked
from orchestration.feeds.limits import Limits
from orchestration.feeds.naming import told_name
from orchestration.feeds.outcome import Outcome, Prepared, whole
from orchestration.feeds.pieces import beginning
from orchestration.feeds.problems import Problem
from orchestration.feeds.recoding import recoded
from orchestration.feeds.sniff import Format, contract_for, missing, narrowed, repeated, rivals, sniff, table_of
from orchestration.feeds.tabular import Table, agree, column_names, read_table

TEXT = (Format.JSON, Format.CSV, Format.UNKNOWN)
MESSAGES: Mapping[Format, tuple[Reader, Callable[[bytes, str, Limits], FhirFile | Problem]]] = {
    Format.HL7V2: (Reader.HL7V2, hl7v2.read),
    Format.DICOM: (Reader.DICOM, dicom.read),
    Format.X12: (Reader.X12, x12.read),
}
SHOWN_COLUMNS = 40
UNTOLD = re.compile(r"[^A-Za-z0-9_ .-]")


@dataclass(frozen=True)
class OpenedFhir:
    """A file of documents (FHIR, or messages turned into JSON), cut into lines."""

    prepared: Prepared
    file: FhirFile
    content: bytes

    @property
    def kind(self) -> Hashable:
        """What may be settled together: files under one version of a contract."""
        return self.prepared.label

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True)
class OpenedTable:
    """A table, read."""

    prepared: Prepared
    table: Table

    @property
    def kind(self) -> Hashable:
        """What may be settled together: columns of the same types, and the same name where a column comes from it."""
        contract = self.prepared.contract
        named = contract and any(p.file_name_pattern for item in contract.objects for p in item.properties)
        tables = tuple(item.table for item in contract.objects) if contract else ()
        name = self.prepared.arrival.name if named else ""
        columns = tuple((column.name, str(column.type)) for column in self.table.data.schema)
        return (self.prepared.label, tables, columns, name)

    @property
    def size(self) -> int:
        return self.table.data.nbytes


@dataclass(frozen=True)
class Stopped:
    """A table with other columns than its contract's: quarantined whole, and the feed stops with this message."""

    outcome: Outcome
    message: str


@dataclass(frozen=True)
class OpenedLong:
    """A file of FHIR lines that is landed in pieces, and the type that its name promises."""

    prepared: Prepared
    named_type: str | None


Opened = OpenedFhir | OpenedLong | OpenedTable | Outcome | Stopped


def open_arrival(
    arrival: Arrival, attempt: int, feed: str | None, contracts: Mapping[str, Contract], limits: Limits
) -> Opened:
    """Open one file. `feed` is null where it has to be worked out."""
    if long := open_long(arrival, attempt, feed, contracts, limits):
        return long
    asked = contracts[feed] if feed else None
    content = arrival.problem or unpacked(arrival, limits)
    if isinstance(content, Problem):
        return whole(Prepared(arrival, asked, attempt), content)
    if content.startswith((GZIP_MAGIC, ZIP_MAGIC)):
        return whole(Prepared(arrival, asked, attempt), problems.NESTED_ARCHIVE)
    kind = format_of(arrival.base, content, asked)
    if kind in (Format.CSV, Format.UNKNOWN):
        fitting, content = recoded(arrival.name, content, asked, contracts)
        fitting = fitting or (table_of(arrival.name, content, contracts) if kind is Format.UNKNOWN else None)
        kind, asked = (Format.CSV if fitting and not asked else kind), fitting
    if kind in TEXT and wide_encoding(content):
        return whole(Prepared(arrival, asked or _by_format(kind, contracts), attempt), not_utf8(content))
    if not content.strip():
        return whole(Prepared(arrival, asked or _by_format(kind, contracts), attempt), problems.EMPTY)
    if kind is Format.JSON:
        return _open_fhir(Prepared(arrival, asked or _by_format(kind, contracts), attempt), content, limits)
    if kind in MESSAGES:
        return _open_messages(Prepared(arrival, asked or _by_format(kind, contracts), attempt), kind, content, limits)
    if kind is Format.UNKNOWN:
        return whole(Prepared(arrival, asked, attempt), problems.UNRECOGNISED)
    return _open_table(arrival, attempt, asked, contracts, kind, content, limits)


def open_long(
    arrival: Arrival, attempt: int, feed: str | None, contracts: Mapping[str, Contract], limits: Limits
) -> OpenedLong | None:
    """Open a file as lines to be taken in pieces; null for one that is short, or no lines of FHIR."""
    asked = contracts[feed] if feed else None
    head = None if arrival.problem else beginning(arrival, limits)
    if head is None or format_of(arrival.base, head, asked) is not Format.JSON or wide_encoding(head):
        return None
    contract = asked or _by_format(Format.JSON, contracts)
    if contract is None or contract.reader is not Reader.FHIR or is_one_document(arrival.base, head):
        return None
    return OpenedLong(Prepared(arrival, contract, attempt), named_type(arrival.base, contract))


def format_of(name: str, content: bytes, asked: Contract | None) -> Format:
    """Return the format of some bytes; where they do not say, that of the contract asked for."""
    kind = sniff(name, content)
    if kind is not Format.UNKNOWN or asked is None:
        return kind
    if asked.reader is Reader.TABULAR and "csv" in asked.formats:
        return Format.CSV
    return next((of for of, (reader, _) in MESSAGES.items() if reader is asked.reader), kind)


def _by_format(kind: Format, contracts: Mapping[str, Contract]) -> Contract | None:
    reader = Reader.FHIR if kind is Format.JSON else MESSAGES[kind][0] if kind in MESSAGES else None
    return next((c for c in contracts.values() if c.reader is reader), None)


def _open_messages(prepared: Prepared, kind: Format, content: bytes, limits: Limits) -> Opened:
    reader, read = MESSAGES[kind]
    if prepared.contract is None or prepared.contract.reader is not reader:
        return whole(prepared, problems.WRONG_FORMAT)
    found = read(content, prepared.arrival.base, limits)
    return whole(prepared, found) if isinstance(found, Problem) else OpenedFhir(prepared, found, content)


def _open_fhir(prepared: Prepared, content: bytes, limits: Limits) -> Opened:
    if prepared.contract is None or prepared.contract.reader is not Reader.FHIR:
        return whole(prepared, problems.WRONG_FORMAT)
    file = open_file(prepared.arrival.base, content, prepared.contract, limits)
    return OpenedFhir(prepared, file, content)


def _open_table(
    arrival: Arrival,
    attempt: int,
    asked: Contract | None,
    contracts: Mapping[str, Contract],
    kind: Format,
    content: bytes,
    limits: Limits,
) -> Opened:
    layout = asked.layout if asked else None
    columns = column_names(kind, content, layout.delimiter if layout else None)
    if isinstance(columns, Problem):
        return whole(Prepared(arrival, asked, attempt), columns)
    contract = narrowed(asked, columns, arrival.name) if asked else contract_for(columns, contracts, arrival.name)
    prepared = Prepared(arrival, contract, attempt)
    if contract is None:
        return whole(prepared, problems.UNRECOGNISED)
    if contract.reader is not Reader.TABULAR or kind not in contract.formats:
        return whole(prepared, problems.WRONG_FORMAT)
    if absent := missing(contract, columns, arrival.name):
        return _stop(prepared, problems.MISSING_COLUMN, f"Expected: {', '.join(absent)}. Came: {_shown(columns)}.")
    if twice := repeated(contract, columns):
        return _stop(prepared, problems.REPEATED_COLUMN, f"Twice: {_shown(twice)}.")
    table = read_table(kind, content, contract, limits)
    if isinstance(table, Problem):
        return whole(prepared, table)
    several = {name: names for name, names in rivals(contract, columns).items() if not agree(table.data, names)}
    return _stop_rivals(prepared, several) if several else OpenedTable(prepared, table)


def _stop_rivals(prepared: Prepared, several: Mapping[str, Sequence[str]]) -> Stopped:
    told = "; ".join(f"{name} is read from {_shown(names)}" for name, names in several.items())
    lines = ", ".join(f"{name}: {{from: {_shown(names[:1])}}}" for name, names in several.items())
    place = f"the site's mapping ({prepared.feed}.yaml)"
    detail = f"Keep one of them: {told}. Or say in {place} which one counts, as in `columns: {{{lines}}}`."
    return _stop(prepared, problems.RIVAL_COLUMNS, detail, "write that into the mapping and replay what is held")


def _stop(prepared: Prepared, problem: Problem, detail: str, way_out: str = "") -> Stopped:
    mapping = prepared.contract.mapping if prepared.contract else ""
    mend = way_out or ("correct the site's mapping" if mapping else "agree on a new version of the contract")
    message = (
        f"The contract {prepared.label} stopped {told_name(prepared.arrival.name)}: {problem.reason} {detail} "
        f"Have the source send it again, or {mend}."
    )
    return Stopped(whole(prepared, problem, detail), message)


def _shown(columns: Sequence[str]) -> str:
    """Return column names as they may be told: what a header holds may be anything."""
    came = ", ".join(UNTOLD.sub("?", c)[:64] for c in columns[:SHOWN_COLUMNS])
    return f"{came} and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else came

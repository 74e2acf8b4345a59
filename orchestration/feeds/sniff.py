"""Which feed a file belongs to, and in which format it is: by its content, then its extension, then its columns.

What does not belong here: reading records.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestration.contracts import Contract, Reader
from orchestration.feeds.encoding import not_utf8
from orchestration.feeds.problems import HEADER, SAY_ENCODING, Problem

BOM = b"\xef\xbb\xbf"
PARQUET_MAGIC = b"PAR1"
STATA_XML = b"<stata_dta>"
STATA_RELEASES = range(102, 116)
JSON_SUFFIXES = (".json", ".ndjson", ".jsonl")
DICOM_MAGIC, DICOM_PREAMBLE = b"DICM", 128
HL7_HEADS = (b"MSH", b"FHS", b"BHS")
MLLP_START = b"\x0b"
OTHER_SUFFIXES = {".hl7": "hl7v2", ".dcm": "dicom", ".x12": "x12", ".edi": "x12", ".837": "x12"}
TABLE_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".dta": "stata"}
HEAD = 64 * 1024
DELIMITERS = (",", ";", "\t", "|")
SEPARATOR_LINE = re.compile(rb"\"?sep=[^\r\n]\"?(?=[\r\n])", re.IGNORECASE)
QUOTED = re.compile(r'"[^"]*"')
LIKENESS = 0.5  # share of a contract's required columns that makes a file one of its feed, if a damaged one


class Format(StrEnum):
    """What the bytes look like."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    STATA = "stata"
    HL7V2 = "hl7v2"
    DICOM = "dicom"
    X12 = "x12"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Header:
    """A text table's first line."""

    delimiter: str
    columns: tuple[str, ...]


def sniff(name: str, content: bytes) -> Format:
    """Return the format of some bytes; the name only settles what the content leaves open."""
    lowered = name.lower().removesuffix(".gz")
    head = content[:HEAD].removeprefix(BOM).lstrip()
    if content.startswith(PARQUET_MAGIC):
        return Format.PARQUET
    if content.startswith(STATA_XML) or (_is_old_stata(content) and lowered.endswith(".dta")):
        return Format.STATA
    if lowered.endswith(JSON_SUFFIXES) or (head[:1] in (b"{", b"[") and _suffix(lowered) not in TABLE_SUFFIXES):
        return Format.JSON
    return _message_format(content, head) or Format(
        (TABLE_SUFFIXES | OTHER_SUFFIXES).get(_suffix(lowered), Format.UNKNOWN)
    )


def _message_format(content: bytes, head: bytes) -> Format | None:
    """Recognise a format of messages by how it begins."""
    if DICOM_MAGIC in (content[DICOM_PREAMBLE : DICOM_PREAMBLE + len(DICOM_MAGIC)], content[: len(DICOM_MAGIC)]):
        return Format.DICOM
    if head.lstrip(MLLP_START).startswith(HL7_HEADS):
        return Format.HL7V2
    return Format.X12 if head.startswith(b"ISA") else None


def _suffix(name: str) -> str:
    found = re.search(r"\.[a-z0-9]+$", name)
    return found.group() if found else ""


def _is_old_stata(content: bytes) -> bool:
    return len(content) > 1 and content[0] in STATA_RELEASES and content[1] in (1, 2)


def table_lines(content: bytes) -> bytes:
    """Return a text table whose lines end in line feeds, without its mark.

    Old systems end lines with carriage returns alone; a first line `sep=;`, which tells a spreadsheet the delimiter, is
    no record and becomes blank.
    """
    lines = content.removeprefix(BOM)
    lines = lines if b"\n" in lines else lines.replace(b"\r", b"\n")
    told = SEPARATOR_LINE.match(lines)
    return lines[told.end() :] if told else lines


def header(content: bytes, delimiter: str | None = None) -> Header | Problem:
    """Return the header of a text table, its first line that is not blank, or why there is none.

    Where no `delimiter` is known, it is the one that the header has most of.
    """
    first = table_lines(content)[:HEAD].lstrip().split(b"\n", 1)[0]
    try:
        line = first.decode("utf-8").strip("\r")
    except UnicodeDecodeError:
        return not_utf8(content, SAY_ENCODING)
    if "\0" in line:
        return not_utf8(content, SAY_ENCODING)
    if delimiter is None:
        delimiter = max(DELIMITERS, key=QUOTED.sub("", line).count)
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return HEADER
    return Header(delimiter, tuple(c.strip() for c in cells))


def read_columns(contract: Contract) -> set[str]:
    """Return the columns that a contract reads, in lower case."""
    sources = (names for item in contract.objects for p in item.properties for names in p.sources)
    return {name.lower() for names in sources for name in names}


def repeated(contract: Contract, columns: tuple[str, ...]) -> list[str]:
    """Return the columns that a contract reads and a table names more than once, in whatever case."""
    read = read_columns(contract)
    counts = Counter(c.lower() for c in columns)
    return [name for name, count in counts.items() if count > 1 and name in read]


def rivals(contract: Contract, columns: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the columns of a table that the contract reads as the same property, by the property's name."""
    came = {c.lower(): c for c in columns}
    properties = (p for item in contract.objects for p in item.properties)
    found = {p.name: [came[n.lower()] for n in names if n.lower() in came] for p in properties for names in p.sources}
    return {name: several for name, several in found.items() if len(several) > 1}


def missing(contract: Contract, columns: tuple[str, ...], file_name: str) -> list[str]:
    """Return the required columns that a table lacks, alternatives parted by a bar."""
    came = {c.lower() for c in columns}
    return [
        "|".join(names) for names in _required(contract, file_name) if came.isdisjoint(name.lower() for name in names)
    ]


def _required(contract: Contract, file_name: str) -> list[tuple[str, ...]]:
    """Return the columns that a table must have, each with its alternatives."""
    return [
        names
        for item in contract.objects
        for p in item.properties
        if p.column_required and not (p.file_name_pattern and re.search(p.file_name_pattern, file_name))
        for names in p.sources
    ]


def contract_for(columns: tuple[str, ...], contracts: Mapping[str, Contract], file_name: str) -> Contract | None:
    """Return the tabular contract that most of its required columns fit, or null where none fits half."""
    fitting = [narrowed(c, columns, file_name) for c in contracts.values() if c.reader is Reader.TABULAR]
    best = max(fitting, key=lambda c: _likeness(c, columns), default=None)
    return best if best and _likeness(best, columns) > LIKENESS else None


def narrowed(contract: Contract, columns: tuple[str, ...], file_name: str) -> Contract:
    """Return a contract with the one table that a file is of, where it has several: by its columns, then its name."""
    if len(contract.objects) < 2 or contract.reader is not Reader.TABULAR:
        return contract
    alone = [replace(contract, objects=(item,)) for item in contract.objects]
    base = file_name.rsplit("/", 1)[-1].lower()

    def fits(one: Contract) -> tuple[bool, bool, float, int]:
        name, likeness = one.objects[0].file_name, _likeness(one, columns)
        return likeness == 1, bool(name and name in base), likeness, len(_required(one, file_name))

    return max(alone, key=fits)


def _likeness(contract: Contract, columns: tuple[str, ...]) -> float:
    required = len(_required(contract, ""))
    return 1 - len(missing(contract, columns, "")) / required if required else 0.0


def table_of(file_name: str, content: bytes, contracts: Mapping[str, Contract]) -> Contract | None:
    """Return the contract of a text table whose name says nothing, where its header has all that one requires."""
    found = header(content)
    if isinstance(found, Problem) or len(found.columns) < 2:
        return None
    contract = contract_for(found.columns, contracts, file_name)
    if contract is None or "csv" not in contract.formats or missing(contract, found.columns, file_name):
        return None
    return contracts.get(contract.feed)

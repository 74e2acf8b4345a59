"""Tables to records: CSV, Parquet and Stata files as Arrow columns of text or numbers, with a row number.

What does not belong here: what a column means (the contract says that). A row that cannot be read is a reject with a
problem; a file that cannot be read is a problem itself.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.contracts import Contract
from orchestration.feeds.encoding import not_utf8
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import (
    DAMAGED,
    NO_ROWS,
    ROW_NOT_UTF8,
    ROW_QUOTES,
    ROW_TOO_LONG,
    ROW_WIDTH,
    SAY_ENCODING,
    TOO_LARGE,
    Problem,
)
from orchestration.feeds.quoting import Quoting
from orchestration.feeds.sniff import Format, Header, header, read_columns, table_lines

ROW = "_row"
STATA_CHUNK = 50_000


@dataclass(frozen=True)
class Table:
    """Rows of one file: the columns that a contract asks for and `_row` (1-based), and the rejects beside them."""

    data: pa.Table
    rejects: tuple[tuple[int, Problem], ...] = ()


def column_names(kind: Format, content: bytes, delimiter: str | None = None) -> tuple[str, ...] | Problem:
    """Return the columns of a file without reading its rows, or why they cannot be read."""
    if kind is Format.PARQUET:
        return _parquet_columns(content)
    if kind is Format.STATA:
        return _stata_columns(content)
    found = header(content, delimiter)
    return found if isinstance(found, Problem) else found.columns


def read_table(kind: Format, content: bytes, contract: Contract, limits: Limits) -> Table | Problem:
    """Read the rows of a file, or say why it cannot be read."""
    wanted = read_columns(contract)
    if kind is Format.PARQUET:
        return _read_parquet(content, wanted, limits)
    if kind is Format.STATA:
        return _read_stata(content, wanted)
    found = header(content, contract.layout.delimiter if contract.layout else None)
    return found if isinstance(found, Problem) else _read_csv(content, found, wanted, limits)


def agree(data: pa.Table, names: Sequence[str]) -> bool:
    """Return whether columns say the same in every row: as text, without the blanks around it, empty like null."""
    first, *others = (_texts(data[name]) for name in names)
    return first is not None and all(other is not None and first.equals(other) for other in others)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return cells as text; null where they are none, as lists are not."""
    try:
        texts = pc.fill_null(pc.cast(column, pa.string()), "")
        return pc.call_function("utf8_trim", [texts], pc.TrimOptions(" "))
    except pa.ArrowException:
        return None


# -- CSV


def _read_csv(content: bytes, head: Header, wanted: set[str], limits: Limits) -> Table | Problem:
    good: list[list[str]] = []
    numbers: list[int] = []
    rejects: list[tuple[int, Problem]] = []
    for number, cells in enumerate(_csv_rows(content, head.delimiter, limits), start=0):
        if number == 0:
            continue
        if isinstance(cells, Problem):
            rejects.append((number, cells))
        elif len(cells) != len(head.columns):
            rejects.append((number, ROW_WIDTH))
        else:
            good.append(cells)
            numbers.append(number)
    if not good and not rejects:
        return NO_ROWS
    if rejects and all(problem is ROW_NOT_UTF8 for _, problem in rejects) and not good:
        return not_utf8(content, SAY_ENCODING)
    columns = list(zip(*good, strict=True)) if good else [()] * len(head.columns)
    pairs = zip(head.columns, columns, strict=True)
    named = {name: pa.array(values, pa.string()) for name, values in pairs if name.lower() in wanted}
    return Table(pa.table({**named, ROW: pa.array(numbers, pa.int64())}), tuple(rejects))


def _csv_rows(content: bytes, delimiter: str, limits: Limits) -> Iterator[list[str] | Problem]:
    """Yield cells of each non-blank record, the header first; a quoted cell may span lines."""
    lines = table_lines(content).split(b"\n")
    quoting = Quoting.of(delimiter)
    position = 0
    while position < len(lines):
        record, is_sound = lines[position], True
        position += 1
        if b'"' in record:
            taken = quoting.record_length(lines, position - 1)
            record, is_sound = b"\n".join(lines[position - 1 : position - 1 + max(taken, 1)]), taken > 0
            position += max(taken, 1) - 1
        if record.strip():
            yield _cells(record, delimiter, limits) if is_sound or len(record) > limits.line else ROW_QUOTES


def _cells(record: bytes, delimiter: str, limits: Limits) -> list[str] | Problem:
    """Return the cells of a record whose quotes are where RFC 4180 allows them."""
    if len(record) > limits.line:
        return ROW_TOO_LONG
    try:
        text = record.decode("utf-8").rstrip("\r")
        if '"' not in text and "\r" not in text:
            return text.split(delimiter)
        return next(csv.reader([text], delimiter=delimiter))
    except UnicodeDecodeError:
        return ROW_NOT_UTF8
    except csv.Error:
        return ROW_QUOTES


# -- Parquet


def _parquet_columns(content: bytes) -> tuple[str, ...] | Problem:
    try:
        return tuple(pq.read_schema(pa.BufferReader(content)).names)
    except (pa.ArrowException, OSError):
        return DAMAGED


def _read_parquet(content: bytes, wanted: set[str], limits: Limits) -> Table | Problem:
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            size = sum(file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups))
            if size > limits.unpacked:
                return TOO_LARGE
            names = [n for n in file.schema_arrow.names if n.lower() in wanted]
            data = file.read(columns=names)
    except (pa.ArrowException, OSError):
        return DAMAGED
    return _numbered(pa.table([_whole_numbers(c.combine_chunks()) for c in data.columns], names=data.column_names))


def _numbered(data: pa.Table) -> Table | Problem:
    if not data.num_rows:
        return NO_ROWS
    return Table(data.append_column(ROW, pa.array(range(1, data.num_rows + 1), pa.int64())))


# -- Stata


def _stata_columns(content: bytes) -> tuple[str, ...] | Problem:
    import pyreadstat

    try:
        return tuple(pyreadstat.read_dta(BytesIO(content), metadataonly=True)[1].column_names)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError):
        return DAMAGED


def _read_stata(content: bytes, wanted: set[str]) -> Table | Problem:
    import pyreadstat

    try:
        meta = pyreadstat.read_dta(BytesIO(content), metadataonly=True)[1]
        names = [n for n in meta.column_names if n.lower() in wanted]
        chunks = [_stata_chunk(content, names, start) for start in range(0, meta.number_rows or 0, STATA_CHUNK)]
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError):
        return DAMAGED
    data = pa.concat_tables(chunks, promote_options="permissive") if chunks else pa.table({})
    return DAMAGED if data.num_rows != (meta.number_rows or 0) else _numbered(data)


def _stata_chunk(content: bytes, names: list[str], start: int) -> pa.Table:
    import pyreadstat

    columns, _ = pyreadstat.read_dta(
        BytesIO(content),
        usecols=names,
        row_offset=start,
        row_limit=STATA_CHUNK,
        output_format="dict",
        disable_datetime_conversion=True,
    )
    return pa.table({name: _column(columns[name]) for name in names})


def _column(values: list[object]) -> pa.Array:
    try:
        return _whole_numbers(pa.array(values, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _whole_numbers(column: pa.Array) -> pa.Array:
    """Turn a float column that holds only whole numbers into integers, so that 7.0 reads as the code 7."""
    if not pa.types.is_floating(column.type):
        return column
    try:
        return pc.cast(column, pa.int64(), safe=True)
    except pa.ArrowInvalid:
        return column

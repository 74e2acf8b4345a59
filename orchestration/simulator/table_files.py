"""Tables as files: CSV as RFC 4180 has it, with a header, one record a row; or Parquet with columns of text.

What does not belong here: what is in the rows.
"""

import csv
import io
from collections.abc import Callable, Sequence

from orchestration.simulator.emission import File, as_file
from orchestration.simulator.interfaces import TableFormat

Row = tuple[str, ...]


def as_table(name: str, header: Row, rows: list[Row], form: TableFormat) -> list[File]:
    """Return one file of these rows in a site's format, or none where there are no rows."""
    render = as_parquet if form == "parquet" else as_csv
    return as_file(f"{name}.{form}", rows, lambda sent: render(header, sent))


def as_csv(header: Row, rows: Sequence[Row], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Return a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n", delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def as_parquet(header: Row, rows: Sequence[Row]) -> bytes:
    """Return a Parquet file; what a row that was cut has lost is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = [(*row, *[None] * (len(header) - len(row))) for row in rows]
    columns = {name: pa.array([row[n] for row in whole], pa.string()) for n, name in enumerate(header)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def with_value(column: int, value: str) -> Callable[[Row, float], Row]:
    """Break a row by putting a value into one of its columns."""
    return lambda row, _place: (*row[:column], value, *row[column + 1 :])


def cut_row(row: Row, place: float) -> Row:
    """Break a row by losing its last columns."""
    return row[: max(1, int(len(row) * place))]

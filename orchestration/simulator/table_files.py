"""Tables as files: CSV as RFC 4180 has it, with a header, one record a row.

What does not belong here: what is in the rows.
"""

import csv
import io
from collections.abc import Callable, Sequence

Row = tuple[str, ...]


def as_csv(header: Row, rows: Sequence[Row]) -> bytes:
    """Return the file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def with_value(column: int, value: str) -> Callable[[Row, float], Row]:
    """Break a row by putting a value into one of its columns."""
    return lambda row, _place: (*row[:column], value, *row[column + 1 :])


def cut_row(row: Row, place: float) -> Row:
    """Break a row by losing its last columns."""
    return row[: max(1, int(len(row) * place))]

"""What the index holds of a lake row: eight numbers of 64 bits, one column per row.

What does not belong here: files, and the order of runs. Keys and contents are keyed digests in hexadecimal; of each the
first 128 bits are kept, which is all of a key.
"""

from binascii import unhexlify
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEY, KEY_LOW, CONTENT, CONTENT_LOW, VERSION, ARRIVED, LINE, PLACE = range(8)
FIELDS = 8
DIGITS = 32  # of a key, and of the part of a content that is kept
NO_TIME = np.iinfo(np.int64).min
TABLE_BITS = 48  # of a place: the table's number stands above them, the file's below
FILE_MASK = np.uint64((1 << TABLE_BITS) - 1)
KNOWN = pa.schema(
    [
        ("_key", pa.string()),
        ("_content", pa.string()),
        ("_version_at", pa.timestamp("us", tz="UTC")),
        ("_arrived_at", pa.timestamp("us", tz="UTC")),
        ("_line", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Entries:
    """Rows of the index: an array of shape (FIELDS, n)."""

    rows: np.ndarray

    @staticmethod
    def of(table: pa.Table, table_number: int, file_number: int) -> "Entries":
        """Return the entries of lake rows, which have the columns of `KNOWN`. A row without a key has none."""
        kept = table.filter(table.column("_key").is_valid()) if table.column("_key").null_count else table
        made = np.empty((FIELDS, kept.num_rows), dtype=np.uint64)
        made[KEY], made[KEY_LOW] = halves(kept.column("_key"))
        made[CONTENT], made[CONTENT_LOW] = halves(kept.column("_content"))
        made[VERSION], made[ARRIVED] = (_times(kept.column(name)) for name in ("_version_at", "_arrived_at"))
        made[LINE] = kept.column("_line").cast(pa.int64()).to_numpy().astype(np.uint64)
        made[PLACE] = (table_number << TABLE_BITS) | file_number
        return Entries(_in_order(made, np.argsort(made[KEY], kind="stable")))

    def __len__(self) -> int:
        return self.rows.shape[1]

    @property
    def files(self) -> np.ndarray:
        """The numbers of the files that the entries are of."""
        return np.unique(self.rows[PLACE] & FILE_MASK)

    def known(self) -> pa.Table:
        """Return the entries as settling wants them (`KNOWN`); of a content its first half."""
        rows = self.rows
        columns = [
            digits(rows[KEY], rows[KEY_LOW]),
            digits(rows[CONTENT], rows[CONTENT_LOW]),
            _moments(rows[VERSION]),
            _moments(rows[ARRIVED]),
            pa.array(rows[LINE].astype(np.int64)),
        ]
        return pa.Table.from_arrays(columns, schema=KNOWN)

    def among(self, keys: np.ndarray, table_number: int) -> "Entries":
        """Return the entries of a table under any of the keys, which are of shape (2, n) and sorted by their first."""
        found = self.under(keys)
        return Entries(found.rows[:, found.rows[PLACE] >> np.uint64(TABLE_BITS) == table_number])

    def moved(self, table_number: int, place: tuple[int, int]) -> "Entries":
        """Return the entries of a table at another place: the numbers of a table and a file."""
        found = self.rows[:, self.rows[PLACE] >> np.uint64(TABLE_BITS) == table_number]
        found[PLACE] = (place[0] << TABLE_BITS) | place[1]
        return Entries(found)

    def under(self, keys: np.ndarray) -> "Entries":
        """Return the entries under any of the keys, whatever table they are of."""
        held = self.rows[KEY]
        first = np.searchsorted(held, keys[0])
        asked = np.flatnonzero(np.take(held, first, mode="clip") == keys[0]) if len(held) else first[:0]
        first = first[asked]
        counts = np.searchsorted(held, keys[0][asked], "right") - first
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found = self.rows[:, np.repeat(first, counts) + offsets]
        return Entries(found[:, found[KEY_LOW] == keys[1][np.repeat(asked, counts)]])


NOTHING = Entries(np.empty((FIELDS, 0), dtype=np.uint64))


def merged(parts: list[Entries]) -> Entries:
    """Return entries sorted by key, the older first among those of one key."""
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    whole = np.concatenate([part.rows for part in parts], axis=1)
    return Entries(_in_order(whole, np.argsort(whole[KEY], kind="stable")))


def _in_order(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return rows of the index in another order: field by field, which is a sixth of the work of `rows[:, order]`."""
    made = np.empty_like(rows)
    for field, into in zip(rows, made, strict=True):
        np.take(field, order, out=into, mode="clip")
    return made


def halves(hexadecimal: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first 128 bits of digests of one length as two arrays of 64 bits each."""
    text = b"".join(_characters(chunk) for chunk in hexadecimal.chunks)
    words = len(text) // (DIGITS // 2) // max(len(hexadecimal), 1) or 2
    each = np.frombuffer(unhexlify(text), dtype=">u8").reshape(len(hexadecimal), words)
    return each[:, 0].astype(np.uint64), each[:, 1].astype(np.uint64)


def _characters(chunk: pa.Array) -> memoryview:
    """Return the text of an array without nulls, without copying it."""
    plain = chunk.cast(pa.large_string())
    _, offsets, data = plain.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[plain.offset : plain.offset + len(plain) + 1]
    return memoryview(data)[bounds[0] : bounds[-1]] if data is not None and len(plain) else memoryview(b"")


def digits(high: np.ndarray, low: np.ndarray) -> pa.Array:
    """Return the digests of 32 digits that two arrays stand for."""
    text = np.stack([high, low], axis=1).astype(">u8").tobytes().hex().encode()
    offsets = np.arange(0, len(text) + 1, DIGITS, dtype=np.int32)
    return pa.StringArray.from_buffers(len(high), pa.py_buffer(offsets), pa.py_buffer(text))


def _times(column: pa.ChunkedArray) -> np.ndarray:
    micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return pc.fill_null(micros, int(NO_TIME)).to_numpy().view(np.uint64)


def _moments(micros: np.ndarray) -> pa.Array:
    signed = micros.view(np.int64)
    return pa.array(signed, mask=signed == NO_TIME).cast(pa.timestamp("us", tz="UTC"))

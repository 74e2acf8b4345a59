"""The vocabulary that a mart was built with: groups of complaints and histories, their patterns, and cues.

Here belong its two tables and their JSON, which travels in every model bundle. Matching a text or a code
against the patterns is `complaint.py` for a request and SQL for the mart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ml.features import ColumnMissing, ValueUnreadable

SCHEMA = "pilothouse.vocabulary/2"
READABLE = frozenset({"pilothouse.vocabulary/1", SCHEMA})
"""Version 1 had no cues: a model that was trained without them is served without them."""

PATTERNS = frozenset({"term", "code"})
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "complaint_groups": ("group", "kind", "system", "pattern"),
    "history_groups": ("group", "system", "pattern"),
}


@dataclass(frozen=True)
class Vocabulary:
    """The rows of the two seeds, sorted, as tuples in the order of `COLUMNS`."""

    complaint_groups: tuple[tuple[str, ...], ...]
    history_groups: tuple[tuple[str, ...], ...]

    @classmethod
    def from_tables(cls, complaint_groups: pa.Table, history_groups: pa.Table) -> "Vocabulary":
        """From the seeds as exported beside the mart; empty cells are empty text. Raises `ColumnMissing`."""
        return cls(
            _rows("complaint_groups", complaint_groups.column_names, complaint_groups.to_pylist()),
            _rows("history_groups", history_groups.column_names, history_groups.to_pylist()),
        )

    @classmethod
    def from_json(cls, document: object) -> "Vocabulary":
        """From `vocabulary.json`. Raises `ValueUnreadable` or `ColumnMissing`."""
        if not isinstance(document, dict) or document.get("schema") not in READABLE:
            raise ValueUnreadable(f"The vocabulary has another schema; this version reads {sorted(READABLE)} only.")
        rows = {name: document.get(name) for name in COLUMNS}
        for name, found in rows.items():
            if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
                raise ValueUnreadable(f"The vocabulary's {name} is no list of objects.")
        return cls(*(_rows(name, COLUMNS[name], found) for name, found in rows.items() if found is not None))

    def to_json(self) -> dict[str, object]:
        """As plain JSON values; equal vocabularies give equal documents."""
        tables = {"complaint_groups": self.complaint_groups, "history_groups": self.history_groups}
        document: dict[str, object] = {"schema": SCHEMA}
        for name, rows in tables.items():
            document[name] = [dict(zip(COLUMNS[name], row, strict=True)) for row in rows]
        return document

    def complaint_patterns(self) -> tuple[tuple[str, ...], ...]:
        """The rows that put a complaint into a group: terms and codes."""
        return tuple(row for row in self.complaint_groups if row[1] in PATTERNS)

    def complaint_cues(self) -> tuple[tuple[str, ...], ...]:
        """The rows that take a term back, or keep it from being taken back (`wording.py`)."""
        return tuple(row for row in self.complaint_groups if row[1] not in PATTERNS)

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Seed name -> its group names, sorted: what `UseCase.expand` takes."""
        return {
            "complaint_groups": tuple(sorted({row[0] for row in self.complaint_patterns()})),
            "history_groups": tuple(sorted({row[0] for row in self.history_groups})),
        }


def nothing(name: str) -> pa.Table:
    """A seed without a row."""
    return pa.table({column: pa.array([], pa.string()) for column in COLUMNS[name]})


def _rows(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> tuple[tuple[str, ...], ...]:
    if missing := [column for column in COLUMNS[name] if column not in columns]:
        raise ColumnMissing(f"The seed {name} lacks {', '.join(missing)}; export it again with the mart.")
    return tuple(sorted({tuple(str(row.get(column) or "") for column in COLUMNS[name]) for row in rows}))

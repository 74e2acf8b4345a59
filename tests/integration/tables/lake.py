"""A small lake for the table tests: typed rows written as landing writes them, one file per call.

Columns come from the contracts, so that a fixture cannot drift from what landing writes. What does not belong
here: reading raw feeds (landing's own tests do), and any expectation about the tables.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.contracts import load_contracts
from orchestration.contracts.compiler import lake_columns
from orchestration.feeds import write_anchors


class SmallLake:
    """Writes rows under `<home>/lake` as landing does: `<table>/site=<site>/day=<arrival day>/<file>.parquet`."""

    def __init__(self, home: Path) -> None:
        contracts = load_contracts()
        write_anchors(home, contracts)
        self.root = home / "lake"
        items = [item for contract in contracts.values() for item in contract.objects]
        self.columns = {item.table: lake_columns(item) for item in items}
        self.keys = {item.table: item.key.name for item in items}
        self.files = 0

    def land(self, table: str, rows: Sequence[Mapping[str, object]], *, site: str, arrived_at: datetime) -> None:
        """Land `rows` (column name to value; what is left out is null) as one file that arrived at `arrived_at`."""
        self.files += 1
        name = hashlib.sha256(str(self.files).encode()).hexdigest()
        stamped = [self._stamped(table, row, name, line, arrived_at) for line, row in enumerate(rows, start=1)]
        folder = self.root / table / f"site={site}" / f"day={arrived_at:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            typed = ", ".join(f'"{column}" {kind}' for column, kind in self.columns[table])
            connection.execute(f"create temp table landing ({typed})")
            for row in stamped:
                names = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" for _ in row)
                connection.execute(f"insert into landing ({names}) values ({marks})", list(row.values()))
            connection.execute(f"copy landing to '{folder / name[:16]}.parquet' (format parquet)")
        receipt = self.root.parent / "receipts" / site / "test" / f"{name}.json"
        receipt.parent.mkdir(parents=True, exist_ok=True)
        counts = dict.fromkeys(("duplicate", "superseded", "deleted", "quarantined"), 0)
        told = {"feed": "test", "contract": "test@1.0.0", "file": f"{table}.{self.files}", "sha256": name, **counts}
        lines = {"received": len(rows), "landed": len(rows), "reasons": {}, "tables": {table: len(rows)}}
        stamp = {"attempt": 1, "arrived_at": arrived_at.isoformat(), "archive": None}
        receipt.write_text(json.dumps({**told, **lines, **stamp}))

    def _stamped(
        self, table: str, row: Mapping[str, object], name: str, line: int, arrived_at: datetime
    ) -> dict[str, object]:
        return {
            "_feed": "test",
            "_contract": "test@1.0.0",
            "_file": name,
            "_line": line,
            "_arrived_at": arrived_at,
            "_key": str(row[self.keys[table]]),
            "_content": hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest(),
            "_is_deleted": False,
            **row,
        }

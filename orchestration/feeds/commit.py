"""Writing outcomes: lake, quarantine, then the receipt, which is the commit point.

What does not belong here: what is in them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds.lake import Shelf, write_parquet
from orchestration.feeds.outcome import Outcome, quarantine_table
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.store import Store, lake_name, sync_folders


@dataclass(frozen=True)
class Commit:
    """Where outcomes are written."""

    store: Store
    site: str
    shelf: Shelf

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write a batch: all its rows first, made durable together, then one receipt after another."""
        placed = [(table, path) for outcome in outcomes for table, path in self._rows(outcome)]
        sync_folders(path.parent for _, path in placed)
        for outcome in outcomes:
            self.store.write_receipt(self.site, self._receipt(outcome))
        for table, path in placed:
            if table:
                self.shelf.add(table, path)

    def _rows(self, outcome: Outcome) -> list[tuple[str, Path]]:
        name = lake_name(outcome.prepared.arrival.sha256, outcome.prepared.attempt)
        day = outcome.prepared.arrival.arrived_at.date().isoformat()
        placed: list[tuple[str, Path]] = []
        for table, rows in outcome.tables.items():
            target = self.store.lake_file(table, self.site, day, name)
            write_parquet(self.store, rows, target)
            placed.append((table, target))
        rejects = self._new_rejects(outcome)
        if rejects.num_rows:
            target = self.store.quarantine_file(outcome.prepared.feed, self.site, day, name)
            write_parquet(self.store, rejects, target)
            placed.append(("", target))
        return placed

    def _new_rejects(self, outcome: Outcome) -> pa.Table:
        """Leave out what an earlier attempt at the same bytes put into quarantine already."""
        rejects = quarantine_table(outcome)
        if outcome.prepared.attempt == 1 or not rejects.num_rows:
            return rejects
        short = lake_name(outcome.prepared.arrival.sha256, 1)
        earlier = self.store.home.glob(f"quarantine/{outcome.prepared.feed}/site={self.site}/day=*/{short}*.parquet")
        known = {(r["_line"], r["clause"]) for path in earlier for r in pq.read_table(path).to_pylist()}
        fresh = [(r["_line"], r["clause"]) not in known for r in rejects.to_pylist()]
        return rejects.filter(pa.array(fresh))

    def _receipt(self, outcome: Outcome) -> StoredReceipt:
        return StoredReceipt(
            **asdict(outcome.receipt),
            attempt=outcome.prepared.attempt,
            arrived_at=outcome.prepared.arrival.arrived_at.astimezone(UTC).isoformat(),
            archive=outcome.prepared.arrival.archive,
            tables={table: rows.num_rows for table, rows in outcome.tables.items()},
        )

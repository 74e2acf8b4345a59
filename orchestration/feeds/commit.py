"""What a site has committed, and writing more: lake, quarantine, then the receipt, which is the commit point.

What does not belong here: what is in them.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.feeds.lake import Shelf, take_stock, write_parquet
from orchestration.feeds.outcome import Outcome, quarantine_table
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.store import Receipts, Store, lake_name, sync_folders


@dataclass(frozen=True)
class Commit:
    """A site's receipts and lake files, and where outcomes are written."""

    store: Store
    site: str
    receipts: Receipts
    shelf: Shelf

    @staticmethod
    def of(store: Store, site: str) -> "Commit":
        """Take stock of a site. Wants the site's lock, since it sweeps what a crash left."""
        receipts = store.receipts(site)
        return Commit(store, site, receipts, take_stock(store, site, receipts.committed().keys()))

    def arrivals(self, days: Collection[date]) -> list[datetime]:
        """Return when the files arrived that brought something to the lake on some days."""
        folders = {f"day={day}" for day in days}
        stems = {path.stem for paths in self.shelf.files.values() for path in paths if path.parent.name in folders}
        committed = self.receipts.committed() if stems else {}
        receipts = (StoredReceipt.model_validate_json(committed[stem].read_bytes()) for stem in stems)
        return [datetime.fromisoformat(receipt.arrived_at) for receipt in receipts]

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write a batch: all its rows first, made durable together, then one receipt after another."""
        placed = [(table, path) for outcome in outcomes for table, path in self._rows(outcome)]
        sync_folders(path.parent for _, path in placed)
        for outcome in outcomes:
            self.receipts.add(self.store.write_receipt(self.site, self._receipt(outcome)))
        for table, path in placed:
            if table:
                self.shelf.add(table, path)

    def _rows(self, outcome: Outcome) -> list[tuple[str, Path]]:
        name = lake_name(outcome.prepared.arrival.sha256, outcome.prepared.attempt)
        day = outcome.prepared.arrival.day.isoformat()
        placed: list[tuple[str, Path]] = []
        for table, rows in outcome.tables.items():
            target = self.store.lake_file(table, self.site, day, name)
            write_parquet(self.store, rows, target)
            placed.append((table, target))
        rejects = quarantine_table(outcome)
        if rejects.num_rows:
            target = self.store.quarantine_file(outcome.prepared.feed, self.site, day, name)
            write_parquet(self.store, rejects, target)
            placed.append(("", target))
        return placed

    def _receipt(self, outcome: Outcome) -> StoredReceipt:
        first = outcome.prepared.arrival.first_arrived_at
        return StoredReceipt(
            **asdict(outcome.receipt),
            attempt=outcome.prepared.attempt,
            arrived_at=outcome.prepared.arrival.arrived_at.astimezone(UTC).isoformat(),
            first_arrived_at=first.astimezone(UTC).isoformat() if first else None,
            archive=outcome.prepared.arrival.archive,
            tables={table: rows.num_rows for table, rows in outcome.tables.items()},
        )

"""What a site has committed, and writing more: lake, quarantine, then the receipt, which is the commit point.

What does not belong here: what is in them.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from orchestration.feeds.lake import write_parquet
from orchestration.feeds.outcome import Outcome, Written, quarantine_table
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import FLUSHING, Receipts, Store, lake_name, make_places, place, sync_folders


@dataclass(frozen=True)
class Placed:
    """A Parquet file and its place: its rows, or what was made of them beside; `table` is null in quarantine."""

    path: Path
    rows: pa.Table | None
    table: str | None = None
    made: Written | None = None


@dataclass(frozen=True)
class Commit:
    """What a site has, and where outcomes are written."""

    stock: Stock

    @property
    def store(self) -> Store:
        return self.stock.store

    @property
    def receipts(self) -> Receipts:
        return self.stock.receipts

    def arrivals(self, days: Collection[date]) -> list[datetime]:
        """Return when the files arrived that brought something to the lake on some days."""
        return [arrival for day in days for arrival in self.stock.arrivals(day)]

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write a batch: all its rows first, made durable together with the bytes, then its receipts, in order."""
        if not outcomes:
            return
        self.store.vault.sync()
        self.stock.begin()
        rows = [one for outcome in outcomes for one in self._rows(outcome)]
        folders = make_places(one.path for one in rows)
        with ThreadPoolExecutor(FLUSHING) as side_by_side:
            placed = list(side_by_side.map(self._place, rows))
        sync_folders(folders)
        for path in self.store.write_receipts(self.stock.site, [self._receipt(outcome) for outcome in outcomes]):
            self.receipts.add(path)
        for one in placed:
            if one.table and one.rows is not None:
                self.stock.add(one.table, one.path, one.rows)
            elif one.table and one.made is not None:
                self.stock.adopt(one.table, one.path, one.made.keys)

    def _rows(self, outcome: Outcome) -> Iterator[Placed]:
        name = lake_name(outcome.prepared.arrival.sha256, outcome.prepared.attempt)
        site, day = self.stock.site, outcome.prepared.arrival.day.isoformat()
        for table, rows in outcome.tables.items():
            yield Placed(self.store.lake_file(table, site, day, name), rows, table)
        for table, written in outcome.written.items():
            yield Placed(self.store.lake_file(table, site, day, name), None, table, written)
        rejects = quarantine_table(outcome)
        if rejects.num_rows:
            yield Placed(self.store.quarantine_file(outcome.prepared.feed, site, day, name), rejects)

    def _place(self, one: Placed) -> Placed:
        if one.rows is not None:
            write_parquet(self.store, one.rows, one.path)
        elif one.made is not None:
            place(one.made.path, one.path)
        return one

    def _receipt(self, outcome: Outcome) -> StoredReceipt:
        first = outcome.prepared.arrival.first_arrived_at
        return StoredReceipt(
            **asdict(outcome.receipt),
            attempt=outcome.prepared.attempt,
            arrived_at=outcome.prepared.arrival.arrived_at.astimezone(UTC).isoformat(),
            first_arrived_at=first.astimezone(UTC).isoformat() if first else None,
            archive=outcome.prepared.arrival.archive,
            tables=outcome.counts,
        )

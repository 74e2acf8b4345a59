"""What lies in quarantine: the records and files that the newest attempt at their bytes could not take.

What does not belong here: taking them again (replay.py). Nothing here says what a record holds: only where it lies,
which clause it broke and why, and a keyed digest of its content.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.reread import damaged, read_receipt
from orchestration.feeds.store import Store, lake_name


@dataclass(frozen=True)
class Held:
    """One file with records in quarantine. `lines` are theirs, with the clause each broke; a null line is the whole."""

    site: str
    receipt: StoredReceipt
    lines: tuple[tuple[int | None, str, str], ...]

    @property
    def numbers(self) -> frozenset[int] | None:
        """The lines held, or null where the file is held whole."""
        found = [line for line, _, _ in self.lines]
        return None if None in found else frozenset(line for line in found if line is not None)


def held_files(home: Path, sites: Iterable[str], feed: str | None = None) -> list[Held]:
    """Return every file with records in quarantine, by site and by the time of its newest attempt."""
    store = Store(home)
    return [held for site in sites for held in _held_at(store, site, feed)]


def _held_at(store: Store, site: str, feed: str | None) -> Iterator[Held]:
    newest: dict[str, StoredReceipt] = {}
    for path in store.home.glob(f"receipts/{site}/*/*.json"):
        receipt = read_receipt(path)
        known = newest.get(receipt.sha256)
        if known is None or known.attempt < receipt.attempt:
            newest[receipt.sha256] = receipt
    for receipt in sorted(newest.values(), key=lambda r: (r.arrived_at, r.file, r.sha256)):
        if receipt.quarantined and feed in (None, receipt.feed) and (lines := tuple(_lines(store, site, receipt))):
            yield Held(site, receipt, lines)


def _lines(store: Store, site: str, receipt: StoredReceipt) -> Iterator[tuple[int | None, str, str]]:
    name = lake_name(receipt.sha256, receipt.attempt)
    for path in store.home.glob(f"quarantine/{receipt.feed}/site={site}/day=*/{name}.parquet"):
        try:
            table = pq.read_table(path, columns=["_line", "clause", "reason"])
        except pa.ArrowException as error:
            raise damaged(path, "what is held of a file") from error
        yield from zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True)

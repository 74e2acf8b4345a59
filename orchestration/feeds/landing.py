"""The landing pipeline: files in, receipts out; lake, quarantine and receipts written so that a crash costs nothing.

What does not belong here: formats (fhir.py, tabular.py), fates (settle.py), files (store.py, lake.py).
"""

import fcntl
import os
import re
from collections.abc import Generator, Hashable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.contracts import CONTRACTS_DIR, Contract, UnknownContract, load_contracts
from orchestration.feeds.batches import land_fhir, land_tabular
from orchestration.feeds.commit import Commit
from orchestration.feeds.errors import FeedError, FeedStopped, LandingBusy
from orchestration.feeds.intake import Arrival, Drop, collect
from orchestration.feeds.lake import take_stock, write_anchors
from orchestration.feeds.limits import Limits
from orchestration.feeds.opening import OpenedFhir, OpenedTable, Stopped, open_arrival
from orchestration.feeds.outcome import Outcome
from orchestration.feeds.problems import MISSING_COLUMN
from orchestration.feeds.receipt import Receipt
from orchestration.feeds.relation import connection
from orchestration.feeds.store import Receipts, Store

SITE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def land(
    paths: Iterable[Path],
    *,
    site: str,
    feed: str | None,
    home: Path,
    key: bytes,
    arrived_at: datetime,
    contracts_dir: Path = CONTRACTS_DIR,
    limits: Limits | None = None,
) -> list[Receipt]:
    """Land files, folders and archives of one site; return one receipt per file, in the order they came.

    `feed` is worked out per file where it is null. See `land_drops` for what may be raised.
    """
    drop = Drop(tuple(paths), arrived_at)
    return land_drops([drop], site=site, feed=feed, home=home, key=key, contracts_dir=contracts_dir, limits=limits)[0]


def land_drops(
    drops: Sequence[Drop],
    *,
    site: str,
    feed: str | None,
    home: Path,
    key: bytes,
    contracts_dir: Path = CONTRACTS_DIR,
    limits: Limits | None = None,
) -> list[list[Receipt]]:
    """Land many drops of one site, in order, as if one after the other; return the receipts of each.

    One call for ninety days costs little more than one call for one. Bad input is quarantined and never raises.
    Raises `FeedStopped` when a file lacks a required column (the other files are landed, and the exception carries
    every receipt), `NothingToLand` for a path that does not exist, `LandingBusy` when another process lands for the
    site, and `UnknownContract` for an unknown `feed`.
    """
    _check(site, drops)
    contracts = load_contracts(contracts_dir)
    if feed is not None and feed not in contracts:
        raise UnknownContract(f"There is no contract for the feed {feed!r}; there are: {', '.join(contracts)}.")
    store = Store(home)
    write_anchors(home, contracts)
    with _site_lock(home, site), connection(key) as db:
        run = _Run(store, site, feed, contracts, limits or Limits(), db)
        arrivals = [collect(drop, store, run.limits) for drop in drops]
        receipts = iter(_guarded(run, [arrival for group in arrivals for arrival in group]))
        made = [[next(receipts) for _ in group] for group in arrivals]
    if run.stopped:
        raise FeedStopped(" ".join(run.stopped), tuple(receipt for group in made for receipt in group))
    return made


def _guarded(run: "_Run", arrivals: Sequence[Arrival]) -> list[Receipt]:
    """Land, and keep DuckDB's own messages back: they quote the input."""
    try:
        return run.take(arrivals)
    except duckdb.Error as error:
        raise FeedError(
            f"DuckDB stopped the landing with {type(error).__name__}; its message is withheld because it may quote "
            "records. What has a receipt is landed, nothing else; run the same command again, and report this."
        ) from None


def _check(site: str, drops: Sequence[Drop]) -> None:
    if not SITE_NAME.fullmatch(site):
        raise FeedError(f"{site!r} is no site name: expected lower-case letters, digits, '-' and '_'.")
    if any(drop.arrived_at.tzinfo is None for drop in drops):
        raise FeedError("Landing needs a time of arrival with a time zone.")


@contextmanager
def _site_lock(home: Path, site: str) -> Generator[None]:
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"landing-{site}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise LandingBusy(f"Another process lands files for {site}; wait for it and try again.") from error
    try:
        yield
    finally:
        os.close(handle)


@dataclass
class _Run:
    """One call of `land`."""

    store: Store
    site: str
    feed: str | None
    contracts: Mapping[str, Contract]
    limits: Limits
    db: duckdb.DuckDBPyConnection
    stopped: list[str] = field(default_factory=list[str])

    def take(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Land arrivals; the same bytes under two names are taken one after the other."""
        made: dict[int, Receipt] = {}
        waiting = list(enumerate(arrivals))
        while waiting:
            first: dict[str, tuple[int, Arrival]] = {}
            for n, arrival in waiting:
                first.setdefault(arrival.sha256, (n, arrival))
            made.update(_Round.of(self).take(list(first.values())))
            waiting = [pair for pair in waiting if pair[0] not in made]
        return [made[n] for n in range(len(arrivals))]


Opened = OpenedFhir | OpenedTable


@dataclass
class _Round:
    """Arrivals of different bytes. Files that can be settled together gather until a batch is full."""

    run: _Run
    receipts: Receipts
    commit: Commit
    made: dict[int, Receipt] = field(default_factory=dict[int, Receipt])
    gathered: dict[Hashable, list[tuple[int, Opened]]] = field(default_factory=dict[Hashable, list[tuple[int, Opened]]])

    @staticmethod
    def of(run: _Run) -> "_Round":
        receipts = run.store.receipts(run.site)
        shelf = take_stock(run.store, run.site, receipts.committed())
        return _Round(run, receipts, Commit(run.store, run.site, shelf))

    def take(self, arrivals: Sequence[tuple[int, Arrival]]) -> dict[int, Receipt]:
        for n, arrival in arrivals:
            if known := self._known(arrival):
                self.made[n] = known
            else:
                self._open(n, arrival)
        for kind in list(self.gathered):
            self._flush(kind)
        return self.made

    def _known(self, arrival: Arrival) -> Receipt | None:
        """Return the receipt of bytes that arrived before under the same name and the same contract."""
        for stored in self.receipts.of(arrival.sha256):
            contract = self.run.contracts.get(stored.feed)
            is_current = contract is not None and stored.contract == contract.label
            is_asked = self.run.feed in (None, stored.feed) and stored.file == arrival.name
            if is_current and is_asked and MISSING_COLUMN.clause not in stored.reasons:
                return stored.receipt().repeated()
        return None

    def _open(self, n: int, arrival: Arrival) -> None:
        run = self.run
        attempt = 1 + len(self.receipts.of(arrival.sha256))
        opened = open_arrival(arrival, attempt, run.feed, run.contracts, run.limits)
        if isinstance(opened, Stopped):
            run.stopped.append(opened.message)
            self._write({n: opened.outcome})
        elif isinstance(opened, Outcome):
            self._write({n: opened})
        else:
            self._gather(n, opened)

    def _gather(self, n: int, opened: Opened) -> None:
        limits, kind = self.run.limits, opened.kind
        group = self.gathered.setdefault(kind, [])
        group.append((n, opened))
        if sum(o.size for _, o in group) > limits.batch or len(group) >= limits.batch_files:
            self._flush(kind)

    def _flush(self, kind: Hashable) -> None:
        group = self.gathered.pop(kind)
        db, shelf = self.run.db, self.commit.shelf
        prepared = [o.prepared for _, o in group]
        documents = [o for _, o in group if isinstance(o, OpenedFhir)]
        tables = [o.table for _, o in group if isinstance(o, OpenedTable)]
        if documents:
            files, contents = [o.file for o in documents], [o.content for o in documents]
            outcomes = land_fhir(db, prepared, files, contents, shelf)
        else:
            outcomes = land_tabular(db, prepared, tables, shelf)
        self._write({n: outcome for (n, _), outcome in zip(group, outcomes, strict=True)})

    def _write(self, outcomes: Mapping[int, Outcome]) -> None:
        """Commit what is new; a later attempt that brings nothing new leaves everything as it is."""
        self.commit.write([o for o in outcomes.values() if self._is_new(o)])
        self.made.update({n: o.receipt for n, o in outcomes.items()})

    def _is_new(self, outcome: Outcome) -> bool:
        earlier = self.receipts.of(outcome.receipt.sha256)
        same = any(r.reasons == dict(outcome.receipt.reasons) and r.feed == outcome.receipt.feed for r in earlier)
        return outcome.receipt.stored > 0 or not same

"""One call of landing: arrivals taken in the order they came, gathered into batches, settled and committed.

What does not belong here: locks and arguments (landing.py), formats (opening.py), fates (settle.py). Files of one feed
are settled in the order of their arrival, however they are cut into batches.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

import duckdb

from orchestration.contracts import Contract
from orchestration.feeds.ahead import Coming
from orchestration.feeds.commit import Commit
from orchestration.feeds.contracts_kept import keep
from orchestration.feeds.drift import drift_message, schema_drift
from orchestration.feeds.erasure.blanking import blanked_object
from orchestration.feeds.errors import FeedError
from orchestration.feeds.fhir_batch import land_fhir
from orchestration.feeds.hands import Hands
from orchestration.feeds.intake import Arrival
from orchestration.feeds.limits import Limits, whole_files
from orchestration.feeds.long_file import LongFile, land_long
from orchestration.feeds.naming import told_name
from orchestration.feeds.opening import OpenedFhir, OpenedLong, OpenedTable, Stopped, format_of, open_arrival, open_long
from orchestration.feeds.outcome import Outcome, Prepared, whole
from orchestration.feeds.problems import JUDGED_AGAIN, NOT_LISTED, SCHEMA_DRIFT
from orchestration.feeds.receipt import Receipt
from orchestration.feeds.sniff import HEAD
from orchestration.feeds.table_batch import land_tabular
from orchestration.feeds.vault import Kind

Opened = OpenedFhir | OpenedTable
LOOKED_AT = 16  # files, to find a long one
CANNOT_BEGIN = (FeedError, OSError, duckdb.Error)  # what keeps a file from being opened or judged now


@dataclass
class Waiting:
    """Opened files of one feed, in order, that can be settled together because they are of one kind."""

    kind: Hashable
    files: list[tuple[int, Opened]] = field(default_factory=list[tuple[int, Opened]])

    @property
    def size(self) -> int:
        return sum(opened.size for _, opened in self.files)

    def holds(self, sha256: str) -> bool:
        return any(opened.prepared.arrival.sha256 == sha256 for _, opened in self.files)


@dataclass
class Run:
    """One call of landing for one site. `stopped` gathers the messages of files that a contract stopped.

    `feed` is the one asked for, null where it has to be worked out; `listed` are those that the site sends;
    `contracts` says which contracts judge an arrival; `hands` have connections that know what `db` does; `has_closed`:
    somebody of the site was erased.
    """

    commit: Commit
    feed: str | None
    listed: Collection[str]
    contracts: Callable[[Arrival], Mapping[str, Contract]]
    limits: Limits
    db: duckdb.DuckDBPyConnection
    hands: Hands
    has_closed: bool = False
    stopped: list[str] = field(default_factory=list[str])
    _made: dict[int, Receipt] = field(default_factory=dict[int, Receipt])
    _waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    _coming: Coming[tuple[int, Arrival]] = field(default_factory=lambda: Coming(()))
    _begun: dict[int, LongFile] = field(default_factory=dict[int, LongFile])  # the next long file, by its place
    _has_looked: bool = False  # for it

    def take(self, arrivals: Iterable[Arrival]) -> list[Receipt]:
        """Land arrivals; return a receipt for each."""
        self._coming = Coming(enumerate(arrivals))
        try:
            for n, arrival in self._coming:
                self._take(n, arrival)
        finally:
            self._leave_begun()
        for feed in list(self._waiting):
            self._flush(feed)
        return [receipt for _, receipt in sorted(self._made.items())]

    def _take(self, n: int, arrival: Arrival) -> None:
        """Open a file, or know it again; the same bytes may still be waiting under another name."""
        if begun := self._begun.pop(n, None):
            self._land_long(n, begun)
            return
        for feed in [feed for feed, waiting in self._waiting.items() if waiting.holds(arrival.sha256)]:
            self._flush(feed)
        if known := self._known(arrival):
            self._made[n] = known
        else:
            self._open(n, arrival)

    def _known(self, arrival: Arrival) -> Receipt | None:
        """Return the receipt of bytes that arrived before under the same name and the same contract.

        Bytes that an erasure took something out of are never judged again for coming again.
        """
        if arrival.first_arrived_at is not None:  # a replay
            return None
        contracts = self.contracts(arrival)
        for stored in self.commit.receipts.of(arrival.sha256):
            contract = contracts.get(stored.feed)
            is_current = contract is not None and stored.contract == contract.label
            is_asked = self.feed in (None, stored.feed) and stored.file == told_name(arrival.name)
            if stored.feed in self.listed and arrival.raw.kind in (Kind.REDACTED, Kind.ERASED):
                return replace(stored.receipt().repeated(), file=arrival.name)
            if is_current and is_asked and JUDGED_AGAIN.isdisjoint(stored.reasons):
                return replace(stored.receipt().repeated(), file=arrival.name)
        return None

    def _open(self, n: int, arrival: Arrival) -> None:
        opened = open_arrival(arrival, self._attempt(arrival), self.feed, self.contracts(arrival), self.limits)
        prepared = opened.outcome.prepared if isinstance(opened, Stopped) else opened.prepared
        if isinstance(opened, Outcome):
            self._write({n: opened})
        elif prepared.feed not in self.listed:
            self._write({n: whole(prepared, NOT_LISTED)})
        elif isinstance(opened, Stopped):
            self.stopped.append(opened.message)
            self._write({n: opened.outcome})
        elif isinstance(opened, OpenedLong):
            self._land_long(n, self._long(opened))
        else:
            self._gather(n, opened)

    def _attempt(self, arrival: Arrival) -> int:
        return 1 + len(self.commit.receipts.of(arrival.sha256))

    def _long(self, opened: OpenedLong) -> LongFile:
        return LongFile(opened.prepared, opened.named_type, self.commit.stock, self.limits, self.hands)

    def _land_long(self, n: int, file: LongFile) -> None:
        """Land a long file by itself, after those of its feed that were there first."""
        self._has_looked = False
        with closing(file):
            if file.prepared.feed in self._waiting:
                self._flush(file.prepared.feed)
            with land_long(file, partial(self._go_on, file.prepared)) as outcome:
                if detail := schema_drift(outcome, self.limits.drift_from):
                    self._stop(n, outcome, detail)
                else:
                    self._write({n: outcome})

    def _go_on(self, current: Prepared) -> None:
        """Let hands that are free judge pieces of the next long file, where it is of the same feed.

        What goes wrong with it must not undo the file before it: it is opened anew in its turn, and says so then.
        """
        try:
            if not self._has_looked:
                self._has_looked = True
                self._begun.update(self._next_long(current))
            for begun in self._begun.values():
                begun.advance()
        except CANNOT_BEGIN:  # it raises once more in its turn, or what was wrong has passed
            self._leave_begun()

    def _leave_begun(self) -> None:
        for begun in self._begun.values():
            begun.close()
        self._begun.clear()

    def _next_long(self, current: Prepared) -> dict[int, LongFile]:
        """Open the next long file before its turn, if nothing that is done until then could change what becomes of it.

        None is passed over that may turn out to be long: it would wait for hands that wait for it.
        """
        before = {current.arrival.sha256}
        for n, arrival in self._coming.ahead(LOOKED_AT):
            is_waiting = any(one.holds(arrival.sha256) for one in self._waiting.values())
            if is_waiting or arrival.sha256 in before:
                break
            before.add(arrival.sha256)
            if not self._known(arrival) and (opened := self._as_long(arrival)):
                return {n: self._long(opened)} if opened.prepared.feed == current.feed else {}
        return {}

    def _as_long(self, arrival: Arrival) -> OpenedLong | None:
        return open_long(arrival, self._attempt(arrival), self.feed, self.contracts(arrival), self.limits)

    def _gather(self, n: int, opened: Opened) -> None:
        """Let a file wait for others of its kind; files of the feed that are of another kind were there first."""
        feed = opened.prepared.feed
        if feed in self._waiting and self._waiting[feed].kind != opened.kind:
            self._flush(feed)
        waiting = self._waiting.setdefault(feed, Waiting(opened.kind))
        waiting.files.append((n, opened))
        if waiting.size > self.limits.batch or len(waiting.files) >= self.limits.batch_files:
            self._flush(feed)

    def _flush(self, feed: str) -> None:
        files = self._waiting.pop(feed).files
        while files:
            files = self._settle(files)

    def _settle(self, files: Sequence[tuple[int, Opened]]) -> list[tuple[int, Opened]]:
        """Settle files together; where the form of some changed, stop those, and return the others to be settled anew
        without them. Else write what became of each, and return nothing."""
        outcomes = self._outcomes(files)
        changed = {
            n: detail for n, outcome in outcomes.items() if (detail := schema_drift(outcome, self.limits.drift_from))
        }
        if not changed:
            self._write(outcomes)
            return []
        for n, detail in changed.items():
            self._stop(n, outcomes[n], detail)
        return [(n, opened) for n, opened in files if n not in changed]

    def _stop(self, n: int, outcome: Outcome, detail: str) -> None:
        """Hold a file whole whose form changed, and stop its feed."""
        self.stopped.append(drift_message(outcome, detail))
        self._write({n: whole(outcome.prepared, SCHEMA_DRIFT, detail)})

    def _outcomes(self, files: Sequence[tuple[int, Opened]]) -> dict[int, Outcome]:
        prepared = [opened.prepared for _, opened in files]
        documents = [opened for _, opened in files if isinstance(opened, OpenedFhir)]
        tables = [opened.table for _, opened in files if isinstance(opened, OpenedTable)]
        if documents:
            lines, contents = [o.file for o in documents], [o.content for o in documents]
            outcomes = land_fhir(self.db, prepared, lines, contents, self.commit.stock.index, self.limits)
        else:
            outcomes = land_tabular(self.db, prepared, tables, self.commit.stock.index)
        return {n: outcome for (n, _), outcome in zip(files, outcomes, strict=True)}

    def _write(self, outcomes: Mapping[int, Outcome]) -> None:
        """Commit what is new; a later attempt that brings nothing new leaves everything as it is."""
        new = [outcome for outcome in outcomes.values() if self._is_new(outcome)]
        for contract in {c.label: c for one in new if (c := one.prepared.contract)}.values():
            keep(self.commit.store, contract)
        for one in new:
            self._blank_closed(one)
        self.commit.write(new)
        self._made.update({n: outcome.receipt for n, outcome in outcomes.items()})

    def _blank_closed(self, outcome: Outcome) -> None:
        """Take what came of people who were erased out of the bytes that came; before anything says they were taken."""
        if not outcome.closed:
            return
        raw, asked = outcome.prepared.arrival.raw, outcome.prepared.contract
        kind = format_of(outcome.prepared.arrival.base, raw.head(HEAD), asked)
        left = blanked_object(raw, kind, outcome.closed, whole_files(self.limits))
        if left is None:
            raw.vault.erase(raw.sha256)
        else:
            raw.vault.redact(raw.sha256, [left])

    def _is_new(self, outcome: Outcome) -> bool:
        earlier = self.commit.receipts.of(outcome.receipt.sha256)
        same = any(r.reasons == dict(outcome.receipt.reasons) and r.feed == outcome.receipt.feed for r in earlier)
        return outcome.receipt.stored > 0 or not same

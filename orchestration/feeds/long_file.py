"""A long file of FHIR lines, landed piece by piece with one receipt: what becomes of it is what would of the whole.

Hands stage and judge pieces side by side, while one that came before is settled, which alone asks what the lake holds
and what earlier pieces brought. When all pieces of a file are with them, they may begin with the next file.
The rows lie in one unfinished Parquet file per lake table until all pieces are settled; then they are put in their
places as any other file's, before the receipt.
What does not belong here: cutting (pieces.py), settling (fhir_batch.py), and writing in the lake (commit.py).
"""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.feeds import fhir
from orchestration.feeds.ahead import ahead
from orchestration.feeds.batches import Batch, Tally
from orchestration.feeds.encoding import HEAD
from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.fhir_batch import JudgedFiles, judge_staged, settle_judged, whole_file
from orchestration.feeds.framing import Lines, lines_of
from orchestration.feeds.hands import Hands, Piecework
from orchestration.feeds.keys import KNOWN, KeyIndex, Layers
from orchestration.feeds.lake import COMPRESSION
from orchestration.feeds.limits import Limits
from orchestration.feeds.outcome import Outcome, Prepared, Written, whole
from orchestration.feeds.pieces import Bomb, Brackets, Broken, Piece, bound, pieces, plain
from orchestration.feeds.problems import ARCHIVE_BOMB, LINE_NOT_JSON, TRUNCATED_ARCHIVE, Problem
from orchestration.feeds.relation import rows
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import flush


class HoldsBundles(Exception):
    """The file holds bundles, so that its records have other numbers than its lines."""


@dataclass
class Staged:
    """One lake table's rows of the file so far, in an unfinished Parquet file that a thread beside writes."""

    path: Path
    writer: pq.ParquetWriter
    stream: IO[bytes]
    beside: ThreadPoolExecutor
    count: int = 0
    _coming: Future[None] | None = None

    def add(self, table: pa.Table) -> None:
        """Have rows written when those before them are. Raises what writing those raised."""
        self._wait()
        self._coming = self.beside.submit(self.writer.write_table, table)
        self.count += table.num_rows

    def _wait(self) -> None:
        if self._coming is not None:
            self._coming.result()

    def close(self) -> None:
        self._wait()
        self.writer.close()
        flush(self.stream)


@dataclass(frozen=True)
class JudgedPiece:
    """A piece whose records lie there judged by the contract, to be settled."""

    piece: Piece
    batch: Batch
    judged: JudgedFiles


@dataclass
class LongFile:
    """A file that is being landed in pieces, of which `hands` judge some before it is settled. Close it at the end.

    `holds_bundles`: its records have other numbers than its lines.
    """

    prepared: Prepared
    named_type: str | None
    stock: Stock
    limits: Limits
    hands: Hands
    holds_bundles: bool = False
    whole_tally: Tally = field(default_factory=Tally)
    staged: dict[str, Staged] = field(default_factory=dict[str, Staged])
    brackets: Brackets = field(default_factory=Brackets)
    head: bytes = b""
    is_readable: bool = False
    records: int = 0  # of bundles, so far
    _failure: Exception | None = None
    _is_cut: bool = False
    _coming: deque[Piecework[JudgedPiece]] = field(default_factory=deque[Piecework[JudgedPiece]])

    def __post_init__(self) -> None:
        arrival = self.prepared.arrival
        with ExitStack() as stack:
            self.folder = stack.enter_context(self.stock.beside())
            self.own = KeyIndex(self.folder / "keys")
            stream = stack.enter_context(plain(arrival))
            cut = ahead(pieces(stream, self.limits, bound(arrival, self.limits)), "cutting")
            self._cut = stack.enter_context(closing(cut))
            stack.callback(self._leave)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Remove what the file brought and was not written."""
        self._stack.close()

    def _leave(self) -> None:
        for one in self._coming:
            one.leave()
        self._coming.clear()

    def advance(self) -> bool:
        """Let free hands judge pieces, and return whether all are with them.

        What cutting raises is raised when those before it are settled.
        """
        while not self._is_cut and self.hands.are_free and self._may_go_on():
            try:
                piece = next(self._cut, None)
            except Exception as error:  # noqa: BLE001 - whatever it is, `_judged` raises it in its turn
                self._failure, piece = error, None
            if piece is None:
                self._is_cut = True
            else:
                self._coming.append(self.hands.work(partial(self._judge, piece)))
        return self._is_cut

    def _may_go_on(self) -> bool:
        """Of bundles one piece is judged at a time: the next has to know how many records came before it."""
        return not (self.holds_bundles and self._coming and not self._coming[-1].made.done())

    def settle(self, idle: Callable[[], None]) -> Outcome:
        """Settle all pieces, one after another. Raises `HoldsBundles` where that was not said.

        `idle` is called, perhaps more than once, when hands may begin with what comes after this file.
        """
        try:
            with closing(self._judged(idle)) as judged:
                for one in judged:
                    self._settle_piece(one)
        except Bomb:
            return whole(self.prepared, ARCHIVE_BOMB)
        except Broken:
            return whole(self.prepared, TRUNCATED_ARCHIVE)
        return self._outcome()

    def _judged(self, idle: Callable[[], None]) -> Generator[JudgedPiece]:
        """Give the pieces in order, judged."""
        while True:
            if self.advance():
                idle()
                if not self._coming:
                    break
            with self._coming.popleft() as judged:
                self.advance()
                yield judged
        if self._failure:
            raise self._failure

    def _judge(self, piece: Piece, db: duckdb.DuckDBPyConnection) -> JudgedPiece:
        """Stage and judge one piece."""
        file = FhirFile(_numbered(lines_of(piece.content, self.limits), piece.lines_before), self.named_type)
        batch = Batch.of(db, [self.prepared], Layers((self.stock.index, self.own)))
        before = self.records if self.holds_bundles else None
        found = fhir.stage(db, [file], batch.contract, self.limits, before)
        if found and not self.holds_bundles:
            raise HoldsBundles
        if self.holds_bundles:
            self.records += int(str(rows(db, "select count(*) from unfolded")[0][0]))
        return JudgedPiece(piece, batch, judge_staged(batch, [file], self.limits))

    def _settle_piece(self, one: JudgedPiece) -> None:
        settle_judged(one.batch, one.judged)
        self.is_readable |= bool(one.judged.readable)
        self._gather(one.batch.tallies[0], one.piece)

    def _gather(self, tally: Tally, piece: Piece) -> None:
        for fate, count in tally.counts.items():
            self.whole_tally.counts[fate] = self.whole_tally.counts.get(fate, 0) + count
        self.whole_tally.rejects.extend(tally.rejects)
        self.whole_tally.closed |= tally.closed
        for name, table in tally.tables.items():
            if name not in self.staged:
                self.staged[name] = self._begin(name, table.schema)
            self.staged[name].add(table)
            place = f"{name}/day={self.prepared.arrival.day}/{piece.lines_before}"
            self.own.add(name, place, table.select(KNOWN.names))
        self.head = self.head or piece.content[:HEAD]
        if not self.is_readable and {r.clause for r in self.whole_tally.rejects} <= {LINE_NOT_JSON.clause}:
            self.brackets.add(piece.content)

    def _begin(self, table: str, schema: pa.Schema) -> Staged:
        path, stack = self.folder / f"{table}.parquet", self._stack
        stream = stack.enter_context(path.open("wb"))
        writer = stack.enter_context(pq.ParquetWriter(stream, schema, compression=COMPRESSION))
        beside = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="writing"))  # is left before the writer
        return Staged(path, writer, stream, beside)

    def _outcome(self) -> Outcome:
        tally = self.whole_tally
        problem = None if self.is_readable else whole_file(tally, self.head, lambda: self.brackets.are_left_open)
        for staged in self.staged.values():
            staged.close()
        if isinstance(problem, Problem):
            return whole(self.prepared, problem)
        written = {name: Written(staged.path, staged.count, self.own) for name, staged in self.staged.items()}
        return replace(tally.outcome(self.prepared), written=written)


def _numbered(found: Lines, before: int) -> Lines:
    """Return lines of a piece under their numbers in the file; `before` stand before the piece."""
    bad = tuple((number + before, problem) for number, problem in found.bad)
    return replace(found, number=found.number + before, bad=bad)


@contextmanager
def land_long(file: LongFile, idle: Callable[[], None]) -> Generator[Outcome]:
    """Settle a long file, which the caller closes; what it brings lies beside its places until that is written."""
    with ExitStack() as stack:
        try:
            outcome = file.settle(idle)
        except HoldsBundles:
            file.close()
            again = LongFile(file.prepared, file.named_type, file.stock, file.limits, file.hands, holds_bundles=True)
            outcome = stack.enter_context(closing(again)).settle(idle)
        yield outcome

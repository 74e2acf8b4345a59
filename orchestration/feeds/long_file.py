"""A long file of FHIR lines, landed piece by piece with one receipt: what becomes of it is what would of the whole.

Pieces go through three hands at a time, each over a connection of its own: one is cut and staged, the one before it
judged, the one before that settled, which alone asks what the lake holds and what earlier pieces brought.
The rows lie in one unfinished Parquet file per lake table until all pieces are settled; then they are put in their
places as any other file's, before the receipt.
What does not belong here: cutting (pieces.py), settling (fhir_batch.py), and writing in the lake (commit.py).
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
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
from orchestration.feeds.keys import KNOWN, KeyIndex, Keys, Layers
from orchestration.feeds.lake import COMPRESSION
from orchestration.feeds.limits import Limits
from orchestration.feeds.outcome import Outcome, Prepared, Written, whole
from orchestration.feeds.pieces import Bomb, Brackets, Broken, Piece, bound, pieces, plain
from orchestration.feeds.problems import ARCHIVE_BOMB, LINE_NOT_JSON, TRUNCATED_ARCHIVE, Problem
from orchestration.feeds.relation import rows
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import flush

Second = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]  # opens another connection to a database


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
class StagedPiece:
    """A piece whose records lie in the temporary tables of its batch's connection, to be judged."""

    piece: Piece
    file: FhirFile
    batch: Batch


@dataclass(frozen=True)
class JudgedPiece:
    """A piece whose records lie there judged by the contract, to be settled."""

    piece: Piece
    batch: Batch
    judged: JudgedFiles


@dataclass
class LongFile:
    """A file that is being landed in pieces; `folder` is for what they bring, `known` what the site's lake holds.

    The pieces take turns at the connections `dbs`, of which there are as many as hands.
    """

    dbs: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]
    prepared: Prepared
    named_type: str | None
    folder: Path
    known: Keys
    limits: Limits
    whole_tally: Tally = field(default_factory=Tally)
    staged: dict[str, Staged] = field(default_factory=dict[str, Staged])
    brackets: Brackets = field(default_factory=Brackets)
    head: bytes = b""
    is_readable: bool = False

    def __post_init__(self) -> None:
        self.own = KeyIndex(self.folder / "keys")

    def settle(self, stack: ExitStack, *, holds_bundles: bool) -> Outcome:
        """Settle all pieces. Raises `HoldsBundles` where that was not said."""
        arrival = self.prepared.arrival
        try:
            with plain(arrival) as stream:
                cut = pieces(stream, self.limits, bound(arrival, self.limits))
                with (
                    closing(ahead(self._stage(cut, holds_bundles), "staging")) as staged,
                    closing(ahead(self._judge(staged), "judging")) as judged,
                ):
                    for one in judged:
                        self._settle_piece(one, stack)
        except Bomb:
            return whole(self.prepared, ARCHIVE_BOMB)
        except Broken:
            return whole(self.prepared, TRUNCATED_ARCHIVE)
        return self._outcome()

    def _stage(self, cut: Iterator[Piece], holds_bundles: bool) -> Iterator[StagedPiece]:
        """Stage one piece after the other. What a connection holds of a piece is gone three pieces later."""
        before = 0
        for piece, db in zip(cut, cycle(self.dbs), strict=False):
            file = FhirFile(_numbered(lines_of(piece.content, self.limits), piece.lines_before), self.named_type)
            batch = Batch.of(db, [self.prepared], Layers((self.known, self.own)))
            found = fhir.stage(db, [file], batch.contract, self.limits, before if holds_bundles else None)
            if found and not holds_bundles:
                raise HoldsBundles
            if holds_bundles:
                before += int(str(rows(db, "select count(*) from unfolded")[0][0]))
            yield StagedPiece(piece, file, batch)

    def _judge(self, staged: Iterator[StagedPiece]) -> Iterator[JudgedPiece]:
        for one in staged:
            yield JudgedPiece(one.piece, one.batch, judge_staged(one.batch, [one.file], self.limits))

    def _settle_piece(self, one: JudgedPiece, stack: ExitStack) -> None:
        settle_judged(one.batch, one.judged)
        self.is_readable |= bool(one.judged.readable)
        self._gather(one.batch.tallies[0], one.piece, stack)

    def _gather(self, tally: Tally, piece: Piece, stack: ExitStack) -> None:
        for fate, count in tally.counts.items():
            self.whole_tally.counts[fate] = self.whole_tally.counts.get(fate, 0) + count
        self.whole_tally.rejects.extend(tally.rejects)
        self.whole_tally.closed |= tally.closed
        for name, table in tally.tables.items():
            if name not in self.staged:
                self.staged[name] = self._begin(name, table.schema, stack)
            self.staged[name].add(table)
            place = f"{name}/day={self.prepared.arrival.day}/{piece.lines_before}"
            self.own.add(name, place, table.select(KNOWN.names))
        self.head = self.head or piece.content[:HEAD]
        if not self.is_readable and {r.clause for r in self.whole_tally.rejects} <= {LINE_NOT_JSON.clause}:
            self.brackets.add(piece.content)

    def _begin(self, table: str, schema: pa.Schema, stack: ExitStack) -> Staged:
        path = self.folder / f"{table}.parquet"
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
def land_long(
    db: duckdb.DuckDBPyConnection,
    second: Second,
    prepared: Prepared,
    named_type: str | None,
    stock: Stock,
    limits: Limits,
) -> Generator[Outcome]:
    """Settle a long file; what it brings lies beside its places until the outcome is written, or is gone."""
    for holds_bundles in (False, True):
        with ExitStack() as stack, stock.beside() as folder, second() as other, second() as third:
            file = LongFile((db, other, third), prepared, named_type, folder, stock.index, limits)
            try:
                outcome = file.settle(stack, holds_bundles=holds_bundles)
            except HoldsBundles:
                continue
            yield outcome
            return

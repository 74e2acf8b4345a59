"""A batch: files of one contract whose records are compiled and settled together, and cut apart again by file.

What does not belong here: formats (fhir_batch.py, table_batch.py), fates and writing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.contracts import Contract, ContractObject, sql
from orchestration.contracts.compiler import Compiled
from orchestration.feeds.closed import is_closed
from orchestration.feeds.errors import FeedError
from orchestration.feeds.keys import Keys
from orchestration.feeds.outcome import Outcome, Prepared, Reject, make_outcome
from orchestration.feeds.relation import fetch_arrow, rows, table_from
from orchestration.feeds.settle import Known, fates, judge, resent, settle

log = logging.getLogger(__name__)

FILE_NO = "_file_no"
STORED = "('landed', 'superseded', 'deleted')"


@dataclass
class Tally:
    """What is gathered about one file while its objects are settled."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    tables: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table])
    rejects: list[Reject] = field(default_factory=list[Reject])
    closed: set[int] = field(default_factory=set[int])

    def add(self, fate: str, count: int = 1) -> None:
        if count:
            self.counts[fate] = self.counts.get(fate, 0) + count

    @property
    def received(self) -> int:
        return sum(self.counts.values()) + len(self.rejects)

    def outcome(self, prepared: Prepared) -> Outcome:
        return make_outcome(
            prepared, self.counts, self.tables, sorted(self.rejects, key=lambda r: r.line or 0), frozenset(self.closed)
        )


@dataclass(frozen=True)
class Judged:
    """The records of one object in a table of its own, judged by the contract; what becomes of each is open."""

    item: ContractObject
    compiled: Compiled
    table: str
    may_be_closed: bool


@dataclass(frozen=True)
class Batch:
    """Files of one contract that are settled together, and what they add to."""

    db: duckdb.DuckDBPyConnection
    contract: Contract
    files: Sequence[Prepared]
    index: Keys
    tallies: Sequence[Tally]

    @staticmethod
    def of(db: duckdb.DuckDBPyConnection, files: Sequence[Prepared], index: Keys) -> "Batch":
        contract = files[0].contract
        if contract is None:
            raise FeedError("A file without a contract cannot be landed.")
        numbered = {
            FILE_NO: pa.array(range(len(files)), pa.int32()),
            "_file": pa.array([f.arrival.sha256 for f in files], pa.string()),
            "_arrived_at": pa.array([f.arrival.arrived_at for f in files], pa.timestamp("us", tz="UTC")),
            "_first_at": pa.array([f.arrival.first_arrived_at for f in files], pa.timestamp("us", tz="UTC")),
            "_is_partial": pa.array([f.arrival.lines is not None for f in files], pa.bool_()),
        }
        table_from(db, "batch_file", pa.table(numbered))
        table_from(db, "held_line", _held_lines(files))
        return Batch(db, contract, files, index, [Tally() for _ in files])

    def add(self, item: ContractObject, compiled: Compiled, source: str) -> None:
        """Settle the records of one object and add them to the tallies. `source` is a relation with `_file_no`."""
        self.settle(self.judge(item, compiled, source))

    def judge(self, item: ContractObject, compiled: Compiled, source: str) -> Judged:
        """Judge the records of one object by the contract alone: nothing that came before them is asked."""
        arrived = (
            f"(select source.*, _arrived_at from {self._untaken(source)} source join batch_file using ({FILE_NO}))"
        )
        closed = is_closed(self.db, item)
        table = f"judged_{self.contract.objects.index(item)}"
        judge(self.db, compiled, arrived, table, is_replay=self.is_replay, is_closed=closed)
        return Judged(item, compiled, table, closed != "false")

    def settle(self, judged: Judged) -> None:
        """Say what becomes of judged records, beside what the lake holds of them, and add them to the tallies."""
        settled = settle(self.db, judged.table, self._known(judged.item))
        if judged.may_be_closed:
            self._add_closed(settled)
        for file_no, fate, count in fates(self.db, settled):
            counts = self.tallies[file_no].counts
            counts[fate] = counts.get(fate, 0) + count
        self._tell_resent(settled)
        self._add_rejects(judged.compiled, settled)
        self._add_rows(judged.item, settled)
        self.db.execute(f"drop table {judged.table}")

    def _known(self, item: ContractObject) -> Known | None:
        return partial(self.index.find, item.table) if item.table in self.index.tables else None

    @property
    def is_replay(self) -> bool:
        return any(file.arrival.first_arrived_at is not None for file in self.files)

    def _untaken(self, source: str) -> str:
        """Leave out what an earlier attempt at a replayed file took; those records are duplicates of themselves."""
        if not self.is_replay:
            return source
        taken = f"""(select source.* from {source} source join batch_file using ({FILE_NO})
            anti join held_line using ({FILE_NO}, _line) where _is_partial)"""
        for file_no, count in rows(self.db, f"select {FILE_NO}, count(*) from {taken} group by all"):
            counts = self.tallies[int(str(file_no))].counts
            counts["duplicate"] = counts.get("duplicate", 0) + int(str(count))
        return f"(select source.* from {source} source anti join {taken} using ({FILE_NO}, _line))"

    def _add_closed(self, settled: str) -> None:
        for file_no, line in rows(self.db, f"select _file_no, _line from {settled} where _is_closed"):
            self.tallies[int(str(file_no))].closed.add(int(str(line)))

    def _tell_resent(self, settled: str) -> None:
        """Say what of a file stays deleted: only a version from after the deletion would bring it back."""
        if not any("duplicate" in tally.counts for tally in self.tallies):
            return
        for file_no, count in resent(self.db, settled):
            log.warning(
                "%s %s: %d records came again after their deletion in a version from before it; they count as "
                "duplicates and stay deleted. Have the source send a version from after the deletion.",
                self.contract.feed, self.files[file_no].arrival.sha256[:12], count,
            )  # fmt: skip

    def _add_rejects(self, compiled: Compiled, settled: str) -> None:
        query = f"select _file_no, _line, _broken, _key, _content from {settled} where _fate = 'quarantined'"
        for file_no, line, broken, key, content in rows(self.db, query):
            clause = compiled.clauses[int(str(broken)) - 1]
            reject = Reject(int(str(line)), clause.id, clause.reason, as_text(key), as_text(content))
            self.tallies[int(str(file_no))].rejects.append(reject)

    def _add_rows(self, item: ContractObject, settled: str) -> None:
        columns = ", ".join(sql.name(p.name) for p in item.columns)
        kept = fetch_arrow(
            self.db,
            f"""select _file_no, cast(? as varchar) as _feed, cast(? as varchar) as _contract, _file,
                cast(_line as bigint) as _line, settled._arrived_at, _key, _content, _version_at,
                _is_deleted, {columns}
            from {settled} settled join batch_file using (_file_no)
            where _fate in {STORED} and not _is_closed order by _file_no, _line""",
            [self.contract.feed, self.contract.label],
        )
        for file_no, part in _by_file(kept):
            self.tallies[file_no].tables[item.table] = part

    def outcomes(self) -> list[Outcome]:
        return [tally.outcome(prepared) for tally, prepared in zip(self.tallies, self.files, strict=True)]


def _held_lines(files: Sequence[Prepared]) -> pa.Table:
    pairs = [(n, line) for n, file in enumerate(files) for line in sorted(file.arrival.lines or ())]
    numbers, lines = (pa.array([pair[i] for pair in pairs], kind) for i, kind in enumerate((pa.int32(), pa.int64())))
    return pa.table({FILE_NO: numbers, "_line": lines})


def as_text(value: object) -> str | None:
    """Return a value of a query as text."""
    return None if value is None else str(value)


def _by_file(kept: pa.Table) -> list[tuple[int, pa.Table]]:
    """Cut a table that is ordered by file number into one slice per file."""
    numbers = kept.column("_file_no").to_numpy()
    plain = kept.drop_columns(["_file_no"])
    present, starts = np.unique(numbers, return_index=True)
    bounds = [*starts.tolist(), len(numbers)]
    return [(int(n), plain.slice(bounds[i], bounds[i + 1] - bounds[i])) for i, n in enumerate(present)]

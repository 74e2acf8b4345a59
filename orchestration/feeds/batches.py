"""From prepared files to outcomes, many files at a time: staged, compiled, settled, and cut apart again by file.

What does not belong here: formats, fates and writing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.contracts import Contract, ContractObject, sql
from orchestration.contracts.compiler import Compiled, compile_fhir, compile_tabular
from orchestration.feeds import fhir, problems
from orchestration.feeds.errors import FeedError
from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.lake import Shelf
from orchestration.feeds.outcome import Outcome, Prepared, Reject, make_outcome, whole
from orchestration.feeds.problems import REASONS, WHOLE, Problem
from orchestration.feeds.relation import fetch_arrow, rows, table_from
from orchestration.feeds.settle import fates, settle
from orchestration.feeds.tabular import ROW, Table

FILE_NO = "_file_no"
STORED = "('landed', 'superseded', 'deleted')"


@dataclass
class Tally:
    """What is gathered about one file while its objects are settled."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    tables: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table])
    rejects: list[Reject] = field(default_factory=list[Reject])

    def outcome(self, prepared: Prepared) -> Outcome:
        return make_outcome(prepared, self.counts, self.tables, sorted(self.rejects, key=lambda r: r.line or 0))


@dataclass(frozen=True)
class Batch:
    """Files of one contract that are settled together, and what they add to."""

    db: duckdb.DuckDBPyConnection
    contract: Contract
    files: Sequence[Prepared]
    shelf: Shelf
    tallies: Sequence[Tally]

    @staticmethod
    def of(db: duckdb.DuckDBPyConnection, files: Sequence[Prepared], shelf: Shelf) -> "Batch":
        contract = files[0].contract
        if contract is None:
            raise FeedError("A file without a contract cannot be landed.")
        return Batch(db, contract, files, shelf, [Tally() for _ in files])

    def add(self, item: ContractObject, compiled: Compiled, source: str) -> None:
        """Settle the records of one object and add them to the tallies."""
        settled = settle(self.db, compiled, source, self.shelf.of(item.table))
        for file_no, fate, count in fates(self.db, settled):
            counts = self.tallies[file_no].counts
            counts[fate] = counts.get(fate, 0) + count
        self._add_rejects(compiled, settled)
        self._add_rows(item, settled)

    def _add_rejects(self, compiled: Compiled, settled: str) -> None:
        query = f"select _file_no, _line, _broken, _key, _content from {settled} where _fate = 'quarantined'"
        for file_no, line, broken, key, content in rows(self.db, query):
            clause = compiled.clauses[int(str(broken)) - 1]
            reject = Reject(int(str(line)), clause.id, clause.reason, _text(key), _text(content))
            self.tallies[int(str(file_no))].rejects.append(reject)

    def _add_rows(self, item: ContractObject, settled: str) -> None:
        names = pa.table(
            {
                "_file_no": pa.array(range(len(self.files)), pa.int32()),
                "_file": pa.array([f.arrival.sha256 for f in self.files], pa.string()),
                "_arrived_at": pa.array([f.arrival.arrived_at for f in self.files], pa.timestamp("us", tz="UTC")),
            }
        )
        table_from(self.db, "batch_file", names)
        columns = ", ".join(sql.name(p.name) for p in item.columns)
        kept = fetch_arrow(
            self.db,
            f"""select _file_no, cast(? as varchar) as _feed, cast(? as varchar) as _contract, _file,
                cast(_line as bigint) as _line, _arrived_at, _key, _content, _version_at,
                _is_deleted, {columns}
            from {settled} join batch_file using (_file_no) where _fate in {STORED} order by _file_no, _line""",
            [self.contract.feed, self.contract.label],
        )
        for file_no, part in _by_file(kept):
            self.tallies[file_no].tables[item.table] = part

    def outcomes(self) -> list[Outcome]:
        return [tally.outcome(prepared) for tally, prepared in zip(self.tallies, self.files, strict=True)]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _by_file(kept: pa.Table) -> list[tuple[int, pa.Table]]:
    """Cut a table that is ordered by file number into one slice per file."""
    numbers = kept.column("_file_no").to_numpy()
    plain = kept.drop_columns(["_file_no"])
    present, starts = np.unique(numbers, return_index=True)
    bounds = [*starts.tolist(), len(numbers)]
    return [(int(n), plain.slice(bounds[i], bounds[i + 1] - bounds[i])) for i, n in enumerate(present)]


# -- FHIR


def land_fhir(
    db: duckdb.DuckDBPyConnection,
    prepared: Sequence[Prepared],
    files: Sequence[FhirFile],
    contents: Sequence[bytes],
    shelf: Shelf,
) -> list[Outcome]:
    """Settle a batch of FHIR files of one contract."""
    batch = Batch.of(db, prepared, shelf)
    fhir.stage(db, list(files), batch.contract)
    expected = _expected(db, files)
    wholes = _reject_problems(batch, files, contents)
    types = [str(t) for (t,) in rows(db, "select distinct _type from judged_record where _problem is null")]
    for item, of_type in _objects(batch.contract, types):
        listed = ", ".join(sql.text(t) for t in of_type)
        source = f"(select * from judged_record where _problem is null and _type in ({listed}))"
        batch.add(item, compile_fhir(item), source)
    made = batch.outcomes()
    for n, outcome in enumerate(made):
        if outcome.receipt.received != expected[n]:
            raise FeedError(
                f"{prepared[n].arrival.sha256[:12]}: {expected[n]} records came and {outcome.receipt.received} are "
                "accounted for. Nothing was written; this is a defect of landing, please report it."
            )
    return [whole(prepared[n], wholes[n]) if n in wholes else outcome for n, outcome in enumerate(made)]


def _objects(contract: Contract, types: Sequence[str]) -> list[tuple[ContractObject, list[str]]]:
    grouped: dict[str, list[str]] = {}
    for resource_type in types:
        grouped.setdefault(contract.object_for(resource_type).name, []).append(resource_type)
    return [(item, grouped[item.name]) for item in contract.objects if item.name in grouped]


def _expected(db: duckdb.DuckDBPyConnection, files: Sequence[FhirFile]) -> list[int]:
    """Count what came apart from what is settled: lines, and instead of a bundle its entries (an empty one is 1)."""
    query = """select _file_no, sum(case when _type = 'Bundle'
        then greatest(coalesce(json_array_length(doc, '$.entry'), 0), 1) else 1 end) from head group by _file_no"""
    counted = {int(str(n)): int(str(count)) for n, count in rows(db, query)}
    return [counted.get(n, 0) + len(f.lines.bad) for n, f in enumerate(files)]


def _reject_problems(batch: Batch, files: Sequence[FhirFile], contents: Sequence[bytes]) -> dict[int, Problem]:
    """Add lines that no contract needs to see; return the files of which nothing else is left."""
    query = "select _file_no, _line, _problem, _content, _is_entry from judged_record where _problem is not null"
    entries: set[int] = set()
    for file_no, line, clause, content, is_entry in rows(batch.db, query):
        n = int(str(file_no))
        reject = Reject(int(str(line)), str(clause), REASONS[str(clause)], None, _text(content))
        batch.tallies[n].rejects.append(reject)
        if is_entry and clause != problems.EMPTY_BUNDLE.clause:
            entries.add(n)
    for n, file in enumerate(files):
        batch.tallies[n].rejects.extend(Reject(line, p.clause, p.reason) for line, p in file.lines.bad)
    clean = {
        int(str(n)) for (n,) in rows(batch.db, "select distinct _file_no from judged_record where _problem is null")
    }
    return {
        n: problem
        for n in range(len(files))
        if n not in clean and n not in entries and (problem := _whole(batch.tallies[n], contents[n]))
    }


def _whole(tally: Tally, content: bytes) -> Problem | None:
    clauses = {reject.clause for reject in tally.rejects}
    if len(clauses) != 1:
        return None
    clause = clauses.pop()
    if clause == problems.EMPTY_BUNDLE.clause:
        return problems.EMPTY_BUNDLE if len(tally.rejects) == 1 else None
    return fhir.whole_problem(content, clause) if clause in WHOLE else None


# -- tables


def land_tabular(
    db: duckdb.DuckDBPyConnection, prepared: Sequence[Prepared], tables: Sequence[Table], shelf: Shelf
) -> list[Outcome]:
    """Settle a batch of tables of one contract that have the same columns."""
    batch = Batch.of(db, prepared, shelf)
    for tally, table in zip(batch.tallies, tables, strict=True):
        tally.rejects.extend(Reject(line, p.clause, p.reason) for line, p in table.rejects)
    data = [t.data.append_column(FILE_NO, pa.array([n] * t.data.num_rows, pa.int32())) for n, t in enumerate(tables)]
    columns = {name.lower(): name for name in tables[0].data.column_names}
    table_from(db, "came", pa.concat_tables(data, promote_options="permissive"))
    for item in batch.contract.objects:
        compiled = compile_tabular(item, columns, prepared[0].arrival.name)
        batch.add(item, compiled, _tabular_source(item, columns))
    return batch.outcomes()


def _tabular_source(item: ContractObject, columns: Mapping[str, str]) -> str:
    wanted = sorted({c.lower() for p in item.properties for c in p.columns} & set(columns))
    members = ", ".join(f"{sql.text(c)}: {sql.name(columns[c])}" for c in wanted)
    content = f"content_of(cast(to_json({{{members}}}) as varchar))"
    return f"(select *, {ROW} as _line, {content} as _content, false as _is_deleted from came)"

"""What a contract says of messages before they are landed, so that their senders can be told.

What does not belong here: fates and landing. A verdict looks at the messages alone, with the same reader and the same
clauses as landing, so that it needs neither the lake nor the site's lock, and no key. A sender waits for it: what is
asked of every batch is planned once for each object of the contract, since planning takes fifty times what asking does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.contracts import Contract, ContractObject
from orchestration.contracts.clauses import Clause, looked_at
from orchestration.contracts.compiler import compile_fhir
from orchestration.feeds import fhir, hl7v2
from orchestration.feeds.fhir_batch import objects_of
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import REASONS, Problem
from orchestration.feeds.relation import Refilled, rows

Rejects = Mapping[int | None, str]  # why, by the message's number in the file; null for all of them
LINES = "verdict_line"
ARRIVED_AT = pa.field("_arrived_at", pa.timestamp("us", tz="UTC"))
COLUMNS = pa.schema([("_file_no", pa.int32()), ("_line", pa.int64()), ("text", pa.large_string()), ARRIVED_AT])


@dataclass
class Verdicts:
    """A connection (`judging_connection`) that stays open, and the statements that were prepared for it.

    Nothing but these is done with the connection: a change of its catalogue would have them planned anew.
    """

    db: duckdb.DuckDBPyConnection
    contract_at: Callable[[datetime], Contract]
    limits: Limits
    lines: Refilled = field(default_factory=lambda: Refilled(COLUMNS.empty_table()))
    _prepared: dict[tuple[str, str], "Prepared"] = field(default_factory=dict[tuple[str, str], "Prepared"])

    def __post_init__(self) -> None:
        self.db.register(LINES, self.lines)

    def of(self, content: bytes, arrived_at: datetime) -> Rejects:
        """Return which messages would be quarantined, and why."""
        file = hl7v2.read(content, "", self.limits)
        if isinstance(file, Problem):
            return {None: file.reason}
        rejects: dict[int | None, str] = {line: problem.reason for line, problem in file.lines.bad}
        if file.lines.count > len(rejects):
            lines = fhir.lines_table([file])
            arrived = pa.array([arrived_at] * lines.num_rows, ARRIVED_AT.type)
            lines = lines.append_column(ARRIVED_AT, arrived).cast(COLUMNS)
            rejects |= self._of_lines(self.contract_at(arrived_at), lines)
        return rejects

    def _of_lines(self, contract: Contract, lines: pa.Table) -> dict[int | None, str]:
        rejects: dict[int | None, str] = {}
        types: dict[str, list[int]] = {}
        for line, kind, problem in self._answer(self._all(contract), lines):
            if problem is None:
                types.setdefault(str(kind), []).append(int(str(line)))
            else:
                rejects[int(str(line))] = REASONS[str(problem)]
        for item, of_type in objects_of(contract, list(types)):
            mine = np.isin(lines.column("_line").to_numpy(), [number for kind in of_type for number in types[kind]])
            asked = self._of_object(contract, item)
            for line, broken in self._answer(asked, lines.filter(pa.array(mine))):
                rejects[int(str(line))] = asked.clauses[int(str(broken)) - 1].reason
        return rejects

    def _answer(self, asked: "Prepared", lines: pa.Table) -> list[tuple[object, ...]]:
        self.lines.rows = lines
        return rows(self.db, f"execute {asked.statement}")

    def _all(self, contract: Contract) -> "Prepared":
        """What tells every record's type, or why no object of the contract is asked."""
        known = (contract.digest, "")
        if known not in self._prepared:
            self._prepare(known, f"select _line, _type, _problem from {_records(contract)}", ())
        return self._prepared[known]

    def _of_object(self, contract: Contract, item: ContractObject) -> "Prepared":
        """What tells which clause of an object a record breaks."""
        known = (contract.digest, item.name)
        if known not in self._prepared:
            compiled = compile_fhir(looked_at(item))
            broken = f"select _line, _broken from ({compiled.query(_records(contract))}) where _broken is not null"
            self._prepare(known, broken, compiled.clauses)
        return self._prepared[known]

    def _prepare(self, known: tuple[str, str], query: str, clauses: tuple[Clause, ...]) -> None:
        statement = f"verdict_{len(self._prepared)}"
        self.db.execute(f"prepare {statement} as {query}")
        self._prepared[known] = Prepared(statement, clauses)


@dataclass(frozen=True)
class Prepared:
    """The name of a statement, and the clauses that its answers number."""

    statement: str
    clauses: tuple[Clause, ...]


def _records(contract: Contract) -> str:
    lines = fhir.read_lines(LINES, f", {ARRIVED_AT.name}")
    return f"({fhir.judged(f'({lines})', contract)})"

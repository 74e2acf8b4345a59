"""What a contract says of messages before they are landed, so that their senders can be told.

What does not belong here: fates and landing. A verdict looks at the messages alone, with the same reader and the same
clauses as landing, so that it needs neither the lake nor the site's lock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from orchestration.contracts import Contract, sql
from orchestration.contracts.compiler import Compiled, compile_fhir
from orchestration.feeds import fhir, hl7v2
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import REASONS, Problem
from orchestration.feeds.relation import rows

Rejects = Mapping[int | None, str]  # why, by the message's number in the file; null for all of them


@dataclass
class Verdicts:
    """A connection that stays open, and what was compiled for it."""

    db: duckdb.DuckDBPyConnection
    contract_at: Callable[[datetime], Contract]
    limits: Limits
    _compiled: dict[tuple[str, str], Compiled] = field(default_factory=dict[tuple[str, str], Compiled])

    def of(self, content: bytes, arrived_at: datetime) -> Rejects:
        """Return which messages would be quarantined, and why."""
        file = hl7v2.read(content, "", self.limits)
        if isinstance(file, Problem):
            return {None: file.reason}
        contract = self.contract_at(arrived_at)
        rejects: dict[int | None, str] = {line: problem.reason for line, problem in file.lines.bad}
        if file.lines.count > len(rejects):
            fhir.stage(self.db, [file], contract, self.limits)
            rejects |= self._problems()
            rejects |= self._broken(contract, arrived_at)
        return rejects

    def _problems(self) -> dict[int | None, str]:
        found = rows(self.db, "select _line, _problem from judged_record where _problem is not null")
        return {int(str(line)): REASONS[str(problem)] for line, problem in found}

    def _broken(self, contract: Contract, arrived_at: datetime) -> dict[int | None, str]:
        self.db.execute("set variable verdict_at = ?", [arrived_at])
        rejects: dict[int | None, str] = {}
        for (kind,) in rows(self.db, "select distinct _type from judged_record where _problem is null"):
            compiled = self._of_type(contract, str(kind))
            source = f"""(select *, getvariable('verdict_at') as _arrived_at from judged_record
                where _problem is null and _type = {sql.text(str(kind))})"""
            query = f"select _line, _broken from ({compiled.query(source)}) where _broken is not null"
            for line, broken in rows(self.db, query):
                rejects[int(str(line))] = compiled.clauses[int(str(broken)) - 1].reason
        return rejects

    def _of_type(self, contract: Contract, kind: str) -> Compiled:
        item = contract.object_for(kind)
        known = (contract.digest, item.name)
        if known not in self._compiled:
            self._compiled[known] = compile_fhir(item)
        return self._compiled[known]

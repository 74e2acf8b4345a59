"""A decision as rows that a board member can read (``pilothouse gate explain``). Nothing is decided here."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from evaluation.gates.decision import ClauseResult, Decision


@dataclass(frozen=True, slots=True)
class ExplainRow:
    """One line of the explanation; every member is text that stands for itself."""

    clause: str
    met: str
    found: str
    threshold: str
    counted: str
    owner: str
    to_meet: str

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


def explain(decision: Decision) -> list[ExplainRow]:
    """One row per clause, those that are not met first; the order within is the policy's."""
    ordered = sorted(decision.results, key=lambda result: result.met)
    return [_row(result) for result in ordered]


def render_rows(rows: Sequence[ExplainRow]) -> str:
    """A plain table for a terminal, columns as wide as they need to be; ``to_meet`` only where it is
    wanted."""
    names = [field.name for field in fields(ExplainRow)]
    table = [names, *([getattr(row, name) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table)
    return "\n".join(line.rstrip() for line in lines)


def _row(result: ClauseResult) -> ExplainRow:
    counted = [
        f"{number} {what}" for number, what in ((result.n, "rows"), (result.n_events, "events")) if number is not None
    ]
    return ExplainRow(
        clause=result.clause,
        met="met" if result.met else "NOT MET",
        found=result.found,
        threshold=result.threshold,
        counted=", ".join(counted),
        owner=result.owner,
        to_meet="" if result.met else result.to_meet,
    )

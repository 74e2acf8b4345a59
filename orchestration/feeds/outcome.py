"""What landing one file came to, before anything is written.

What does not belong here: deciding it (batches.py) and writing it (commit.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from orchestration.contracts import Contract
from orchestration.feeds.intake import Arrival
from orchestration.feeds.keys import KeyIndex
from orchestration.feeds.problems import Problem
from orchestration.feeds.receipt import NO_CONTRACT, UNRECOGNISED, Receipt

QUARANTINE = pa.schema(
    [
        ("_feed", pa.string()),
        ("_contract", pa.string()),
        ("_file", pa.string()),
        ("_line", pa.int64()),
        ("_arrived_at", pa.timestamp("us", tz="UTC")),
        ("clause", pa.string()),
        ("reason", pa.string()),
        ("raw_sha256", pa.string()),
        ("_key", pa.string()),
        ("_content", pa.string()),
    ]
)


@dataclass(frozen=True)
class Reject:
    """One record in quarantine; `line` is null for a whole file. Neither key nor content can be read back."""

    line: int | None
    clause: str
    reason: str
    key: str | None = None
    content: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A file ready to be read: its contract (null where none fits) and which attempt at these bytes it is."""

    arrival: Arrival
    contract: Contract | None
    attempt: int = 1

    @property
    def feed(self) -> str:
        return self.contract.feed if self.contract else UNRECOGNISED

    @property
    def label(self) -> str:
        return self.contract.label if self.contract else NO_CONTRACT


@dataclass(frozen=True)
class Written:
    """Rows for a lake table that lie in a Parquet file already, beside its place; `keys` has those of the table."""

    path: Path
    count: int
    keys: KeyIndex


@dataclass(frozen=True)
class Outcome:
    """One file's receipt, the rows for the lake by table (of a long file as files), and the rows for quarantine.

    `closed` are the lines of people who were erased: they go nowhere, and their bytes are blanked.
    """

    prepared: Prepared
    receipt: Receipt
    tables: Mapping[str, pa.Table] = field(default_factory=dict[str, pa.Table])
    rejects: Sequence[Reject] = ()
    closed: frozenset[int] = frozenset()
    written: Mapping[str, Written] = field(default_factory=dict[str, Written])

    @property
    def counts(self) -> dict[str, int]:
        """Rows for the lake by table."""
        return {name: t.num_rows for name, t in self.tables.items()} | {n: w.count for n, w in self.written.items()}


def make_outcome(
    prepared: Prepared,
    counts: Mapping[str, int],
    tables: Mapping[str, pa.Table],
    rejects: Sequence[Reject],
    closed: frozenset[int] = frozenset(),
) -> Outcome:
    """Add up one file."""
    reasons: dict[str, int] = {}
    for reject in rejects:
        reasons[reject.clause] = reasons.get(reject.clause, 0) + 1
    receipt = Receipt(
        feed=prepared.feed,
        contract=prepared.label,
        file=prepared.arrival.name,
        sha256=prepared.arrival.sha256,
        received=sum(counts.values()) + len(rejects),
        quarantined=len(rejects),
        reasons=reasons,
        **counts,
    )
    return Outcome(prepared, receipt, tables, rejects, closed)


def whole(prepared: Prepared, problem: Problem, detail: str = "") -> Outcome:
    """Quarantine a file whole; it counts 1."""
    reason = f"{problem.reason} {detail}".strip()
    return make_outcome(prepared, {}, {}, [Reject(None, problem.clause, reason)])


def quarantine_table(outcome: Outcome) -> pa.Table:
    """Return the rejects as they are stored: where and why, never what."""
    prepared, rejects = outcome.prepared, outcome.rejects
    same = (prepared.feed, prepared.label, prepared.arrival.sha256)
    columns = [
        *([value] * len(rejects) for value in same),
        [r.line for r in rejects],
        [prepared.arrival.arrived_at] * len(rejects),
        [r.clause for r in rejects],
        [r.reason for r in rejects],
        [prepared.arrival.sha256] * len(rejects),
        [r.key for r in rejects],
        [r.content for r in rejects],
    ]
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, QUARANTINE, strict=True)]
    return pa.Table.from_arrays(arrays, schema=QUARANTINE)

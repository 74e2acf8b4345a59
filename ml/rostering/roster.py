"""A roster and what is said about it: assignments, breaches, what gave way, the answer. Plain frozen data.

What does not belong here: making one (`solving.py`), judging one (`checking.py`), files (`files.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ml.rostering.problem import Duty, Waiver

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class Roster:
    """Who does what on which day, and how many agency nurses are booked for a duty on a day."""

    duties: Mapping[tuple[str, int], Duty]
    agency: Mapping[tuple[int, Duty], int] = field(default_factory=dict[tuple[int, Duty], int])


@dataclass(frozen=True)
class Breach:
    """One rule that a roster does not meet. `cost` is 0 for a hard rule; `waiver` says who allowed it, if anyone."""

    rule: str
    kind: str
    source: str
    is_hard: bool
    person: str | None
    days: tuple[int, ...]
    excess: int
    cost: int
    sentence: str
    waiver: Waiver | None = None


@dataclass(frozen=True)
class GaveWay:
    """A wish or soft rule that was not met (`wish`), the `rule` that stood in its way, for whom, when, the cost."""

    wish: str
    rule: str
    person: str | None
    days: tuple[int, ...]
    cost: int
    because: str


@dataclass(frozen=True)
class Reason:
    """One member of a conflict: a rule, for whom, in words. Without any one of the set a roster would exist."""

    rule: str
    source: str
    person: str | None
    sentence: str


@dataclass(frozen=True)
class FairShare:
    """What a person did in this period and carries on, for the next period's problem."""

    person: str
    nights: int
    weekends: int
    refused: int
    nights_carried: int
    weekends_carried: int
    refused_carried: int


@dataclass(frozen=True)
class RosterAnswer:
    """`objective` and `roster` are None where no roster was found; `bound` is proven: no roster costs less."""

    status: Status
    objective: int | None
    bound: int
    roster: Roster | None
    hard_violations: tuple[Breach, ...] = ()
    gave_way: tuple[GaveWay, ...] = ()
    conflict: tuple[Reason, ...] = ()
    is_conflict_minimal: bool = True
    fairness: tuple[FairShare, ...] = ()
    exceptions: tuple[Breach, ...] = ()
    seconds: float = 0.0
    note: str = ""

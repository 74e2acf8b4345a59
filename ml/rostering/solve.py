"""The door of the room: `solve` a problem. Its siblings are `repair` (`repairing.py`) and `check` (`checking.py`).

What does not belong here: how (`solving.py`), files, commands.
"""

import time

from ml.rostering.answering import answer_of
from ml.rostering.conflict import explain
from ml.rostering.problem import Problem
from ml.rostering.relaxation import conflicts_linearly
from ml.rostering.roster import RosterAnswer
from ml.rostering.rules import clauses_of
from ml.rostering.solving import Outcome, Progress, outcome_of

EXPLAINED_WITHIN = 7.0
IMPOSSIBLE = Outcome("infeasible", None, None, 0)
NOT_FOUND = "No roster was found in the time given, and none is proven impossible; give more seconds."


def quiet(_message: str) -> None:
    """Tell nobody."""


def solve(problem: Problem, seconds: float = 60.0, seed: int = 1, progress: Progress = quiet) -> RosterAnswer:
    """Return the best roster found within `seconds`, its cost and proven bound, and what gave way to which rule.

    Where hard rules conflict, the answer is `infeasible` and holds a smallest set of them that does."""
    started = time.monotonic()
    clauses = clauses_of(problem)
    hard = [one for one in clauses if one.weight is None and one.waiver is None]
    is_impossible = conflicts_linearly(hard)  # in a moment, where the search would take seconds to find out
    outcome = IMPOSSIBLE if is_impossible else outcome_of(problem, clauses, seconds, seed, progress)
    took = time.monotonic() - started
    if outcome.roster is None:
        reasons, is_minimal = explain(clauses, EXPLAINED_WITHIN, seed) if outcome.status == "infeasible" else ((), True)
        took = time.monotonic() - started
        note = "" if outcome.status == "infeasible" else NOT_FOUND
        return RosterAnswer(
            outcome.status,
            None,
            outcome.bound,
            None,
            conflict=reasons,
            is_conflict_minimal=is_minimal,
            seconds=took,
            note=note,
        )
    return answer_of(problem, clauses, outcome.status, outcome.roster, outcome.bound, took)

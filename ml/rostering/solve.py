"""The door of the room: `solve` a problem. Its siblings are `repair` (`repairing.py`) and `check` (`checking.py`).

What does not belong here: how (`solving.py`), files, commands.
"""

import time

from ml.rostering.answering import answer_of
from ml.rostering.problem import Problem
from ml.rostering.roster import RosterAnswer
from ml.rostering.rules import clauses_of
from ml.rostering.solving import Progress, outcome_of


def quiet(_message: str) -> None:
    """Tell nobody."""


def solve(problem: Problem, seconds: float = 60.0, seed: int = 1, progress: Progress = quiet) -> RosterAnswer:
    """Return the best roster found within `seconds`, its cost and proven bound, and what gave way to which rule.

    Where hard rules conflict, the answer is `infeasible` and holds a smallest set of them that does."""
    started = time.monotonic()
    clauses = clauses_of(problem)
    outcome = outcome_of(clauses, seconds, seed, progress)
    took = time.monotonic() - started
    if outcome.roster is None:
        return RosterAnswer(outcome.status, None, outcome.bound, None, seconds=took)
    return answer_of(problem, clauses, outcome.status, outcome.roster, outcome.bound, took)

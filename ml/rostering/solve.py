"""The door of the room: `solve` a problem. Its siblings are `repair` (`repairing.py`) and `check` (`checking.py`).

What does not belong here: how (`solving.py`), files, commands.
"""

import time
from collections.abc import Sequence

from ml.rostering.answering import answer_of
from ml.rostering.clauses import Clause
from ml.rostering.conflict import explain
from ml.rostering.greedy import first_roster
from ml.rostering.problem import Problem
from ml.rostering.relaxation import conflicts_linearly
from ml.rostering.roster import Roster, RosterAnswer
from ml.rostering.rules import clauses_of
from ml.rostering.solving import Outcome, Progress, outcome_of

EXPLAINED_WITHIN = 7.0
COUNTED_WITHIN = 0.2
"""Of the time given, for seeing by counting alone that there is no roster."""
JUDGED = 2.5
"""How many times as long as writing the clauses took is kept back for judging the roster and saying what gave way: both
walk over the clauses, so that a slower or busier machine keeps back more."""
IMPOSSIBLE = Outcome("infeasible", None, None, 0)
NOT_FOUND = "No roster was found in the time given, and none is proven impossible; give more seconds."
NOT_EXPLAINED = "The time ended before the conflict was narrowed down; give more seconds."


def quiet(_message: str) -> None:
    """Tell nobody."""


def solve(
    problem: Problem,
    seconds: float = 60.0,
    seed: int = 1,
    progress: Progress = quiet,
    start: Roster | None = None,
    enough: int = 0,
) -> RosterAnswer:
    """Return the best roster found within `seconds`, its cost and proven bound, and what gave way to which rule.

    Where hard rules conflict, the answer is `infeasible` and holds a smallest set of them that does. The limit holds
    for all of it: writing the rules down, searching, judging, explaining. `start` is a roster to begin from; the search
    ends as soon as it has one that costs at most `enough` more than the proven bound."""
    started = time.monotonic()
    clauses = clauses_of(problem)
    deadline = started + seconds - JUDGED * (time.monotonic() - started)
    hard = [one for one in clauses if one.weight is None and one.waiver is None]
    first = first_roster(problem, clauses, started + seconds, start)  # where there is one, nothing conflicts
    is_impossible = first is None and conflicts_linearly(hard, seconds * COUNTED_WITHIN)
    outcome = IMPOSSIBLE if is_impossible else outcome_of(problem, clauses, deadline, seed, progress, first, enough)
    if outcome.roster is None:
        return _without(outcome, clauses, started, started + seconds, seed)
    return answer_of(problem, clauses, outcome.status, outcome.roster, outcome.bound, time.monotonic() - started)


def _without(outcome: Outcome, clauses: Sequence[Clause], started: float, deadline: float, seed: int) -> RosterAnswer:
    """Return the answer where there is no roster: why, if it is proven that there can be none."""
    reasons, is_minimal, note = (), True, NOT_FOUND
    if outcome.status == "infeasible":
        left = min(EXPLAINED_WITHIN, deadline - time.monotonic())
        reasons, is_minimal = explain(clauses, left, seed) if left > 0 else ((), False)
        note = "" if reasons else NOT_EXPLAINED
    return RosterAnswer(
        outcome.status,
        None,
        outcome.bound,
        None,
        conflict=reasons,
        is_conflict_minimal=is_minimal,
        seconds=time.monotonic() - started,
        note=note,
    )

"""Makes a roster within a time limit: the best found, what it costs, and the bound that no roster can beat.

What does not belong here: the solver's model (`model.py`), whole schedules (`columns.py`), the answer (`answering.py`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from ml.rostering.checking import breaches_of, objective_of
from ml.rostering.clauses import Clause
from ml.rostering.columns import EPSILON, Columns
from ml.rostering.model import Model, build
from ml.rostering.problem import Problem
from ml.rostering.profiles import profiles_of
from ml.rostering.roster import Roster, Status

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

WORKERS = 8
"""More than the two cores of the smallest machine: bound and neighbourhoods come from different workers, and with two
of them one side starves (measured, decision record on rosters)."""
LINEARIZATION = 2
GENERATING, SHAKING, PICKING = 0.3, 0.4, 0.3
"""Of the time given: by when columns and more columns are gathered, and how long the picking may take."""
SHAKES = 60
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a search ended with; `roster` is None where none was found."""

    status: Status
    roster: Roster | None
    objective: int | None
    bound: int


def search(model: Model, seconds: float, seed: int, progress: Progress, floor: int = 0) -> Outcome:
    """Minimise the model's cost within a time limit; `floor` is a bound that is proven already."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.1, seconds)
    solver.parameters.num_workers = WORKERS
    solver.parameters.linearization_level = LINEARIZATION
    solver.parameters.random_seed = seed
    cost = model.cost()
    if model.costs and floor > 0:
        model.cp.add(cost >= floor)
    model.cp.minimize(cost)
    status = solver.solve(model.cp, _teller(progress, time.monotonic(), floor))
    return _outcome(solver, status, model, floor)


def _teller(progress: Progress, started: float, floor: int) -> "cp_model.CpSolverSolutionCallback":
    from ortools.sat.python import cp_model

    class Teller(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            bound = max(floor, round(self.best_objective_bound))
            progress(f"{time.monotonic() - started:.1f} s: best {round(self.objective_value)}, bound {bound}")

    return Teller()


def _outcome(solver: "cp_model.CpSolver", status: object, model: Model, floor: int) -> Outcome:
    from ortools.sat.python import cp_model

    if status == cp_model.INFEASIBLE:
        return Outcome("infeasible", None, None, floor)
    bound = max(floor, round(solver.best_objective_bound)) if status != cp_model.UNKNOWN else floor
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome("unknown", None, None, floor)
    objective = round(solver.objective_value)
    ended: Status = "optimal" if status == cp_model.OPTIMAL or bound >= objective else "feasible"
    return Outcome(ended, model.roster(solver.value), objective, min(bound, objective))


def outcome_of(problem: Problem, clauses: list[Clause], seconds: float, seed: int, progress: Progress) -> Outcome:
    """Search for the best roster of a problem: by whole schedules first where it can be split by person."""
    deadline = time.monotonic() + seconds
    start, floor = _by_columns(problem, clauses, seconds, seed, progress)
    if start is not None:
        cost = objective_of(breaches_of(clauses, start))
        progress(f"schedules: best {cost}, bound {floor}")
        if cost <= floor:
            return Outcome("optimal", start, cost, cost)
    model = build(clauses)
    if start is not None:
        model.hint(start)
    found = search(model, deadline - time.monotonic(), seed, progress, floor)
    return _better(clauses, start, found)


def _by_columns(
    problem: Problem, clauses: list[Clause], seconds: float, seed: int, progress: Progress
) -> tuple[Roster | None, int]:
    """Return a roster made of whole schedules and a bound; none and 0 where the problem cannot be split."""
    profiles = profiles_of(problem, clauses)
    if profiles is None:
        return None, 0
    started = time.monotonic()
    columns = Columns(problem, profiles, seed)
    prices = columns.generate(started + seconds * GENERATING)
    if not columns.is_possible:
        return None, 0  # somebody has no schedule at all: the constraint solver proves it, and it is explained
    floor = ceil(columns.bound - EPSILON)
    progress(f"{time.monotonic() - started:.1f} s: bound {floor} from mixtures of schedules")
    columns.shake(prices, SHAKES, started + seconds * SHAKING)
    picked = columns.pick(seconds * PICKING, floor)
    if picked is None or any(one.is_hard and one.waiver is None for one in breaches_of(clauses, picked)):
        return None, floor
    return picked, floor


def _better(clauses: list[Clause], start: Roster | None, found: Outcome) -> Outcome:
    """Return the search's outcome, or the roster that it started from where it found none as good."""
    if start is None:
        return found
    cost = objective_of(breaches_of(clauses, start))
    if found.objective is not None and found.objective <= cost:
        return found
    return Outcome("optimal" if found.bound >= cost else "feasible", start, cost, min(found.bound, cost))

"""Makes a roster within a time limit: the best found, what it costs, and the bound that no roster can beat.

What does not belong here: the solver's model (`model.py`), what is said about the result (`answering.py`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.rostering.clauses import Clause
from ml.rostering.model import Model, build
from ml.rostering.roster import Roster, Status

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

WORKERS = 8
"""More than the two cores of the smallest machine: bound and neighbourhoods come from different workers, and with two
of them one side starves (measured, decision record on rosters)."""
LINEARIZATION = 2
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


def outcome_of(clauses: list[Clause], seconds: float, seed: int, progress: Progress) -> Outcome:
    """Search for the best roster of a problem."""
    return search(build(clauses), seconds, seed, progress)

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
from ml.rostering.relaxation import bound_of
from ml.rostering.roster import Roster, Status

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

WORKERS = 8
"""Where whole schedules gave a start and a bound: neighbourhoods come from different workers (measured, decision record
0015)."""
FEW_WORKERS = 2
"""Where the search starts from nothing: on two cores eight workers starve each other (decision record 0024)."""
LINEARIZATION = 2
PROVING = 0.15
"""Of the time left, for a search that may prove its end; then neighbourhoods of the best roster are searched alone."""
BOUNDING = 0.2
"""Of the time left, at most, for the linear program's bound."""
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


@dataclass(frozen=True)
class Way:
    """How to search: with how many workers, from which proven bound, whether only near the best roster so far, and how
    much above the bound is near enough to end."""

    workers: int
    floor: int = 0
    only_near: bool = False
    enough: int = 0


def search(model: Model, deadline: float, seed: int, progress: Progress, way: Way) -> Outcome:
    """Minimise the model's cost until a time of the monotonic clock, or until the bound is reached."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = way.workers
    solver.parameters.linearization_level = LINEARIZATION
    solver.parameters.random_seed = seed
    solver.parameters.use_lns_only = way.only_near
    model.cp.minimize(model.cost())
    teller = _teller(progress, time.monotonic(), way)
    solver.parameters.max_time_in_seconds = max(0.1, deadline - time.monotonic())
    status = solver.solve(model.cp, teller)
    return _outcome(solver, status, model, way.floor)


def _teller(progress: Progress, started: float, way: Way) -> "cp_model.CpSolverSolutionCallback":
    from ortools.sat.python import cp_model

    class Teller(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            bound = max(way.floor, round(self.best_objective_bound))
            progress(f"{time.monotonic() - started:.1f} s: best {round(self.objective_value)}, bound {bound}")
            if round(self.objective_value) <= bound + way.enough:
                self.stop_search()

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


def outcome_of(
    problem: Problem,
    clauses: list[Clause],
    deadline: float,
    seed: int,
    progress: Progress,
    first: Roster | None = None,
    enough: int = 0,
) -> Outcome:
    """Search until a time of the monotonic clock, or a cost `enough` above the bound: by whole schedules first where a
    problem can be split by person."""
    start, floor = _by_columns(problem, clauses, deadline, seed, progress)
    if start is None:
        return _from_first(clauses, deadline, seed, progress, first, enough)
    cost = objective_of(breaches_of(clauses, start))
    progress(f"schedules: best {cost}, bound {floor}")
    if cost <= floor + enough:
        return Outcome("optimal" if cost <= floor else "feasible", start, cost, min(floor, cost))
    model = build(clauses)
    model.hint(start)
    model.cp.add(model.cost() >= floor)
    return _better(clauses, start, search(model, deadline, seed, progress, Way(WORKERS, floor, enough=enough)))


def _from_first(
    clauses: list[Clause],
    deadline: float,
    seed: int,
    progress: Progress,
    first: Roster | None,
    enough: int,
) -> Outcome:
    """Search without schedules: a bound from the linear program, a proof if it comes early, then near the best."""
    floor = bound_of(clauses, (deadline - time.monotonic()) * BOUNDING)
    if first is not None and (cost := objective_of(breaches_of(clauses, first))) <= floor + enough:
        return Outcome("optimal" if cost <= floor else "feasible", first, cost, min(floor, cost))
    model, now = build(clauses), time.monotonic()
    if first is not None:
        model.hint(first)
    found = search(model, now + (deadline - now) * PROVING, seed, progress, Way(FEW_WORKERS, floor, enough=enough))
    start = found.roster or first
    is_enough = found.objective is not None and found.objective <= found.bound + enough
    if found.status not in ("optimal", "infeasible") and not is_enough and time.monotonic() < deadline:
        if start is not None:
            model.hint(start)
        way = Way(FEW_WORKERS, found.bound, only_near=start is not None, enough=enough)
        found = search(model, deadline, seed, progress, way)
    return found if start is None else _better(clauses, start, found)


def _by_columns(
    problem: Problem, clauses: list[Clause], deadline: float, seed: int, progress: Progress
) -> tuple[Roster | None, int]:
    """Return a roster made of whole schedules and a bound; none and 0 where the problem cannot be split."""
    profiles = profiles_of(problem, clauses)
    if profiles is None:
        return None, 0
    started = time.monotonic()
    seconds = deadline - started
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


def _better(clauses: list[Clause], start: Roster, found: Outcome) -> Outcome:
    """Return the search's outcome, or the roster that it started from where it found none as good."""
    cost = objective_of(breaches_of(clauses, start))
    if found.objective is not None and found.objective <= cost:
        return found
    return Outcome("optimal" if found.bound >= cost else "feasible", start, cost, min(found.bound, cost))

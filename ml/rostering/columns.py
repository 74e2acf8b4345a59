"""Column generation: a bound that is nearly the best roster's cost, and whole schedules to make a roster of.

A linear program mixes schedules (columns) of each person to cover the demand; each person's cheapest schedule for its
prices joins until none helps. At any prices, what the cheapest schedules cost and the demand is worth is a bound on
every roster (Lagrange). Then the constraint solver picks one schedule for each person (Burke and Curtois, 2014, do so
by branch and price). What does not belong here: the schedules of one person (`pricing.py`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from ml.rostering.pricing import Array, Pricer, Profile
from ml.rostering.problem import Problem
from ml.rostering.roster import Roster

STILL = 0.5
"""How much of the best prices so far is kept in the next: less swinging, fewer rounds (Wentges, 1997)."""
EPSILON = 1e-6
SPREAD = 3.0
"""How far prices are shaken, to gather schedules that are nearly as good."""
WORKERS = 8


@dataclass
class Columns:
    """The schedules gathered for each person, with what each costs in wishes."""

    problem: Problem
    profiles: Sequence[Profile]
    seed: int
    bound: float = 0.0
    is_possible: bool = True
    schedules: list[dict[tuple[int, ...], float]] = field(default_factory=list[dict[tuple[int, ...], float]])

    def __post_init__(self) -> None:
        """Prepare the demand by day and duty, and a pricer for each person."""
        place = {duty: number for number, duty in enumerate(self.problem.duties)}
        shape = (self.problem.days, len(place))
        self.needed, self.under, self.over = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for one in self.problem.demand:
            at = (one.day, place[one.duty])
            self.needed[at], self.under[at], self.over[at] = one.nurses, one.under or 0, one.over or 0
        self.pricers = [Pricer(profile) for profile in self.profiles]
        self.schedules = [{} for _ in self.profiles]

    def generate(self, deadline: float) -> Array:
        """Add columns until no more help or time is up; returns the best prices found."""
        prices = best = self.under / 2
        self.is_possible = np.isfinite(self._price(best)[0])
        while self.is_possible and time.monotonic() < deadline:
            value, prices = self._mixed(deadline - time.monotonic())
            if value is None:
                break
            tried = STILL * best + (1 - STILL) * prices
            at_tried, news = self._price(tried)
            if at_tried > self.bound:
                self.bound, best = at_tried, tried
            if not news:
                at_prices, news = self._price(prices)
                if at_prices > self.bound:
                    self.bound, best = at_prices, prices
            if not news or ceil(value - EPSILON) <= ceil(self.bound - EPSILON):
                break
        return best

    def shake(self, prices: Array, rounds: int, deadline: float) -> None:
        """Gather more schedules around some prices."""
        draw = np.random.default_rng(self.seed)
        for _ in range(rounds):
            if time.monotonic() >= deadline:
                return
            self._price(prices + draw.normal(0, SPREAD, prices.shape))

    def _price(self, prices: Array) -> tuple[float, int]:
        """Add each person's cheapest schedule; return the bound at these prices and how many are new."""
        inside = np.clip(prices, -self.over, self.under)
        value, news = float((inside * self.needed).sum()), 0
        for pricer, known in zip(self.pricers, self.schedules, strict=True):
            cheapest, schedule = pricer.cheapest(inside)
            value += cheapest
            if not np.isfinite(cheapest):
                return value, 0
            if schedule not in known:
                known[schedule] = self._wishes(pricer.profile, schedule)
                news += 1
        return value, news

    def _wishes(self, profile: Profile, schedule: tuple[int, ...]) -> float:
        return profile.base + sum(float(profile.cost[day, j]) for day, j in enumerate(schedule) if j >= 0)

    def _mixed(self, seconds: float) -> tuple[float | None, Array]:
        """Return the value of the best mixture of the schedules, and the demand's prices in it; None if too late."""
        from scipy.optimize import linprog
        from scipy.sparse import coo_array

        people, cells = len(self.schedules), self.needed.size
        costs, rows, columns = list[float](), list[int](), list[int]()
        for person, known in enumerate(self.schedules):
            for schedule, wishes in known.items():
                at = len(costs)
                costs.append(wishes)
                used = [day * self.needed.shape[1] + j for day, j in enumerate(schedule) if j >= 0]
                rows += [person, *(people + cell for cell in used)]
                columns += [at] * (1 + len(used))
        n, values = len(costs), [1.0] * len(rows)
        for sign, offset in ((1.0, 0), (-1.0, cells)):
            rows += range(people, people + cells)
            columns += range(n + offset, n + offset + cells)
            values += [sign] * cells
        matrix: Any = coo_array((values, (rows, columns)), shape=(people + cells, n + 2 * cells)).tocsr()
        sides = np.concatenate([np.ones(people), self.needed.ravel()])
        paid = np.concatenate([costs, self.under.ravel(), self.over.ravel()])
        limit = {"time_limit": max(0.1, seconds)}
        solved: Any = linprog(paid, A_eq=matrix, b_eq=sides, method="highs", options=limit)
        if solved.status != 0:
            return None, self.under / 2
        return float(solved.fun), np.asarray(solved.eqlin.marginals[people:]).reshape(self.needed.shape)

    def pick(self, seconds: float, floor: int) -> Roster | None:
        """Return the best roster that takes one of the gathered schedules for each person."""
        from ortools.sat.python import cp_model

        cp = cp_model.CpModel()
        cost: list[Any] = []
        present: dict[tuple[int, int], list[Any]] = {}
        choices: list[tuple[str, tuple[int, ...], Any]] = []
        for person, known in zip(self.problem.staff, self.schedules, strict=True):
            mine = [(schedule, wishes, cp.new_bool_var("")) for schedule, wishes in known.items()]
            cp.add_exactly_one(one for _, _, one in mine)
            for schedule, wishes, chosen in mine:
                choices.append((person.name, schedule, chosen))
                cost.append(round(wishes) * chosen)
                for day, duty in enumerate(schedule):
                    if duty >= 0:
                        present.setdefault((day, duty), []).append(chosen)
        for (day, duty), needed in np.ndenumerate(self.needed):
            few, many = cp.new_int_var(0, int(needed), ""), cp.new_int_var(0, len(self.schedules), "")
            cp.add(sum(present.get((day, duty), [])) + few - many == int(needed))
            cost += [int(self.under[day, duty]) * few, int(self.over[day, duty]) * many]
        cp.add(sum(cost) >= floor)
        cp.minimize(sum(cost))
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.1, seconds)
        solver.parameters.num_workers, solver.parameters.random_seed = WORKERS, self.seed
        solver.parameters.linearization_level = 2
        if solver.solve(cp) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        return Roster(
            {
                (name, day): self.problem.duties[duty]
                for name, schedule, chosen in choices
                if solver.value(chosen)
                for day, duty in enumerate(schedule)
                if duty >= 0
            }
        )

"""Clauses as a linear program: fast proofs where counting shows that there are too few, and a bound on every roster.

What does not belong here: conflicts that counting does not show (`conflict.py` asks the constraint solver).
"""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np

from ml.rostering.clauses import AnyOf, Books, Clause, Variable, Works
from ml.rostering.pricing import Array

INFEASIBLE = 2
ROUNDING = 1e-4
"""What a sum of floats may be off by, on costs of up to a million."""
NOTHING = 1e-9


def bound_of(clauses: Sequence[Clause], seconds: float) -> int:
    """Return a cost that no roster can beat; 0 where the linear program does not end in the time given."""
    counted = [one for one in clauses if one.waiver is None and one.weight != 0]
    return max(0, ceil(_at_least(Program(counted, _weight), seconds) - ROUNDING))


def conflicts_linearly(clauses: Sequence[Clause], seconds: float = 60.0) -> bool:
    """Tell whether no mixture of decisions meets all clauses. False proves nothing, nor does a time that ran out.

    What the clauses must be exceeded by in sum is a program that always has an answer, and fast; none of it is certain
    to be needed where that is 0."""
    return _at_least(Program(clauses, _alike), seconds) > ROUNDING


def _at_least(program: "Program", seconds: float) -> float:
    """Return what a program with slacks costs at least.

    At any prices of the rows, what the decisions cost at best is a bound (Lagrange): the solver's tolerances need not
    be trusted, only its prices be good."""
    from scipy.optimize import linprog

    if not program.most.size:
        return float(np.maximum(-program.sides, 0).sum())
    if seconds <= 0 or not program.costs.any():
        return 0.0
    solved: Any = linprog(
        program.costs,
        A_ub=program.matrix,
        b_ub=program.sides,
        bounds=program.bounds,
        method="highs-ipm",
        options={"time_limit": seconds},
    )
    if solved.status != 0:
        return 0.0
    prices = np.maximum(0.0, -np.asarray(solved.ineqlin.marginals))
    left = program.costs + program.matrix.T @ prices
    return float(-prices @ program.sides + (np.minimum(left, 0.0) * program.most).sum())


def _weight(clause: Clause) -> int:
    return clause.weight or 0


def _alike(_clause: Clause) -> int:
    return 1


class Program:
    """Rows of `sum <= side`, one for each clause in order, with a column for each variable; built once, asked often."""

    def __init__(self, clauses: Sequence[Clause], price: "Callable[[Clause], int] | None" = None) -> None:
        """Write down the clauses; each may be exceeded at its price for each unit, unless that is 0."""
        from scipy.sparse import coo_array

        self._values, self._rows, self._columns = list[float](), list[int](), list[int]()
        self._sides, self._most = list[float](), list[float]()
        self._costs: dict[int, int] = {}
        self._place: dict[Variable, int] = {}
        for clause in clauses:
            self._row(clause.terms, clause.at_most)
            if price is not None and (cost := price(clause)):
                self._slack(clause, cost)
        self.clauses = len(self._sides)
        self._link()
        shape = (len(self._sides), len(self._most))
        self.matrix: Any = coo_array((self._values, (self._rows, self._columns)), shape=shape).tocsr()
        self.sides, self.most = np.array(self._sides, dtype=float), np.array(self._most, dtype=float)
        self.bounds = np.column_stack([np.zeros_like(self.most), self.most])
        self.costs = np.zeros(len(self._most))
        self.costs[list(self._costs)] = list(self._costs.values())

    def _row(self, terms: Sequence[tuple[int, Variable]], side: float) -> None:
        for weight, variable in terms:
            if variable not in self._place:
                self._place[variable] = len(self._most)
                self._most.append(variable.most if isinstance(variable, Books) else 1)
            self._entry(weight, self._place[variable])
        self._sides.append(side)

    def _entry(self, value: float, column: int) -> None:
        self._values.append(value)
        self._rows.append(len(self._sides))
        self._columns.append(column)

    def _slack(self, clause: Clause, cost: int) -> None:
        """Let the row just written be exceeded, by no more than its terms can."""
        self._sides.pop()
        largest = sum(max(0, weight) * (one.most if isinstance(one, Books) else 1) for weight, one in clause.terms)
        self._costs[len(self._most)] = cost
        self._entry(-clause.per, len(self._most))
        self._most.append(max(0.0, (largest - clause.at_most) / clause.per))
        self._sides.append(clause.at_most)

    def _link(self) -> None:
        """Say what a day's work and a weekend's are made of."""
        for variable in [one for one in self._place if isinstance(one, AnyOf)]:
            for day in variable.of:
                self._row([(1, day), (-1, variable)], 0)
        for variable in [one for one in self._place if isinstance(one, Works)]:
            parts = [(1, one) for one in variable.of]
            self._row([*parts, (-1, variable)], 0)
            self._row([*((-1, one) for _, one in parts), (1, variable)], 0)

    def conflicts(self, chosen: Sequence[int], seconds: float = 60.0) -> bool:
        """Tell whether no mixture of decisions meets the chosen clauses (by place); a time that ran out: False."""
        from scipy.optimize import linprog

        matrix, sides = self._of(chosen)
        if not self.most.size:
            return bool((sides < 0).any())
        cost, limit = np.zeros(len(self.most)), {"time_limit": max(0.01, seconds)}
        solved: Any = linprog(cost, A_ub=matrix, b_ub=sides, bounds=self.bounds, method="highs", options=limit)
        return solved.status == INFEASIBLE

    def certificate(self, chosen: Sequence[int], seconds: float = 60.0) -> list[int]:
        """Return those of the chosen clauses whose weighted sum is impossible by itself, few of them; empty if none.

        A corner of the polyhedron of such weights names a smallest linear conflict (Gleeson and Ryan, 1990)."""
        from scipy.optimize import linprog
        from scipy.sparse import eye_array, hstack

        matrix, sides = self._of(chosen)
        used = np.flatnonzero(np.diff(matrix.tocsc().indptr))
        turned, n = matrix[:, used].T, len(sides)
        rows: Any = hstack([-turned, -eye_array(len(used))]).tocsr()
        worth = np.concatenate([sides, self.most[used]])[None, :]
        effort = np.concatenate([np.ones(n), np.full(len(used), 1e-3)])
        solved: Any = linprog(
            effort,
            A_ub=rows,
            b_ub=np.zeros(len(used)),
            A_eq=worth,
            b_eq=[-1.0],
            bounds=(0, None),
            method="highs",
            options={"time_limit": max(0.01, seconds)},
        )
        if solved.status != 0:
            return []
        return [one for one, weight in zip(chosen, solved.x, strict=False) if weight > NOTHING]

    def _of(self, chosen: Sequence[int]) -> tuple[Any, Array]:
        rows = np.concatenate([np.asarray(chosen, dtype=int), np.arange(self.clauses, len(self.sides))])
        return self.matrix[rows], self.sides[rows]

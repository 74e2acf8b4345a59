"""Whether clauses conflict already as a linear program: a fast proof where counting shows that there are too few.

What does not belong here: conflicts that counting does not show (`conflict.py` asks the constraint solver).
"""

from collections.abc import Sequence
from typing import Any

from ml.rostering.clauses import AnyOf, Books, Clause, Variable, Works

INFEASIBLE = 2


def conflicts_linearly(clauses: Sequence[Clause]) -> bool:
    """Tell whether no mixture of decisions meets all clauses. False proves nothing."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    program = _Program()
    for clause in clauses:
        program.row([(float(weight), one) for weight, one in clause.terms], clause.at_most)
    program.link()
    if not program.bounds:
        return any(side < 0 for side in program.sides)
    shape = (len(program.sides), len(program.bounds))
    matrix: Any = coo_array((program.values, (program.rows, program.columns)), shape=shape).tocsr()
    solved: Any = linprog([0.0] * shape[1], A_ub=matrix, b_ub=program.sides, bounds=program.bounds, method="highs")
    return solved.status == INFEASIBLE


class _Program:
    """Rows of `sum <= side`, with a column for each variable."""

    def __init__(self) -> None:
        self.values, self.rows, self.columns, self.sides = list[float](), list[int](), list[int](), list[float]()
        self.bounds: list[tuple[int, int]] = []
        self._place: dict[Variable, int] = {}

    def row(self, terms: Sequence[tuple[float, Variable]], side: float) -> None:
        """Add a row."""
        for weight, variable in terms:
            if variable not in self._place:
                self._place[variable] = len(self.bounds)
                self.bounds.append((0, variable.most if isinstance(variable, Books) else 1))
            self.values.append(weight)
            self.rows.append(len(self.sides))
            self.columns.append(self._place[variable])
        self.sides.append(side)

    def link(self) -> None:
        """Say what a day's work and a weekend's are made of."""
        for variable in [one for one in self._place if isinstance(one, AnyOf)]:
            for day in variable.of:
                self.row([(1.0, day), (-1.0, variable)], 0)
        for variable in [one for one in self._place if isinstance(one, Works)]:
            parts = [(1.0, one) for one in variable.of]
            self.row([*parts, (-1.0, variable)], 0)
            self.row([*((-1.0, one) for _, one in parts), (1.0, variable)], 0)

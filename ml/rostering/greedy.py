"""A first roster, one duty at a time: each open need takes whoever makes the roster cheaper and breaks no hard rule.

It is seldom good, but there in a moment: a search that a busy machine starves still has something to start from and to
answer. What does not belong here: searching (`solving.py`).
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ml.rostering.clauses import AnyOf, Clause, Does, Variable, Works
from ml.rostering.problem import Problem
from ml.rostering.roster import Roster


def first_roster(
    problem: Problem, clauses: Sequence[Clause], deadline: float, start: Roster | None = None
) -> Roster | None:
    """Return a roster that keeps every hard clause; None where taking duties one by one does not lead to any.

    Duties of `start` are taken first, as far as each keeps the rules."""
    taken = _Taken(clauses)
    for (name, day), duty in sorted(start.duties.items(), key=lambda one: one[0][1]) if start else ():
        one = Does(name, day, duty)
        if not taken.breaks_hard(one):
            taken.add(one)
    for fixed in problem.fixed:
        is_new = (fixed.person, fixed.day) not in taken.duties
        if is_new and fixed.duty is not None and problem.person_by_name[fixed.person].may_ever_do(fixed.duty):
            taken.add(Does(fixed.person, fixed.day, fixed.duty))
    needs = sorted((one for one in problem.demand if one.nurses), key=lambda one: (one.day, -one.nurses))
    for need in needs:
        able = [Does(one.name, need.day, need.duty) for one in problem.staff if one.may_ever_do(need.duty)]
        for _ in range(need.nurses):
            free = [one for one in able if (one.person, one.day) not in taken.duties]
            if time.monotonic() >= deadline or not free:
                break
            cost, best = min(((taken.cost_of(one), place) for place, one in enumerate(free)))
            if cost >= 0:
                break
            taken.add(free[best])
    return taken.roster() if taken.keeps_hard_rules() else None


HARD = 10**12
"""What a hard clause counts for each unit that it is exceeded by: more than all soft ones together."""


class _Taken:
    """The duties taken so far, and what each clause's terms come to."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._clauses = [one for one in clauses if one.waiver is None]
        self._totals = [0] * len(self._clauses)
        self._in: dict[Variable, list[tuple[int, int]]] = defaultdict(list)
        self._weekends: dict[tuple[str, int], list[AnyOf]] = defaultdict(list)
        self._days: dict[tuple[str, int], Works] = {}
        self._true: set[Variable] = set()
        self.duties: dict[tuple[str, int], Does] = {}
        for place, clause in enumerate(self._clauses):
            for weight, variable in clause.terms:
                self._in[variable].append((place, weight))
        for variable in self._in:
            if isinstance(variable, Works):
                self._days[variable.person, variable.day] = variable
            elif isinstance(variable, AnyOf):
                for day in variable.of:
                    self._weekends[day.person, day.day].append(variable)

    def _becoming_true(self, one: Does) -> Iterable[Variable]:
        at = (one.person, one.day)
        yield one
        if at in self._days:
            yield self._days[at]
        yield from (weekend for weekend in self._weekends.get(at, ()) if weekend not in self._true)

    def _changes(self, one: Does) -> dict[int, int]:
        changes: dict[int, int] = defaultdict(int)
        for variable in self._becoming_true(one):
            for place, weight in self._in.get(variable, ()):
                changes[place] += weight
        return changes

    def cost_of(self, one: Does) -> int:
        """Return what taking a duty adds to the cost; less than 0 where it saves."""
        return sum(
            self._paid(place, self._totals[place] + change) - self._paid(place, self._totals[place])
            for place, change in self._changes(one).items()
        )

    def breaks_hard(self, one: Does) -> bool:
        """Tell whether taking a duty exceeds a hard clause by more than it is by now."""
        return any(
            change > 0 and clause.weight is None and self._totals[place] + change > clause.at_most
            for place, change in self._changes(one).items()
            for clause in (self._clauses[place],)
        )

    def _paid(self, place: int, total: int) -> int:
        clause = self._clauses[place]
        over = total - clause.at_most
        return 0 if over <= 0 else -(-over // clause.per) * (HARD if clause.weight is None else clause.weight)

    def add(self, one: Does) -> None:
        """Take a duty."""
        for place, change in self._changes(one).items():
            self._totals[place] += change
        self._true.update(self._becoming_true(one))
        self.duties[one.person, one.day] = one

    def keeps_hard_rules(self) -> bool:
        """Tell whether no hard clause is exceeded."""
        return not any(
            total > clause.at_most
            for clause, total in zip(self._clauses, self._totals, strict=True)
            if clause.weight is None
        )

    def roster(self) -> Roster:
        """Return the duties taken, as a roster without agency."""
        return Roster({at: one.duty for at, one in self.duties.items()})

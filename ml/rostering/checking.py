"""Judges a roster by its problem's rules: what it costs, and every rule that it breaks or leaves short.

It evaluates clauses and needs no solver, so that a roster made by hand is judged alike. What does not belong here: why
a wish had to give way (`giving_way.py`).
"""

from collections.abc import Iterable

from ml.rostering.clauses import Clause
from ml.rostering.problem import Problem
from ml.rostering.roster import Breach, Roster
from ml.rostering.rules import clauses_of


def breach_of(clause: Clause, roster: Roster) -> Breach | None:
    """Return how a roster exceeds a clause, None where it holds."""
    excess = -(-clause.excess(roster) // clause.per)
    if not excess:
        return None
    rule, is_hard = clause.rule, clause.weight is None
    cost = 0 if clause.weight is None else clause.weight * excess
    by = f"; short by {excess}" if excess > 1 else ""
    sentence = f"{rule.name} ({rule.source}): {clause.sentence}{by}"
    return Breach(
        rule.name, rule.kind, rule.source, is_hard, clause.person, clause.days, excess, cost, sentence, clause.waiver
    )


def breaches_of(clauses: Iterable[Clause], roster: Roster) -> list[Breach]:
    """Return every breach, in the order of the clauses; soft ones that cost nothing are left out."""
    found = (breach_of(clause, roster) for clause in clauses)
    return [one for one in found if one is not None and (one.is_hard or one.cost)]


def objective_of(breaches: Iterable[Breach]) -> int:
    """Return what a roster costs."""
    return sum(one.cost for one in breaches)


def check(problem: Problem, roster: Roster) -> list[Breach]:
    """Return every rule that a roster breaks (`is_hard`) or leaves short (with its cost); waived ones say by whom."""
    return breaches_of(clauses_of(problem), roster)

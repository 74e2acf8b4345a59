"""Judges a roster by its problem's rules: what it costs, and every rule that it breaks or leaves short.

It evaluates clauses and needs no solver, so that a roster made by hand is judged alike. What does not belong here: why
a wish had to give way (`giving_way.py`).
"""

from collections.abc import Iterable

from ml.rostering.clauses import Clause
from ml.rostering.problem import Problem
from ml.rostering.roster import Breach, Roster
from ml.rostering.rules import clauses_of

CREDENTIALS = "credentials"


def breach_of(clause: Clause, roster: Roster) -> Breach | None:
    """Return how a roster exceeds a clause, None where it holds."""
    return breach_by(clause, clause.excess(roster))


def breach_by(clause: Clause, over: int) -> Breach | None:
    """Return the breach of a clause that is exceeded by so much, None where that is nothing."""
    excess = -(-over // clause.per)
    if excess <= 0:
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


def strangers(problem: Problem, roster: Roster) -> list[Breach]:
    """Return the assignments that are no decision of the problem: a skill or a unit that the person does not have."""
    found: list[Breach] = []
    for (name, day), duty in roster.duties.items():
        person = problem.person_by_name.get(name)
        if person is None or not person.may_ever_do(duty):
            lacks = duty.skill if person is not None and duty.skill not in person.skills else f"a place on {duty.unit}"
            said = f"{name} does not have {lacks} ({duty.shift} on {problem.day_text(day)})"
            found.append(Breach(CREDENTIALS, "credentials", "law", True, name, (day,), 1, 0, f"{CREDENTIALS}: {said}"))
    return found


def check(problem: Problem, roster: Roster) -> list[Breach]:
    """Return every rule that a roster breaks (`is_hard`) or leaves short (with its cost); waived ones say by whom."""
    return [*strangers(problem, roster), *breaches_of(clauses_of(problem), roster)]

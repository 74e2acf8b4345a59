"""From a search to its answer: the roster judged anew, what gave way, fairness, exceptions that were made use of.

What does not belong here: the search (`solving.py`), its wording as JSON (`documents.py`).
"""

from collections.abc import Sequence

from ml.rostering.checking import breaches_of, objective_of
from ml.rostering.clauses import Clause
from ml.rostering.giving_way import gave_way
from ml.rostering.problem import Person, Problem
from ml.rostering.roster import FairShare, Roster, RosterAnswer, Status
from ml.rostering.rules_time import nights_of, weekends_of


def answer_of(
    problem: Problem, clauses: Sequence[Clause], status: Status, roster: Roster, bound: int, seconds: float
) -> RosterAnswer:
    """Return the answer about a roster; its cost is computed from the clauses, not taken from the solver."""
    breaches = breaches_of(clauses, roster)
    objective = objective_of(breaches)
    return RosterAnswer(
        status="optimal" if bound >= objective and status == "feasible" else status,
        objective=objective,
        bound=min(bound, objective),
        roster=roster,
        hard_violations=tuple(one for one in breaches if one.is_hard and one.waiver is None),
        gave_way=tuple(gave_way(problem, clauses, roster)),
        fairness=tuple(_share_of(problem, person, roster) for person in problem.staff),
        exceptions=tuple(one for one in breaches if one.is_hard and one.waiver is not None),
        seconds=seconds,
    )


def _share_of(problem: Problem, person: Person, roster: Roster) -> FairShare:
    days = {day: duty for (name, day), duty in roster.duties.items() if name == person.name}
    elsewhere = {one.day: one.is_night for one in person.work if 0 <= one.day < problem.days}
    nights = sum(1 for duty in days.values() if duty.shift in nights_of(problem)) + sum(elsewhere.values())
    weekends = sum(1 for weekend in weekends_of(problem) if any(day in days or day in elsewhere for day in weekend))
    refused = sum(
        1
        for one in filter(problem.is_wish, person.requests)
        if one.day not in elsewhere and _is_refused(one.shift, one.is_on, days.get(one.day))
    )
    before = person.carried
    return FairShare(
        person.name,
        nights,
        weekends,
        refused,
        before.nights + nights,
        before.weekends + weekends,
        before.refused + refused,
    )


def _is_refused(shift: str | None, is_on: bool, duty: object) -> bool:
    works = duty is not None and (shift is None or getattr(duty, "shift", None) == shift)
    return works != is_on

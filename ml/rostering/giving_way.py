"""Says of every wish and soft rule that was not met which rule it gave way to.

Each is granted by itself, all else kept: the rules that this would newly break, or leave shorter, stood in its way.
What does not belong here: finding the roster (`solving.py`).
"""

from collections import Counter
from collections.abc import Sequence

from ml.rostering.checking import breach_by, breach_of
from ml.rostering.clauses import Books, Clause, Does, Variable, decisions_in, value_of
from ml.rostering.problem import Duty, Problem
from ml.rostering.roster import Breach, GaveWay, Roster

NOBODY = "nobody has the skill and is free"
SEARCH_ENDED = "no rule: the search ended before it was tried"
MOST_TRIED = 20


class Neighbours:
    """The clauses by the decisions in them, so that one changed day is judged by what it touches."""

    def __init__(self, problem: Problem, clauses: Sequence[Clause], roster: Roster) -> None:
        """Index the clauses, and what of each is about a person's day; keep each one's total as it is."""
        self.problem, self.roster = problem, roster
        self._about: dict[tuple[str, int], list[tuple[Clause, int, list[tuple[int, Variable]]]]] = {}
        for clause in clauses:
            mine: dict[tuple[str, int], list[tuple[int, Variable]]] = {}
            for term in clause.terms:
                for key in dict.fromkeys((one.person, one.day) for one in decisions_in(term[1])):
                    mine.setdefault(key, []).append(term)
            total = clause.total(roster) if clause.waiver is None else 0
            for key, terms in mine.items() if clause.waiver is None else ():
                self._about.setdefault(key, []).append((clause, total, terms))

    def against(self, wanted: Does, duty_free: bool = False, instead_of: Books | None = None) -> list[Breach]:
        """Return what would be newly broken or shorter with `wanted` done (or that day free), agency sent home."""
        key, found = (wanted.person, wanted.day), list[Breach]()
        today = Roster(self._week(wanted), self.roster.agency)
        changed = Roster({at: duty for at, duty in today.duties.items() if at != key}, self.roster.agency)
        if not duty_free:
            changed = Roster({**changed.duties, key: wanted.duty}, self.roster.agency)
        for clause, total, terms in self._about.get(key, ()):
            now = total + sum(n * (value_of(one, changed) - value_of(one, today)) for n, one in terms)
            if instead_of is not None:
                now -= sum(n for n, one in clause.terms if isinstance(one, Books) and one == instead_of)
            breach = breach_by(clause, now - clause.at_most) if now > max(total, clause.at_most) else None
            if breach is not None and (breach.is_hard or breach.cost):
                found.append(breach)
        return sorted(found, key=lambda one: (not one.is_hard, -one.cost))

    def _week(self, wanted: Does) -> dict[tuple[str, int], Duty]:
        """Return what the person does around a day: all that a variable about that day looks at."""
        near = ((wanted.person, day) for day in range(wanted.day - 1, wanted.day + 2))
        return {at: self.roster.duties[at] for at in near if at in self.roster.duties}


def gave_way(problem: Problem, clauses: Sequence[Clause], roster: Roster) -> list[GaveWay]:
    """Return every soft clause that was not met, dearest first, with the rule that it gave way to."""
    neighbours, found = Neighbours(problem, clauses, roster), list[GaveWay]()
    for clause in clauses:
        breach = None if clause.weight is None else breach_of(clause, roster)
        if breach is not None and breach.cost:
            found.append(_explained(neighbours, clause, breach))
    return sorted(found, key=lambda one: -one.cost)


def _explained(neighbours: Neighbours, clause: Clause, breach: Breach) -> GaveWay:
    """Try what would mend the clause, one day of one person at a time, and name what that would break."""
    reasons, examples = Counter[str](), dict[str, str]()
    mends, booked = _mends(clause, neighbours), _booked(clause)
    for wanted, is_free in mends[:MOST_TRIED]:
        against = [one for one in neighbours.against(wanted, is_free, booked) if not _is_same(one, breach)]
        if against:
            reasons[against[0].rule] += 1
            examples.setdefault(against[0].rule, against[0].sentence)
    if not reasons:
        rule = SEARCH_ENDED if mends else NOBODY
        return GaveWay(breach.sentence, rule, breach.person, breach.days, breach.cost, rule)
    rule = reasons.most_common(1)[0][0]
    return GaveWay(breach.sentence, rule, breach.person, breach.days, breach.cost, examples[rule])


def _is_same(one: Breach, other: Breach) -> bool:
    return (one.rule, one.person, one.days, one.sentence) == (other.rule, other.person, other.days, other.sentence)


def _booked(clause: Clause) -> Books | None:
    """Return the agency booking that a clause asks to do without, None where it is about something else."""
    (weight, variable), *more = clause.terms or ((0, None),)
    return variable if isinstance(variable, Books) and weight > 0 and not more else None


def _mends(clause: Clause, neighbours: Neighbours) -> list[tuple[Does, bool]]:
    """Return the single changes that bring a clause nearer: a duty to take on, or (True) a day to free."""
    found: list[tuple[Does, bool]] = []
    roster, booked = neighbours.roster, _booked(clause)
    if booked is not None:
        able = [one.name for one in neighbours.problem.staff if one.may_ever_do(booked.duty)]
        working = {name for name in able if roster.duties.get((name, booked.day)) == booked.duty}
        return [(Does(name, booked.day, booked.duty), False) for name in able if name not in working]
    for weight, variable in clause.terms:
        for one in decisions_in(variable):
            does = roster.duties.get((one.person, one.day)) == one.duty
            if weight < 0 and not does:
                found.append((one, False))
            elif weight > 0 and does:
                found.append((one, True))
    return found

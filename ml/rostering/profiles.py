"""Which problems can be split by person, and each person's profile for `pricing.py`.

A problem can be where every rule that binds a person is one that the dynamic program knows, and all that binds persons
together is soft cover; the benchmark's problems are. What does not belong here: solving (`columns.py`).
"""

from collections.abc import Sequence
from math import gcd

import numpy as np

from ml.rostering.clauses import Clause, Does, Works
from ml.rostering.pricing import Array, Profile
from ml.rostering.problem import Kind, Person, Problem, Rule

KNOWN: frozenset[Kind] = frozenset(
    {
        "cover", "credentials", "leave", "requests", "succession", "rest", "hours", "shift_count",
        "consecutive_shifts", "days_off", "weekends", "fixed",
    }
)  # fmt: skip
MOST_CELLS = 60_000
"""Of one day's table; a person whose table would be larger is left to the constraint solver."""


def profiles_of(problem: Problem, clauses: Sequence[Clause]) -> list[Profile] | None:
    """Return a profile for each person, in order; None where the problem cannot be split."""
    is_plain = all(rule.kind in KNOWN and _is_plain(rule) for rule in problem.rules)
    if not is_plain or problem.waivers or problem.fixed or problem.guests:
        return None
    if any(person.work or person.known_days or person.skills_from for person in problem.staff):
        return None
    if any(one.under is None or one.over is None for one in problem.demand):
        return None
    if any(len(set(shift.minutes)) > 1 for shift in problem.shifts):
        return None
    mine: dict[str, list[Clause]] = {person.name: [] for person in problem.staff}
    for clause in clauses:
        if clause.person is not None:
            mine[clause.person].append(clause)
    found = [_profile(problem, person, mine[person.name]) for person in problem.staff]
    return [one for one in found if one is not None] if None not in found else None


def _is_plain(rule: Rule) -> bool:
    is_soft = rule.kind in ("cover", "requests")
    is_whole = not {"over", "days", "at_least", "max_in_row"} & rule.parameters.keys()
    return (rule.weight is not None) == is_soft and is_whole and not rule.words("units")


def _profile(problem: Problem, person: Person, clauses: Sequence[Clause]) -> Profile | None:
    place = {duty: number for number, duty in enumerate(problem.duties)}
    shape = (problem.days, len(place))
    cost, never, base = np.zeros(shape), np.zeros((len(place), len(place)), dtype=bool), 0.0
    allowed = np.array([[person.may_ever_do(duty) for duty in problem.duties]] * problem.days)
    for clause in clauses:
        singles = [(n, one) for n, many in clause.terms for one in (many.of if isinstance(many, Works) else (many,))]
        decisions = [(n, one) for n, one in singles if isinstance(one, Does)]
        if clause.weight is not None:
            for n, one in decisions:
                cost[one.day, place[one.duty]] += n * clause.weight
            base += clause.weight if clause.at_most < 0 else 0
        elif clause.at_most == 0 and clause.rule.kind in ("leave", "credentials"):
            for _, one in decisions:
                allowed[one.day, place[one.duty]] = False
        elif clause.rule.kind in ("succession", "rest"):
            first, then = min(one.day for _, one in decisions), max(one.day for _, one in decisions)
            if then - first > 1:
                return None
            for _, one in decisions:
                for _, other in decisions:
                    if one.day == first < then == other.day:
                        never[place[one.duty], place[other.duty]] = True
    return _bounded(problem, person, base, (cost, allowed, never))


def _bounded(problem: Problem, person: Person, base: float, tables: tuple[Array, Array, Array]) -> Profile | None:
    rules = [rule for rule in problem.rules if rule.concerns(person.name)]
    days, minutes = problem.days, [problem.shift_by_name[duty.shift].minutes[0] for duty in problem.duties]
    unit = gcd(*minutes)
    most = min([days * max(minutes), *_numbers(rules, "hours", "max_minutes")])
    least = max([0, *_numbers(rules, "hours", "min_minutes")])
    counts = [rule for rule in rules if rule.kind == "shift_count"]
    for rule in counts:
        if not rule.number("max"):
            for number, duty in enumerate(problem.duties):
                tables[1][:, number] &= duty.shift not in rule.words("shifts")
    limited = [rule for rule in counts if rule.number("max") and len(rule.words("shifts")) == 1]
    if len(limited) > 1 or len(limited) < sum(1 for rule in counts if rule.number("max")):
        return None
    names = [duty.shift for duty in problem.duties]
    at = names.index(limited[0].words("shifts")[0]) if limited and limited[0].words("shifts")[0] in names else None
    weekends = min([days, *_numbers(rules, "weekends", "max")], default=days)
    profile = Profile(
        base,
        *tables,
        tuple(length // unit for length in minutes),
        -(-least // unit),
        most // unit,
        min([days, *_numbers(rules, "consecutive_shifts", "max")]),
        max([1, *_numbers(rules, "consecutive_shifts", "min")]),
        max([1, *_numbers(rules, "days_off", "min")]),
        min(weekends, (days + 6) // 7),
        at,
        limited[0].number("max") or 0 if limited and at is not None else 0,
        problem.weekday(0),
    )
    cells = (profile.most_units + 1) * (profile.most_weekends + 1) * (profile.most_limited + 1)
    return profile if cells * (len(profile.states) + 1) * len(names) <= MOST_CELLS * 4 else None


def _numbers(rules: Sequence[Rule], kind: Kind, name: str) -> list[int]:
    found = [rule.number(name) for rule in rules if rule.kind == kind]
    return [one for one in found if one is not None]

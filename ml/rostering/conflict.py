"""When hard rules conflict: a smallest set of them that does, in plain words.

The solver names a set that suffices; deletion then takes out, first in blocks and then one by one, whatever the rest
conflicts without. Without any one member of what remains a roster would exist. What does not belong here: soft rules.
"""

import time
from collections.abc import Sequence
from typing import Any

from ml.rostering.clauses import Clause, decisions_in
from ml.rostering.model import Group, Model, build, group_of
from ml.rostering.relaxation import Program
from ml.rostering.roster import Reason

WORKERS = 2
ONE_TEST = 2.0
"""Seconds for one test of the deletion; where it takes longer, the member is kept and the set not called minimal."""
WIDTHS = (1, 2, 3, 5, 7, 14)
"""Days in a row that are looked at by themselves before the whole period is."""
COUNTING = 0.5
"""Of the time given, for looking for a conflict that counting shows."""
SENTENCES_SHOWN = 3


def explain(clauses: Sequence[Clause], seconds: float = 10.0, seed: int = 1) -> tuple[tuple[Reason, ...], bool]:
    """Return the members of a conflict, and whether none of them can be left out. Empty where none was proven."""
    started = time.monotonic()
    hard = [one for one in clauses if one.weight is None and one.waiver is None]
    facts = [one for one in hard if one.is_fact]
    few = _counted(hard, seconds * COUNTING)
    deletion = _Deletion(facts, started + seconds, seed)
    if few is not None:
        singles = deletion.minimal([[one] for one in few if not one.is_fact], one_by_one=True)
        return _reasons([one for group in singles for one in group]), deletion.is_minimal
    groups: dict[Group, list[Clause]] = {}
    for one in hard:
        if not one.is_fact:
            groups.setdefault(group_of(one), []).append(one)
    core = _first_core(hard, groups, (started + seconds - time.monotonic()) / 2, seed)
    if core is None:
        return (), False
    by_rule: dict[str, list[Group]] = {}
    for name in core:
        by_rule.setdefault(groups[name][0].rule.name, []).append(name)
    rules = deletion.minimal([[one for name in names for one in groups[name]] for names in by_rule.values()])
    left = {group_of(one) for rule in rules for one in rule}
    kept = deletion.minimal([groups[name] for name in core if name in left])
    singles = deletion.minimal([[one] for group in kept for one in group])
    return _reasons([one for group in singles for one in group]), deletion.is_minimal


def _counted(hard: Sequence[Clause], seconds: float) -> list[Clause] | None:
    """Return few clauses that conflict already by counting, of the fewest days in a row; None where none do.

    Most conflicts are of a day or two, and are found among few clauses long before they are among all."""
    deadline, program = time.monotonic() + seconds, Program(hard)
    within = _in_few_days(program, hard, time.monotonic() + seconds / 3) or range(len(hard))
    few = program.certificate(within, deadline - time.monotonic())
    for place in [one for one in few if not hard[one].is_fact]:
        rest = [one for one in few if one != place]
        if program.conflicts(rest, deadline - time.monotonic()):
            few = rest
    return [hard[one] for one in few] or None


def _in_few_days(program: Program, hard: Sequence[Clause], deadline: float) -> list[int] | None:
    """Return the places of the clauses of a few days that conflict by themselves; None where none do (in time)."""
    days = 1 + max((day for one in hard for day in one.days), default=-1)
    for width in WIDTHS:
        for start in range(0, max(1, days - width + 1), max(1, width // 2)):
            if time.monotonic() >= deadline:
                return None
            within = [
                place
                for place, one in enumerate(hard)
                if one.days and start <= max(one.days) and _is_within(one, start, width)
            ]
            if program.conflicts(within, deadline - time.monotonic()):
                return within
    return None


def _is_within(clause: Clause, start: int, width: int) -> bool:
    return all(day < 0 or start <= day < start + width for day in clause.days)


def _first_core(
    hard: Sequence[Clause], groups: dict[Group, list[Clause]], seconds: float, seed: int
) -> list[Group] | None:
    """Return the groups of a conflict that the solver found; None where it proved none in time."""
    from ortools.sat.python import cp_model

    model = build(hard, guarded=True, soft=False)
    model.cp.add_assumptions(list(model.guards.values()))
    solver = _solver(seconds, seed)
    solver.parameters.num_workers = 1  # cores are named by a single worker only
    if solver.solve(model.cp) != cp_model.INFEASIBLE:
        return list(groups) if _conflicts(hard, seconds, seed) else None
    named = set(solver.sufficient_assumptions_for_infeasibility())
    core = [group for group, guard in model.guards.items() if guard.index in named]
    return core or list(groups)


def _solver(seconds: float, seed: int) -> Any:
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.05, seconds)
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = WORKERS
    return solver


def _conflicts(clauses: Sequence[Clause], seconds: float, seed: int) -> bool:
    """Tell whether clauses are proven to conflict within a time."""
    from ortools.sat.python import cp_model

    model: Model = build(clauses, soft=False)
    return bool(_solver(seconds, seed).solve(model.cp) == cp_model.INFEASIBLE)


class _Deletion:
    """Takes out blocks of members for as long as the rest conflicts."""

    def __init__(self, facts: Sequence[Clause], deadline: float, seed: int) -> None:
        self._facts, self._deadline, self._seed = facts, deadline, seed
        self.is_minimal = True

    def minimal(self, members: list[list[Clause]], *, one_by_one: bool = False) -> list[list[Clause]]:
        """Return the members that the conflict needs; `one_by_one` where hardly any can be left out."""
        size, kept = 1 if one_by_one else max(1, len(members) // 2), members
        while True:
            at = 0
            while at < len(kept):
                rest = kept[:at] + kept[at + size :]
                if self._still(rest):
                    kept = rest
                else:
                    at += size
            if size == 1:
                return kept
            size //= 2

    def _still(self, members: list[list[Clause]]) -> bool:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.is_minimal = False
            return False
        started = time.monotonic()
        chosen = [one for member in members for one in member]
        clauses = [*_about(self._facts, chosen), *chosen]
        answer = _conflicts(clauses, min(left, ONE_TEST), self._seed)
        if not answer and time.monotonic() - started >= min(left, ONE_TEST) * 0.95:
            self.is_minimal = False
        return answer


def _about(facts: Sequence[Clause], chosen: Sequence[Clause]) -> list[Clause]:
    """Return the facts about the days of people that some clauses speak of: no others can matter."""
    spoken = {(one.person, one.day) for clause in chosen for _, many in clause.terms for one in decisions_in(many)}
    return [fact for fact in facts if any((fact.person, day) in spoken for day in fact.days)]


def _reasons(clauses: Sequence[Clause]) -> tuple[Reason, ...]:
    """Return one reason per rule and person, with the sentences of what it says here."""
    by_rule: dict[tuple[str, str, str | None], list[str]] = {}
    for one in clauses:
        said = by_rule.setdefault((one.rule.name, one.rule.source, one.person), [])
        if one.sentence not in said:
            said.append(one.sentence)
    return tuple(Reason(rule, source, person, _joined(said)) for (rule, source, person), said in by_rule.items())


def _joined(sentences: Sequence[str]) -> str:
    more = len(sentences) - SENTENCES_SHOWN
    return "; ".join(sentences[:SENTENCES_SHOWN]) + (f"; and {more} more like it" if more > 0 else "")

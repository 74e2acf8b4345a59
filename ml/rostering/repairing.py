"""Repairs a roster after an event with as few changes as there can be, and says which and why.

Three aims, each kept while the next is sought: nothing is left shorter than it was before the event; as few changes as
possible (an agency booking is one too); the lowest cost of wishes. What lies before the event is past and stays. What
does not belong here: what an event is (`events.py`), a roster from nothing (`solve.py`).
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from ml.rostering.answering import answer_of
from ml.rostering.clauses import Books, Clause, Does
from ml.rostering.events import Event, Sick, after, first_day_of
from ml.rostering.model import Model, build
from ml.rostering.problem import Duty, Kind, Problem
from ml.rostering.roster import Roster, RosterAnswer
from ml.rostering.rules import clauses_of

TOUCHED_BY_SICKNESS: frozenset[Kind] = frozenset({"leave", "part_time"})
"""The kinds of rules that read a person's leave."""
HARD_NEED = 100_000
"""What leaving a hard need one nurse shorter counts, beside the weights of soft needs."""
JUDGED = 1.2
"""How many times as long as writing the clauses took is kept back for judging and saying what was found."""
SEARCHED = 0.25
"""Of the time given, at least; a busy machine that spent all of it on writing clauses is given this much more."""
WORKERS = 2
"""The model is small: more workers than cores only wait for each other."""


@dataclass(frozen=True)
class Change:
    """One assignment that differs. `was` and `now` are None for a free day; `person` None is an agency booking."""

    person: str | None
    day: int
    was: Duty | None
    now: Duty | None
    why: str


@dataclass(frozen=True)
class RepairAnswer:
    """`changes` count the day off of who is sick too; `is_fewest` says whether fewer is proven impossible."""

    answer: RosterAnswer
    changes: tuple[Change, ...]
    is_fewest: bool
    still_short: tuple[str, ...]


def repair(
    problem: Problem,
    roster: Roster,
    events: Sequence[Event],
    seconds: float = 5.0,
    seed: int = 1,
    keep: frozenset[tuple[str, int]] = frozenset(),
) -> RepairAnswer:
    """Return the roster after some events, changed as little as possible; `keep` are person-days that must stay."""
    started = time.monotonic()
    changed = reduce(after, events, problem)
    left = _without_the_sick(roster, events)
    today = min(map(first_day_of, events), default=0)
    clauses = clauses_of(changed)
    before = _Before(problem, events, clauses, (roster, left))
    spent = time.monotonic() - started
    deadline = started + spent + max(seconds * SEARCHED, seconds - (1 + JUDGED) * spent)
    plan = _Plan(before, clauses, left, (today, keep, _sick_days(events)))
    found, is_fewest = plan.solve(deadline, seed)
    answer = answer_of(changed, clauses, "feasible", found, 0, time.monotonic() - started)
    short = tuple(one.sentence for one in clauses if _is_need(one) and plan.before.is_shorter(one, found))
    return RepairAnswer(replace(answer, bound=0), changes_of(roster, found, events), is_fewest, short)


def _sick_days(events: Iterable[Event]) -> frozenset[tuple[str, int]]:
    return frozenset((event.person, day) for event in events if isinstance(event, Sick) for day in event.days)


def _without_the_sick(roster: Roster, events: Iterable[Event]) -> Roster:
    gone = _sick_days(events)
    return Roster({at: duty for at, duty in roster.duties.items() if at not in gone}, roster.agency)


def _is_need(clause: Clause) -> bool:
    """Tell a clause that asks for people together (cover, skill mix, supervision, breaks)."""
    return clause.person is None and any(weight < 0 for weight, _ in clause.terms)


class _Before:
    """How short the roster was of each clause before the event, so that a repair answers for the event alone."""

    def __init__(
        self, problem: Problem, events: Sequence[Event], now: Iterable[Clause], rosters: tuple[Roster, Roster]
    ) -> None:
        """Judge the roster as it was; only what events may have changed is written down anew as it was before."""
        roster, self._left = rosters
        touched = TOUCHED_BY_SICKNESS if all(_leaves_work(problem, one) for one in events) else None
        kept = [one for one in now if touched is not None and one.rule.kind not in touched]
        self._short = {_key(one): one.excess(roster) for one in (*kept, *clauses_of(problem, touched))}

    def excess(self, clause: Clause) -> int:
        """Return by how much the clause was exceeded; of a person's rule, also by what the sick leave behind."""
        before = self._short.get(_key(clause), 0)
        return before if _is_need(clause) else max(before, clause.excess(self._left))

    def is_shorter(self, clause: Clause, roster: Roster) -> bool:
        """Tell whether a clause is exceeded by more than before."""
        return clause.excess(roster) > self.excess(clause)


def _leaves_work(problem: Problem, event: Event) -> bool:
    """Tell whether an event is a sickness that takes nobody from a duty on another unit."""
    return isinstance(event, Sick) and not event.days & problem.person_by_name[event.person].work_on.keys()


def _key(clause: Clause) -> tuple[object, ...]:
    return clause.rule.name, clause.person, clause.days, clause.terms


class _Plan:
    """The model of a repair: decisions before `today`, kept ones and the sick's are settled."""

    def __init__(
        self,
        before: _Before,
        clauses: Sequence[Clause],
        left: Roster,
        settled: tuple[int, frozenset[tuple[str, int]], frozenset[tuple[str, int]]],
    ) -> None:
        self.before, self._left = before, left
        self._clauses, self._settled = clauses, settled
        self._bearable = [
            replace(one, at_most=one.at_most + before.excess(one))
            for one in clauses
            if one.weight is None and not _is_need(one)
        ]
        self._needs = [one for one in clauses if _is_need(one) and one.waiver is None and one.weight != 0]
        self._start(with_wishes=False)

    def _start(self, *, with_wishes: bool) -> None:
        """Make the model anew: without the wishes it is small, and finds the fewest changes fast."""
        soft = [one for one in self._clauses if one.weight is not None and with_wishes]
        self.model: Model = build([*self._bearable, *soft])
        for need in self._needs:
            for _, variable in need.terms:
                self.model.variable(variable)
        for person_day in self._left.duties:
            self.model.variable(Does(*person_day, self._left.duties[person_day]))
        self.shortage = self._shortages(self._needs)
        self.changes = self._count_changes(self._settled)

    def _shortages(self, needs: Iterable[Clause]) -> Any:
        total: list[Any] = []
        for need in needs:
            limit, cp = need.at_most + self.before.excess(need), self.model.cp
            slack = cp.new_int_var(0, 1_000_000, "")
            cp.add(self.model.total(need.terms) - slack <= limit)
            total.append(slack * (HARD_NEED if need.weight is None else need.weight))
        return sum(total)

    def _count_changes(self, settled: tuple[int, frozenset[tuple[str, int]], frozenset[tuple[str, int]]]) -> Any:
        today, keep, sick = settled
        total: list[Any] = []
        by_day: dict[tuple[str, int], list[Does]] = {}
        for one in [*self.model.variables]:
            if isinstance(one, Books):
                total.append(self._more_agency(one, today))
            elif isinstance(one, Does):
                by_day.setdefault((one.person, one.day), []).append(one)
        for at, decisions in by_day.items():
            changed = self._is_changed(at, decisions)
            if at[1] < today or at in keep or at in sick:
                self.model.cp.add(changed == 0)
            total.append(changed)
        return sum(total)

    def _is_changed(self, at: tuple[str, int], decisions: Iterable[Does]) -> Any:
        was = self._left.duties.get(at)
        if was is None:
            return sum(self.model.variable(one) for one in decisions)
        return 1 - sum(self.model.variable(one) for one in decisions if one.duty == was)

    def _more_agency(self, books: Books, today: int) -> Any:
        booked, variable = self._left.agency.get((books.day, books.duty), 0), self.model.variable(books)
        if books.day < today:
            self.model.cp.add(variable == booked)
        more = self.model.cp.new_int_var(0, books.most, "")
        self.model.cp.add(more >= variable - booked)
        self.model.cp.add(more >= booked - variable)
        return more

    def solve(self, deadline: float, seed: int) -> tuple[Roster, bool]:
        """Return the roster, and whether its number of changes is proven to be the fewest."""
        self.model.hint(self._left)
        short, best, proven = self._minimise(self.shortage, deadline, 0.4, seed)
        if best is None:
            return self._left, False
        self.model.cp.add(self.shortage <= short)
        self.model.hint(best)
        fewest, found, is_fewest = self._minimise(self.changes, deadline, 0.7, seed)
        best, proven = found or best, proven and is_fewest
        self._start(with_wishes=True)
        self.model.cp.add(self.shortage <= short)
        if found is not None:
            self.model.cp.add(self.changes <= fewest)
        self.model.hint(best)
        return self._minimise(self.model.cost(), deadline, 1.0, seed)[1] or best, proven

    def _minimise(self, aim: Any, deadline: float, part: float, seed: int) -> tuple[int, Roster | None, bool]:
        """Return the least of an aim that a part of the time left finds, its roster, and whether it is proven."""
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = max(0.1, (deadline - time.monotonic()) * part)
        solver.parameters.random_seed, solver.parameters.num_workers = seed, WORKERS
        self.model.cp.minimize(aim)
        status = solver.solve(self.model.cp)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return 0, None, False
        return round(solver.objective_value), self.model.roster(solver.value), status == cp_model.OPTIMAL


def changes_of(was: Roster, now: Roster, events: Sequence[Event]) -> tuple[Change, ...]:
    """Return what differs between two rosters, each with why, as far as some events explain it."""
    found: list[Change] = []
    sick, wanted = _sick_days(events), _wanted(was, events)
    for at in sorted({*was.duties, *now.duties}, key=lambda one: (one[1], one[0])):
        before, then = was.duties.get(at), now.duties.get(at)
        if before != then:
            found.append(Change(at[0], at[1], before, then, _why(at, then, sick, wanted)))
    for day, duty in sorted({*was.agency, *now.agency}, key=str):
        more = now.agency.get((day, duty), 0) - was.agency.get((day, duty), 0)
        if more:
            found.append(Change(None, day, None, duty, f"{more:+d} from the agency: nobody else can, or fewer change"))
    return tuple(found)


def _wanted(was: Roster, events: Iterable[Event]) -> dict[tuple[int, Duty], str]:
    """Return the duties that the events left open, with who did them or what they are for."""
    open_duties: dict[tuple[int, Duty], str] = {}
    for event in events:
        if not isinstance(event, Sick):
            open_duties[event.day, event.duty] = str(event)
            continue
        for day in event.days:
            duty = was.duties.get((event.person, day))
            if duty is not None:
                open_duties[day, duty] = f"{event.person} is sick"
    return open_duties


def _why(
    at: tuple[str, int],
    now: Duty | None,
    sick: frozenset[tuple[str, int]],
    wanted: dict[tuple[int, Duty], str],
) -> str:
    if at in sick:
        return f"{at[0]} is sick"
    if now is not None and (at[1], now) in wanted:
        return f"takes over: {wanted[at[1], now]}"
    return "makes room for the others' changes" if now is None else "fills in for who takes over elsewhere"

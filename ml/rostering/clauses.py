"""Rules as linear clauses over yes/no decisions: one encoding that the solver obeys and the check evaluates.

A clause says `sum(coefficient * variable) <= at_most`; a soft one may be exceeded at a cost per unit. What does not
belong here: what a kind of rule means (`rules.py`), the solver (`model.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ml.rostering.problem import Duty, Person, Problem, Rule, Waiver, Work
from ml.rostering.roster import Roster


@dataclass(frozen=True)
class Does:
    """The decision that a person does a duty on a day."""

    person: str
    day: int
    duty: Duty

    def __hash__(self) -> int:
        """Leave the unit and the skill out: they rarely tell two decisions apart, and hashing them is slow."""
        return hash((self.person, self.day, self.duty.shift))


@dataclass(frozen=True)
class Books:
    """The decision how many agency nurses are booked for a duty on a day, up to `most`."""

    day: int
    duty: Duty
    most: int


@dataclass(frozen=True)
class Works:
    """Whether a person works on a day at all: one of its decisions is taken, and no more than one can be."""

    person: str
    day: int
    of: tuple[Does, ...] = field(compare=False)  # follows from the person and the day; hashing it is slow


@dataclass(frozen=True)
class AnyOf:
    """Whether a person works on at least one of some days."""

    of: tuple[Works, ...]


Variable = Does | Books | Works | AnyOf


@dataclass
class Sum:
    """A linear expression being built: terms and a constant."""

    terms: dict[Variable, int] = field(default_factory=dict[Variable, int])
    constant: int = 0

    def add(self, variables: "Iterable[Variable] | Sum", coefficient: int = 1) -> "Sum":
        """Add variables, or another sum, times a coefficient; returns itself."""
        if isinstance(variables, Sum):
            for variable, weight in variables.terms.items():
                self.terms[variable] = self.terms.get(variable, 0) + coefficient * weight
            self.constant += coefficient * variables.constant
        else:
            for variable in variables:
                self.terms[variable] = self.terms.get(variable, 0) + coefficient
        return self


@dataclass(frozen=True)
class Clause:
    """`terms` at most `at_most`; `weight` None is hard, else the cost of every started `per` of excess (minutes of an
    hour, say). `is_fact` cannot be argued with: nobody has a skill that they lack."""

    rule: Rule
    terms: tuple[tuple[int, Variable], ...]
    at_most: int
    weight: int | None
    person: str | None
    days: tuple[int, ...]
    sentence: str
    per: int = 1
    is_fact: bool = False
    waiver: Waiver | None = None

    def excess(self, roster: Roster) -> int:
        """Return by how much a roster exceeds the clause; 0 where it holds."""
        return max(0, self.total(roster) - self.at_most)

    def total(self, roster: Roster) -> int:
        """Return what a roster makes of the terms."""
        return sum(weight * value_of(variable, roster) for weight, variable in self.terms)


def value_of(variable: Variable, roster: Roster) -> int:
    """Return what a roster decides."""
    if isinstance(variable, Does):
        return int(roster.duties.get((variable.person, variable.day)) == variable.duty)
    if isinstance(variable, Books):
        return roster.agency.get((variable.day, variable.duty), 0)
    if isinstance(variable, Works):
        return int(roster.duties.get((variable.person, variable.day)) is not None)
    return int(any(value_of(one, roster) for one in variable.of))


def decisions_in(variable: Variable) -> "Iterable[Does]":
    """Give the single decisions that a variable is made of."""
    if isinstance(variable, Does):
        yield variable
    elif isinstance(variable, Works):
        yield from variable.of
    elif isinstance(variable, AnyOf):
        yield from (one for day in variable.of for one in day.of)


class Writer:
    """Takes clauses from the rules; knows the decisions that there are, and which clauses somebody waived."""

    def __init__(self, problem: Problem) -> None:
        """Prepare the decisions of a problem."""
        self.problem = problem
        self.clauses: list[Clause] = []
        self._waivers: Mapping[tuple[str, str], list[Waiver]] = _by_rule_and_person(problem)
        self._does = {
            (person.name, day): tuple(
                Does(person.name, day, duty) for duty in problem.duties if person.may_ever_do(duty)
            )
            for person in problem.staff
            for day in range(problem.days)
        }

    def does(self, person: str, day: int, shifts: "frozenset[str] | None" = None) -> Sum:
        """Return whether a person works (one of `shifts`) on a day: decided, or settled already."""
        settled = self.settled(person, day)
        if day < 0 or settled:
            return Sum(constant=int(any(shifts is None or one.shift in shifts for one in settled)))
        return self._decided(person, day, shifts)

    def nights(self, person: str, day: int, *, are: bool = True) -> Sum:
        """Return whether a person works a night on a day; with `are` False, whether any other shift."""
        settled = self.settled(person, day)
        if day < 0 or settled:
            return Sum(constant=int(any(one.is_night is are for one in settled)))
        return self._decided(person, day, frozenset(one.name for one in self.problem.shifts if one.is_night is are))

    def settled(self, person: str, day: int) -> tuple[Work, ...]:
        """Return the work of a person on a day that is no decision: what came before, and what is on another unit."""
        return self.problem.person_by_name[person].work_on.get(day, ())

    def _decided(self, person: str, day: int, shifts: "frozenset[str] | None") -> Sum:
        decisions = self._does.get((person, day), ())
        chosen = [one for one in decisions if shifts is None or one.duty.shift in shifts]
        is_any = len(chosen) == len(decisions) > 1
        return Sum().add([Works(person, day, decisions)] if is_any else chosen)

    def guests(self, day: int, duties: Iterable[Duty]) -> Sum:
        """Return how many of other units do one of some duties on a day already."""
        return Sum(constant=sum(self.problem.guests.get((day, duty), 0) for duty in duties))

    def works(self, person: str, day: int) -> Works:
        """Return whether a person works on a day of the period."""
        return Works(person, day, self._does[person, day])

    def decisions(self, person: str, day: int) -> tuple[Does, ...]:
        """Return the decisions about a person on a day."""
        return self._does[person, day]

    def on_duty(self, day: int, duties: Iterable[Duty], people: "Iterable[Person] | None" = None) -> Sum:
        """Return how many (of `people`) do one of some duties on a day."""
        chosen = self.problem.staff if people is None else people
        wanted = tuple(duties)
        return Sum().add(
            Does(person.name, day, duty) for person in chosen for duty in wanted if person.may_ever_do(duty)
        )

    def at_most(
        self,
        rule: Rule,
        total: Sum,
        most: int,
        sentence: str,
        *,
        person: str | None = None,
        days: Iterable[int] = (),
        weight: int | None = None,
        per: int = 1,
        is_fact: bool = False,
    ) -> None:
        """Write down `total <= most`; a clause that always holds is left out."""
        terms = tuple((weight, variable) for variable, weight in total.terms.items() if weight)
        if sum(_largest(coefficient, variable) for coefficient, variable in terms) + total.constant <= most:
            return
        about = tuple(sorted(set(days)))
        cost = rule.weight if weight is None else weight
        waiver = self._waiver(rule.name, person, about)
        limit = most - total.constant
        self.clauses.append(Clause(rule, terms, limit, cost, person, about, sentence, per, is_fact, waiver))

    def at_least(
        self,
        rule: Rule,
        total: Sum,
        least: int,
        sentence: str,
        *,
        person: str | None = None,
        days: Iterable[int] = (),
        weight: int | None = None,
        per: int = 1,
    ) -> None:
        """Write down `total >= least`."""
        negative = Sum().add(total, -1)
        self.at_most(rule, negative, -least, sentence, person=person, days=days, weight=weight, per=per)

    def _waiver(self, rule: str, person: str | None, days: tuple[int, ...]) -> Waiver | None:
        if person is None:
            return None
        return next((one for one in self._waivers.get((rule, person), ()) if one.day in days), None)


def _largest(coefficient: int, variable: Variable) -> int:
    return max(0, coefficient) * (variable.most if isinstance(variable, Books) else 1)


def _by_rule_and_person(problem: Problem) -> dict[tuple[str, str], list[Waiver]]:
    found: dict[tuple[str, str], list[Waiver]] = {}
    for one in problem.waivers:
        found.setdefault((one.rule, one.person), []).append(one)
    return found

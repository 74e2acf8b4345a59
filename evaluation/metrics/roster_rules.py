"""Hard rules of a roster, judged from plain assignments: which are broken, by whom, when.

It shares no code with the solver or with `ml/rostering`: it walks over each person's days and instants, where the
solver evaluates linear clauses. A hard rule of a kind that it does not know, or with a number that it does not, is an
error, so that nothing passes unjudged. What does not belong here: what a roster is worth (``roster``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from evaluation.metrics.sample import MetricInputError

Parameters = Mapping[str, Any]
SATURDAY = 5
WEEK, PERIOD = "week", "period"


@dataclass(frozen=True, slots=True)
class Duty:
    """One person's work on one local day. Instants carry a zone; `is_night` as the site defines its nights."""

    person: str
    date: dt.date
    unit: str
    shift: str
    skill: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    is_night: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """What a person may do, and when they are away.

    ``until`` is the last day on which a skill's credential holds, for those that end; ``most_hours`` what the contract
    allows in a calendar week, h."""

    name: str
    skills: frozenset[str]
    units: frozenset[str]
    away: frozenset[dt.date] = frozenset()
    until: Mapping[str, dt.date] = field(default_factory=dict[str, dt.date])
    most_hours: float | None = None


@dataclass(frozen=True, slots=True)
class HardRule:
    """A rule that must never be broken: its kind, and its numbers as its owner wrote them."""

    name: str
    kind: str
    parameters: Parameters


def broken_rules(
    duties: Iterable[Duty], history: Iterable[Duty], staff: Iterable[Staff], rules: Iterable[HardRule]
) -> list[str]:
    """One sentence for each time that a hard rule is broken by `duties`; `history` is what came before them.

    Raises ``MetricInputError`` for a kind of rule, or a parameter of one, that it cannot judge.
    """
    known, wanted = {one.name: one for one in staff}, list(rules)
    _require_judges(wanted)
    now, before = _by_person(duties), _by_person(history)
    found: list[str] = []
    for person, mine in now.items():
        found += [f"{person}: {one}" for one in _may_not(mine, known.get(person))]
        for rule in wanted:
            said = JUDGES[rule.kind].judge(mine, before.get(person, []), _own(rule, known.get(person)))
            found += [f"{person}: {rule.name}: {one}" for one in said]
    return found


def _require_judges(rules: Sequence[HardRule]) -> None:
    if strange := sorted({one.kind for one in rules} - set(JUDGES)):
        raise MetricInputError(
            f"hard rules of kind {', '.join(strange)} cannot be judged here; write a judge for them."
        )
    for rule in rules:
        judge = JUDGES[rule.kind]
        if strange := sorted(set(rule.parameters) - judge.needs - judge.takes):
            raise MetricInputError(
                f"{rule.name}: {', '.join(strange)} of a hard rule of kind {rule.kind} cannot be judged here; it takes "
                f"{', '.join(sorted(judge.needs | judge.takes))}. Extend its judge, or take the parameter out."
            )
        if missing := sorted(judge.needs - set(rule.parameters)):
            raise MetricInputError(f"{rule.name}: a hard rule of kind {rule.kind} needs {', '.join(missing)}; add it.")
        if (over := rule.parameters.get("over", PERIOD)) not in (WEEK, PERIOD):
            raise MetricInputError(f"{rule.name}: over is {over!r}; expected {WEEK} or {PERIOD}.")
        if rule.parameters.get("bound", "max") != "max":
            raise MetricInputError(
                f"{rule.name}: the least hours of a contract cannot be judged here; weigh it instead."
            )


def _own(rule: HardRule, person: Staff | None) -> Parameters:
    """A rule's numbers; of one about contracts, the person's own."""
    return {**rule.parameters, "most_hours": person.most_hours if person else None}


def _by_person(duties: Iterable[Duty]) -> dict[str, list[Duty]]:
    found: dict[str, list[Duty]] = defaultdict(list)
    for one in duties:
        found[one.person].append(one)
    return {person: sorted(mine, key=lambda one: one.starts_at) for person, mine in found.items()}


def _may_not(mine: Sequence[Duty], person: Staff | None) -> list[str]:
    """What holds without being asked: a known person, one duty a day, in a skill and on a unit of theirs, not away."""
    if person is None:
        return [f"is nobody who is known, on {one.date}" for one in mine]
    found = [f"two duties on {one.date}" for one, other in pairwise(mine) if one.date == other.date]
    for one in mine:
        if one.skill not in person.skills:
            found.append(f"does not have {one.skill}, on {one.date}")
        elif one.date > person.until.get(one.skill, one.date):
            found.append(f"has no valid {one.skill} any more, on {one.date}")
        if one.unit not in person.units:
            found.append(f"does not belong to {one.unit}, on {one.date}")
        if one.date in person.away:
            found.append(f"is away on {one.date}")
    return found


def _rest(mine: Sequence[Duty], before: Sequence[Duty], parameters: Parameters) -> list[str]:
    least, first = dt.timedelta(hours=parameters["min_hours"]), mine[0].starts_at
    every = [*[one for one in before if one.starts_at < first], *mine]
    return [
        f"{(after.starts_at - one.ends_at) / dt.timedelta(hours=1):g} h of rest before {after.date}"
        for one, after in pairwise(every)
        if after.starts_at - one.ends_at < least and after.starts_at >= first
    ]


def _hours(mine: Sequence[Duty], before: Sequence[Duty], parameters: Parameters) -> list[str]:
    """Hours of a week, or of any days in a row, with what was worked of them before; else of all that was made."""
    most = dt.timedelta(hours=parameters["max_hours"])
    if parameters.get("over") == WEEK:
        weeks = {one.date - dt.timedelta(days=one.date.weekday()) for one in mine}
        spans = [(f"week {start.isocalendar()[:2]}", start, start + dt.timedelta(days=6)) for start in sorted(weeks)]
    elif days := parameters.get("days"):
        ends = [mine[0].date + dt.timedelta(days=n) for n in range((mine[-1].date - mine[0].date).days + 1)]
        spans = [(f"{days} days to {end}", end - dt.timedelta(days=days - 1), end) for end in ends]
    else:
        spans, before = [("the period", mine[0].date, mine[-1].date)], ()
    found: list[str] = []
    for name, first, last in spans:
        within = [one for one in (*before, *mine) if first <= one.date <= last]
        total = sum((one.ends_at - one.starts_at for one in within), dt.timedelta())
        if total > most and any(one in within for one in mine):
            found.append(f"{total / dt.timedelta(hours=1):g} h in {name}")
    return found


def _contract_hours(mine: Sequence[Duty], before: Sequence[Duty], parameters: Parameters) -> list[str]:
    if parameters["most_hours"] is None:
        return []
    return _hours(mine, before, {"max_hours": parameters["most_hours"], "over": "week"})


def _in_a_row(mine: Sequence[Duty], before: Sequence[Duty], most: float, *, nights: bool) -> list[str]:
    counted = {one.date for one in (*before, *mine) if one.is_night or not nights}
    what = "nights" if nights else "days"
    found: list[str] = []
    for day in sorted({one.date for one in mine}):
        run = 0
        while day - dt.timedelta(days=run) in counted:
            run += 1
        if run > most:
            found.append(f"{run} {what} in a row on {day}")
    return found


def _days_in_a_row(mine: Sequence[Duty], before: Sequence[Duty], parameters: Parameters) -> list[str]:
    return _in_a_row(mine, before, parameters["max"], nights=False)


def _nights_in_a_row(mine: Sequence[Duty], before: Sequence[Duty], parameters: Parameters) -> list[str]:
    return _in_a_row(mine, before, parameters["max"], nights=True)


def _weekends(mine: Sequence[Duty], _before: Sequence[Duty], parameters: Parameters) -> list[str]:
    worked = {one.date.isocalendar()[:2] for one in mine if one.date.weekday() >= SATURDAY}
    return [f"{len(worked)} weekends"] if len(worked) > parameters["max"] else []


@dataclass(frozen=True, slots=True)
class _Judge:
    """Who judges a kind of rule, the parameters that it needs, and those that it may have as well."""

    judge: Callable[[Sequence[Duty], Sequence[Duty], Parameters], list[str]]
    needs: frozenset[str]
    takes: frozenset[str] = frozenset()


MAX = frozenset({"max"})
JUDGES: Mapping[str, _Judge] = {
    "rest": _Judge(_rest, frozenset({"min_hours"})),
    "hours": _Judge(_hours, frozenset({"max_hours"}), frozenset({"over", "days"})),
    "contract_hours": _Judge(_contract_hours, frozenset({"bound"})),
    "consecutive_shifts": _Judge(_days_in_a_row, MAX),
    "consecutive_nights": _Judge(_nights_in_a_row, MAX),
    "weekends": _Judge(_weekends, MAX),
}

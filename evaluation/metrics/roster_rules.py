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

    ``since`` and ``until`` are the first and last day on which a skill's credential holds, for those that have one;
    ``most_hours`` what the contract allows in a calendar week, h; ``weeks`` the same of single weeks, by their Monday,
    where a contract begins, ends or is renewed within them (None: nothing)."""

    name: str
    skills: frozenset[str]
    units: frozenset[str]
    away: frozenset[dt.date] = frozenset()
    until: Mapping[str, dt.date] = field(default_factory=dict[str, dt.date])
    most_hours: float | None = None
    since: Mapping[str, dt.date] = field(default_factory=dict[str, dt.date])
    weeks: Mapping[dt.date, float | None] = field(default_factory=dict[dt.date, float | None])


@dataclass(frozen=True, slots=True)
class HardRule:
    """A rule that must never be broken: its kind, and its numbers as its owner wrote them."""

    name: str
    kind: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Known:
    """A person's work that is not judged but counts: what came ``before``, what is ``elsewhere`` beside it, and what is
    known to come ``after``. Several duties of a day count, each as long as it was."""

    before: Sequence[Duty] = ()
    elsewhere: Sequence[Duty] = ()
    after: Sequence[Duty] = ()

    @property
    def all(self) -> list[Duty]:
        return [*self.before, *self.elsewhere, *self.after]


def broken_rules(
    duties: Iterable[Duty],
    history: Iterable[Duty],
    staff: Iterable[Staff],
    rules: Iterable[HardRule],
    elsewhere: Iterable[Duty] = (),
    after: Iterable[Duty] = (),
) -> list[str]:
    """One sentence for each time that a hard rule is broken by `duties`; `history` is what came before them,
    `elsewhere` what the same people do on other units meanwhile, and `after` what they are known to do then. All
    count, and none is judged by itself.

    Raises ``MetricInputError`` for a kind of rule, or a parameter of one, that it cannot judge.
    """
    known, wanted = {one.name: one for one in staff}, list(rules)
    _require_judges(wanted)
    now, before, beside, later = (_by_person(of) for of in (duties, history, elsewhere, after))
    found: list[str] = []
    for person, mine in now.items():
        settled = Known(before.get(person, ()), beside.get(person, ()), later.get(person, ()))
        found += [f"{person}: {one}" for one in _may_not(mine, known.get(person), settled)]
        for rule in wanted:
            said = JUDGES[rule.kind].judge(mine, settled, _own(rule, known.get(person)))
            found += [f"{person}: {rule.name}: {one}" for one in said]
    return found


def _require_judges(rules: Sequence[HardRule]) -> None:
    if strange := sorted({one.kind for one in rules} - set(JUDGES)):
        raise MetricInputError(
            f"hard rules of kind {', '.join(strange)} cannot be judged here; write a judge for them."
        )
    for rule in rules:
        judge = JUDGES[rule.kind]
        known = judge.needs | judge.takes | judge.any_of
        if strange := sorted(set(rule.parameters) - known):
            raise MetricInputError(
                f"{rule.name}: {', '.join(strange)} of a hard rule of kind {rule.kind} cannot be judged here; it takes "
                f"{', '.join(sorted(known))}. Extend its judge, or take the parameter out."
            )
        if judge.any_of and not judge.any_of & set(rule.parameters):
            asked = " or ".join(sorted(judge.any_of))
            raise MetricInputError(f"{rule.name}: a hard rule of kind {rule.kind} needs {asked}; add it.")
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
    if person is None:
        return {**rule.parameters, "most_hours": None, "weeks": {}}
    return {**rule.parameters, "most_hours": person.most_hours, "weeks": person.weeks}


def _by_person(duties: Iterable[Duty]) -> dict[str, list[Duty]]:
    found: dict[str, list[Duty]] = defaultdict(list)
    for one in duties:
        found[one.person].append(one)
    return {person: sorted(mine, key=lambda one: one.starts_at) for person, mine in found.items()}


def _may_not(mine: Sequence[Duty], person: Staff | None, settled: Known) -> list[str]:
    """What holds without being asked: a known person, one duty a day, in a skill and on a unit of theirs, not away, and
    none on another unit that day."""
    if person is None:
        return [f"is nobody who is known, on {one.date}" for one in mine]
    taken = {one.date: one.unit for one in settled.elsewhere}
    found = [f"two duties on {one.date}" for one, other in pairwise(mine) if one.date == other.date]
    found += [f"works on {taken[one.date]} on {one.date} already" for one in mine if one.date in taken]
    for one in mine:
        if one.skill not in person.skills:
            found.append(f"does not have {one.skill}, on {one.date}")
        elif one.date > person.until.get(one.skill, one.date):
            found.append(f"has no valid {one.skill} any more, on {one.date}")
        elif one.date < person.since.get(one.skill, one.date):
            found.append(f"has no valid {one.skill} yet, on {one.date}")
        if one.unit not in person.units:
            found.append(f"does not belong to {one.unit}, on {one.date}")
        if one.date in person.away:
            found.append(f"is away on {one.date}")
    return found


def _rest(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    """Rest between one duty and the next, of which one at least is judged."""
    least, judged = dt.timedelta(hours=parameters["min_hours"]), {id(one) for one in mine}
    every = sorted([*settled.all, *mine], key=lambda one: one.starts_at)
    return [
        f"{(after.starts_at - one.ends_at) / dt.timedelta(hours=1):g} h of rest before {after.date}"
        for one, after in pairwise(every)
        if after.starts_at - one.ends_at < least and {id(one), id(after)} & judged
    ]


def _hours(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    """Hours of a week, or of any days in a row, with what was worked of them before; else of all of the period."""
    if parameters.get("over") == WEEK:
        return _weekly(mine, settled, lambda _monday: parameters["max_hours"])
    if days := parameters.get("days"):
        last = max(one.date for one in (*mine, *settled.elsewhere, *settled.after))
        last = min(last, mine[-1].date + dt.timedelta(days=days - 1))
        ends = [mine[0].date + dt.timedelta(days=n) for n in range((last - mine[0].date).days + 1)]
        spans = [(f"{days} days to {end}", end - dt.timedelta(days=days - 1), end) for end in ends]
        return [said for span in spans for said in _beyond(mine, settled.all, span, parameters["max_hours"])]
    every = sorted(one.date for one in (*mine, *settled.elsewhere))
    return _beyond(mine, settled.elsewhere, ("the period", every[0], every[-1]), parameters["max_hours"])


def _weekly(mine: Sequence[Duty], settled: Known, most_of: Callable[[dt.date], float | None]) -> list[str]:
    weeks = sorted({one.date - dt.timedelta(days=one.date.weekday()) for one in mine})
    found: list[str] = []
    for monday in weeks:
        most, span = most_of(monday), (f"week {monday.isocalendar()[:2]}", monday, monday + dt.timedelta(days=6))
        found += [] if most is None else _beyond(mine, settled.all, span, most)
    return found


def _beyond(
    mine: Sequence[Duty], settled: Sequence[Duty], span: tuple[str, dt.date, dt.date], hours: float
) -> list[str]:
    """What of a span of days is beyond some hours, where any of it is judged. A minute is nothing: agreed hours are
    sevenths of a week."""
    name, first, last = span
    within = [one for one in (*settled, *mine) if first <= one.date <= last]
    total = sum((one.ends_at - one.starts_at for one in within), dt.timedelta())
    is_beyond = total - dt.timedelta(hours=hours) >= dt.timedelta(minutes=1)
    if not is_beyond or not any(first <= one.date <= last for one in mine):
        return []
    return [f"{total / dt.timedelta(hours=1):g} h in {name}"]


def _contract_hours(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    """Hours of a week against what the person's own contracts allow in it."""
    weeks, usual = parameters["weeks"], parameters["most_hours"]
    return _weekly(mine, settled, lambda monday: weeks.get(monday, usual))


def _in_a_row(mine: Sequence[Duty], settled: Known, most: float, *, nights: bool) -> list[str]:
    """Runs of days (or nights) that are too long and hold one that is judged."""
    judged = {one.date for one in mine if one.is_night or not nights}
    counted = judged | {one.date for one in settled.all if one.is_night or not nights}
    what = "nights" if nights else "days"
    found: list[str] = []
    for day in sorted(counted):
        run = 0
        while day - dt.timedelta(days=run) in counted:
            run += 1
        if run > most and any(day - dt.timedelta(days=back) in judged for back in range(run)):
            found.append(f"{run} {what} in a row on {day}")
    return found


def _days_in_a_row(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    return _in_a_row(mine, settled, parameters["max"], nights=False)


def _nights_in_a_row(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    return _in_a_row(mine, settled, parameters["max"], nights=True)


def _weekends(mine: Sequence[Duty], settled: Known, parameters: Parameters) -> list[str]:
    """Weekends of the period, and those in a row with what came before and comes after; those that somebody works on
    another unit anyway are none that were added."""
    elsewhere, judged = _weekends_of(settled.elsewhere), _weekends_of(mine)
    worked = len(elsewhere | judged)
    is_beyond = worked > parameters.get("max", worked) and judged - elsewhere
    found = [f"{worked} weekends"] if is_beyond else []
    if "max_in_row" not in parameters:
        return found
    known = _weekends_of(settled.all)
    return found + _in_row(known, judged - known, parameters["max_in_row"])


def _in_row(known: set[dt.date], added: set[dt.date], most: float) -> list[str]:
    """Runs of weekends that are too long and hold one that was added."""
    found: list[str] = []
    run: list[dt.date] = []
    for saturday in sorted(known | added):
        run = [*run, saturday] if run and saturday - run[-1] == dt.timedelta(weeks=1) else [saturday]
        if len(run) > most and added & set(run):
            found.append(f"{len(run)} weekends in a row to {saturday}")
    return found


def _weekends_of(duties: Iterable[Duty]) -> set[dt.date]:
    """The Saturdays of the weekends that are worked in."""
    return {
        one.date - dt.timedelta(days=one.date.weekday() - SATURDAY) for one in duties if one.date.weekday() >= SATURDAY
    }


@dataclass(frozen=True, slots=True)
class _Judge:
    """Who judges a kind of rule, the parameters that it needs (of `any_of` one at least), and those it may have."""

    judge: Callable[[Sequence[Duty], Known, Parameters], list[str]]
    needs: frozenset[str]
    takes: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()


MAX = frozenset({"max"})
JUDGES: Mapping[str, _Judge] = {
    "rest": _Judge(_rest, frozenset({"min_hours"})),
    "hours": _Judge(_hours, frozenset({"max_hours"}), frozenset({"over", "days"})),
    "contract_hours": _Judge(_contract_hours, frozenset({"bound"})),
    "consecutive_shifts": _Judge(_days_in_a_row, MAX),
    "consecutive_nights": _Judge(_nights_in_a_row, MAX),
    "weekends": _Judge(_weekends, frozenset(), any_of=frozenset({"max", "max_in_row"})),
}

"""From a problem's rules to clauses: which function writes which kind, and what holds without being asked.

What does not belong here: what each kind means (`rules_time.py` for one person's days, `rules_people.py` for skills,
leave and wishes, `rules_cover.py` for who is needed together, `rules_fairness.py`).
"""

from collections.abc import Callable, Mapping

from ml.rostering import rules_contract, rules_cover, rules_fairness, rules_people, rules_time
from ml.rostering.clauses import Clause, Sum, Writer
from ml.rostering.problem import Kind, Person, Problem, Rule

ONE_DUTY = Rule("one duty a day", "fixed", "law")
ELSEWHERE = Rule("duty on another unit", "fixed", "policy")
STANDS = Rule("what stands already", "fixed", "policy")

COMPILERS: Mapping[Kind, Callable[[Writer, Rule], None]] = {
    "cover": rules_cover.cover,
    "isolation": rules_cover.cover,
    "agency": rules_cover.agency,
    "skill_mix": rules_cover.skill_mix,
    "supervision": rules_cover.supervision,
    "breaks": rules_cover.breaks,
    "credentials": rules_people.credentials,
    "leave": rules_people.leave,
    "requests": rules_people.requests,
    "float_pool": rules_people.float_pool,
    "succession": rules_time.succession,
    "rest": rules_time.rest,
    "hours": rules_time.hours,
    "part_time": rules_contract.part_time,
    "contract_hours": rules_contract.contract_hours,
    "shift_count": rules_time.shift_count,
    "consecutive_shifts": rules_time.consecutive_shifts,
    "consecutive_nights": rules_time.consecutive_nights,
    "days_off": rules_time.days_off,
    "days_off_after_nights": rules_time.days_off_after_nights,
    "weekends": rules_time.weekends,
    "fairness": rules_fairness.fairness,
}


def clauses_of(problem: Problem, kinds: frozenset[Kind] | None = None) -> list[Clause]:
    """Return every clause of a problem, in the order of its rules; where kinds are given, of those rules alone."""
    writer = Writer(problem)
    of_ours = kinds is None or "fixed" in kinds
    for person in problem.staff if of_ours else ():
        for day in range(problem.days):
            total = Sum().add(writer.decisions(person.name, day))
            sentence = f"{person.name} does one duty on {problem.day_text(day)}"
            writer.at_most(ONE_DUTY, total, 1, sentence, person=person.name, days=[day], is_fact=True)
        _elsewhere(writer, person)
    for fixed in problem.fixed if of_ours else ():
        _stands(writer, fixed.person, fixed.day)
    for rule in (one for one in problem.rules if kinds is None or one.kind in kinds):
        COMPILERS[rule.kind](writer, rule)
    return writer.clauses


def _elsewhere(writer: Writer, person: Person) -> None:
    """Who has a duty on another unit on a day has none here: that one stays as it is."""
    for one in person.work:
        if 0 <= one.day < writer.problem.days:
            sentence = f"{person.name} works {one.shift} on {one.unit} on {writer.problem.day_text(one.day)}"
            total = Sum().add(writer.decisions(person.name, one.day))
            writer.at_most(ELSEWHERE, total, 0, sentence, person=person.name, days=[one.day])


def _stands(writer: Writer, person: str, day: int) -> None:
    for fixed in writer.problem.fixed:
        if (fixed.person, fixed.day) != (person, day):
            continue
        when, by = writer.problem.day_text(day), f", as {fixed.by} decided" if fixed.by else ""
        if fixed.duty is None:
            sentence = f"{person} stays off on {when}{by}"
            writer.at_most(STANDS, writer.does(person, day), 0, sentence, person=person, days=[day])
        else:
            chosen = [one for one in writer.decisions(person, day) if one.duty == fixed.duty]
            sentence = f"{person} works {fixed.duty.shift} on {when}{by}"
            writer.at_least(STANDS, Sum().add(chosen), 1, sentence, person=person, days=[day])

"""Fairness over time: nights, weekends and refused wishes, counted together with what each person carries.

What does not belong here: how the counts reach the next period (`answering.py` reports them; the problem carries them).
"""

from math import ceil

from ml.rostering.clauses import Sum, Writer
from ml.rostering.problem import Person, Rule
from ml.rostering.rules_people import refusal_of
from ml.rostering.rules_time import nights_of, weekends_of, worked_weekends


def fairness(writer: Writer, rule: Rule) -> None:
    """Each `of` (nights, weekends, refused) above a person's fair share costs the rule's weight.

    The fair share is what all carry and what is needed now, split by the shares of the contracts and rounded up; for
    refused wishes, what people carry on average and `allowance` more (1 where not given)."""
    people = [person for person in writer.problem.staff if rule.concerns(person.name)]
    for of in rule.words("of"):
        counts = {person.name: _count(writer, person, of) for person in people}
        carried = sum(getattr(person.carried, of) + counts[person.name].constant for person in people)
        shares = sum(person.share for person in people) or 1.0
        for person in people:
            mine: int = getattr(person.carried, of) + counts[person.name].constant
            if of == "refused":
                target = ceil(carried / max(1, len(people))) + (rule.number("allowance") or 1)
            else:
                target = ceil((carried + _needed(writer, of)) * person.share / shares)
            sentence = f"{person.name} has a fair share of {of}: {target}, of which {mine} carried or on other units"
            total = Sum(constant=getattr(person.carried, of)).add(counts[person.name])
            days = range(writer.problem.days)
            writer.at_most(rule, total, max(target, mine), sentence, person=person.name, days=days)


def _needed(writer: Writer, of: str) -> int:
    nights = nights_of(writer.problem)
    if of == "nights":
        return sum(one.nurses for one in writer.problem.demand if one.duty.shift in nights)
    daily: dict[int, int] = {}
    for one in writer.problem.demand:
        daily[one.day] = daily.get(one.day, 0) + one.nurses
    return sum(max(daily.get(day, 0) for day in days) for days in weekends_of(writer.problem))


def _count(writer: Writer, person: Person, of: str) -> Sum:
    if of == "weekends":
        return worked_weekends(writer, person.name)
    total = Sum()
    if of == "nights":
        for day in range(writer.problem.days):
            total.add(writer.nights(person.name, day))
        return total
    for request in filter(writer.problem.is_wish, person.requests):
        if not writer.settled(person.name, request.day):
            total.add(refusal_of(writer, person.name, request))
    return total

"""Rules about what a person's own contract says: its share of full time, and the least and most hours of a week.

What does not belong here: hours that hold for everybody (`rules_time.py`).
"""

from ml.rostering.clauses import Writer
from ml.rostering.problem import WEEK, Person, Rule
from ml.rostering.rules_time import (
    at_most_known,
    concerned,
    days_text,
    hours_text,
    is_whole,
    minutes_of,
    per_of,
    settled_text,
    weeks_of,
)


def part_time(writer: Writer, rule: Rule) -> None:
    """Contract hours: `full_time_minutes` a week times a person's share, give or take `tolerance_minutes`."""
    full, tolerance = rule.number("full_time_minutes") or 0, rule.number("tolerance_minutes") or 0
    days = range(writer.problem.days)
    for person in concerned(writer, rule):
        absent = sum(1 for day in person.leave if 0 <= day < writer.problem.days)
        target = round(full * person.share * (len(days) - absent) / 7)
        total = minutes_of(writer, person.name, days)
        said = f"{person.name}, who has a share of {person.share:g}, works"
        low, high = max(0, target - tolerance), target + tolerance
        about = f"{said} at least {hours_text(low)}", f"{said} at most {hours_text(high)}"
        writer.at_least(rule, total, low, about[0], person=person.name, days=days, per=per_of(rule))
        at_most_known(writer, rule, total, high, person.name, days, about[1])


def contract_hours(writer: Writer, rule: Rule) -> None:
    """In each calendar week at most (`bound: max`) or at least (`min`) the hours of a person's own contracts.

    They count day by day: a contract that begins, ends or is renewed within a week counts a seventh of its hours for
    each day on which it holds.

    What was worked of a week before the period counts. The least is asked of whole weeks within the period, and less of
    one with days of leave: by the share of the days that are left."""
    for person in concerned(writer, rule):
        for days in weeks_of(writer.problem):
            if rule.parameters["bound"] == "max":
                _at_most(writer, rule, person, days)
            elif is_whole(writer.problem, days) and len(days) == WEEK:
                _at_least(writer, rule, person, days)


def _at_most(writer: Writer, rule: Rule, person: Person, days: range) -> None:
    most, total = person.agreed_minutes(range(days[0], days[0] + WEEK), "most"), minutes_of(writer, person.name, days)
    if most is not None:
        when = f"{days_text(writer.problem, days)}{settled_text(writer, person, days)}"
        sentence = f"{person.name}'s contract allows at most {hours_text(most)} {when}"
        at_most_known(writer, rule, total, most, person.name, days, sentence)


def _at_least(writer: Writer, rule: Rule, person: Person, days: range) -> None:
    least = person.agreed_minutes((day for day in days if day not in person.leave), "least")
    if least is not None:
        sentence = f"{person.name}'s contract grants at least {hours_text(least)} {days_text(writer.problem, days)}"
        total = minutes_of(writer, person.name, days)
        writer.at_least(rule, total, least, sentence, person=person.name, days=days, per=per_of(rule))

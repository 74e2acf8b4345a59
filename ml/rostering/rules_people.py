"""Rules about what a person may and wants to do: credentials, leave, wishes, work away from home.

What does not belong here: how a person's days follow each other (`rules_time.py`).
"""

from ml.rostering.clauses import Sum, Writer
from ml.rostering.problem import Request, Rule


def credentials(writer: Writer, rule: Rule) -> None:
    """Nobody does a duty in a skill that has expired; what a person never had is no decision at all."""
    for person in writer.problem.staff:
        for day in range(writer.problem.days):
            for one in writer.decisions(person.name, day):
                skill = one.duty.skill
                if not person.holds(skill, day) and rule.concerns(person.name):
                    is_early = day < person.skills_from.get(skill, day)
                    said = "does not hold yet on" if is_early else "has expired by"
                    sentence = f"{person.name}'s {skill} {said} {writer.problem.day_text(day)}"
                    writer.at_most(rule, Sum().add([one]), 0, sentence, person=person.name, days=[day])


def leave(writer: Writer, rule: Rule) -> None:
    """Nobody works on a day of leave."""
    for person in writer.problem.staff:
        for day in sorted(person.leave):
            if rule.concerns(person.name) and 0 <= day < writer.problem.days:
                sentence = f"{person.name} is on leave on {writer.problem.day_text(day)}"
                writer.at_most(rule, writer.does(person.name, day), 0, sentence, person=person.name, days=[day])


def refusal_of(writer: Writer, person: str, request: Request) -> Sum:
    """Return 1 where a request is refused, 0 where it is granted."""
    shifts = None if request.shift is None else frozenset({request.shift})
    works = writer.does(person, request.day, shifts)
    return Sum(constant=1).add(works, -1) if request.is_on else works


def requests(writer: Writer, rule: Rule) -> None:
    """Each refused request costs its own weight (times the rule's)."""
    for person in writer.problem.staff:
        for request in person.requests if rule.concerns(person.name) else ():
            if request.rule not in (None, rule.name) or writer.settled(person.name, request.day):
                continue  # what is settled elsewhere is not this roster's to grant or refuse
            verb = "asks for" if request.is_on else "asks not to have"
            what = request.shift or ("work" if request.is_on else "any shift")
            sentence = f"{person.name} {verb} {what} on {writer.problem.day_text(request.day)}"
            cost = None if rule.weight is None else rule.weight * request.weight
            refusal = refusal_of(writer, person.name, request)
            writer.at_most(rule, refusal, 0, sentence, person=person.name, days=[request.day], weight=cost)


def float_pool(writer: Writer, rule: Rule) -> None:
    """Each day on another unit than one's own costs the rule's weight, or is forbidden where it is hard."""
    for person in writer.problem.staff:
        if not rule.concerns(person.name):
            continue
        for day in range(writer.problem.days):
            away = [one for one in writer.decisions(person.name, day) if one.duty.unit != person.home]
            sentence = f"{person.name} stays on {person.home} on {writer.problem.day_text(day)}"
            writer.at_most(rule, Sum().add(away), 0, sentence, person=person.name, days=[day])

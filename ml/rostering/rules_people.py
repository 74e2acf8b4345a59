"""Rules about what a person may and wants to do: credentials, leave, wishes, work away from home.

What does not belong here: how a person's days follow each other (`rules_time.py`).
"""

from ml.rostering.clauses import Sum, Writer
from ml.rostering.problem import Request, Rule


def credentials(writer: Writer, rule: Rule) -> None:
    """Nobody does a duty without its skill, or on a unit that is neither home nor floated to; nor once it expired."""
    for person in writer.problem.staff:
        units = {person.home, *person.floats_to}
        for day in range(writer.problem.days):
            when = writer.problem.day_text(day)
            for one in writer.decisions(person.name, day):
                skill, unit = one.duty.skill, one.duty.unit
                total, about = Sum().add([one]), (person.name, [day])
                if skill not in person.skills or unit not in units:
                    lacks = skill if skill not in person.skills else f"a place on {unit}"
                    sentence = f"{person.name} does not have {lacks}"
                    writer.at_most(rule, total, 0, sentence, person=about[0], days=about[1], is_fact=True)
                    continue
                valid_until = person.skills[skill]
                if valid_until is not None and day > valid_until and rule.concerns(person.name):
                    sentence = f"{person.name}'s {skill} has expired by {when}"
                    writer.at_most(rule, total, 0, sentence, person=about[0], days=about[1])


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

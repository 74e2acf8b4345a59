"""Rules about who is needed together: cover by skill, isolation beds, skill mix, supervision, breaks, agency.

What does not belong here: one person's days (`rules_time.py`) and wishes (`rules_people.py`).
"""

from collections.abc import Iterable, Iterator

from ml.rostering.clauses import Books, Sum, Writer
from ml.rostering.problem import Demand, Duty, Rule


def _asked(writer: Writer, rule: Rule) -> Iterator[Demand]:
    """Give the demand a rule is about: that of its skills, and of its units, where it names any."""
    skills, units = set(rule.words("skills")), set(rule.words("units"))
    special = {skill for other in writer.problem.rules if other.kind == "isolation" for skill in other.words("skills")}
    for demand in writer.problem.demand:
        is_mine = demand.duty.skill in skills if skills else demand.duty.skill not in special
        if is_mine and (not units or demand.duty.unit in units):
            yield demand


def cover(writer: Writer, rule: Rule) -> None:
    """As many as are needed; each one missing costs `under` of the demand or the rule's weight, each one above `over`.

    One person covers one skill at a time, so the nurse of an isolation bed is nobody else's."""
    for demand in _asked(writer, rule):
        total = _sent(writer, demand.day, [demand.duty]).add(writer.on_duty(demand.day, [demand.duty]))
        where = _where(writer, demand.day, demand.duty)
        under = rule.weight if demand.under is None or rule.weight is None else demand.under
        sentence = f"{where} needs {demand.nurses} {demand.duty.skill}"
        writer.at_least(rule, total, demand.nurses, sentence, days=[demand.day], weight=under)
        over = rule.number("over_weight") if demand.over is None else demand.over
        if over is not None:
            sentence = f"{where} needs no more than {demand.nurses} {demand.duty.skill}"
            writer.at_most(rule, total, demand.nurses, sentence, days=[demand.day], weight=over)


def _agency(writer: Writer, day: int, duty: Duty) -> list[Books]:
    """Return the decision to book agency nurses for a duty, if any rule lets one."""
    most = [
        rule.number("max_per_shift") or 0
        for rule in writer.problem.rules
        if rule.kind == "agency" and duty.skill in (rule.words("skills") or (duty.skill,))
    ]
    return [Books(day, duty, max(most))] if most else []


def agency(writer: Writer, rule: Rule) -> None:
    """Each agency nurse costs the rule's weight: the last resort where that is more than any wish."""
    for demand in writer.problem.demand:
        booked = _agency(writer, demand.day, demand.duty)
        if booked and demand.duty.skill in (rule.words("skills") or (demand.duty.skill,)):
            sentence = f"{_where(writer, demand.day, demand.duty)} does without agency {demand.duty.skill}"
            writer.at_most(rule, Sum().add(booked), 0, sentence, days=[demand.day])


def _sent(writer: Writer, day: int, duties: Iterable[Duty]) -> Sum:
    """Return how many who are not of the staff do one of some duties: people of other units, and of an agency."""
    wanted = list(duties)
    total = writer.guests(day, wanted)
    for duty in wanted:
        total.add(_agency(writer, day, duty))
    return total


def _teams(writer: Writer, rule: Rule) -> Iterator[tuple[int, str, str, list[Duty]]]:
    """Give each unit's shift on each day with its duties, whether or not anybody is needed: people may stand there."""
    units, found = set(rule.words("units")), dict[tuple[str, str], list[Duty]]()
    for duty in writer.problem.duties:
        if not units or duty.unit in units:
            found.setdefault((duty.unit, duty.shift), []).append(duty)
    for day in range(writer.problem.days):
        for (unit, shift), duties in found.items():
            yield day, unit, shift, duties


def _needed_teams(writer: Writer, rule: Rule) -> Iterator[tuple[int, str, str, list[Duty]]]:
    """Give those teams that somebody is needed in."""
    needed = {(one.day, one.duty.unit, one.duty.shift) for one in writer.problem.demand if one.nurses}
    return (team for team in _teams(writer, rule) if team[:3] in needed)


def skill_mix(writer: Writer, rule: Rule) -> None:
    """At least `percent` of a unit's shift, or `at_least` of them, hold one of `skills` (valid on that day)."""
    skills, percent, least = rule.words("skills"), rule.number("percent"), rule.number("at_least")
    needed = {team[:3] for team in _needed_teams(writer, rule)}
    for day, unit, shift, duties in _teams(writer, rule):
        holders = [one for one in writer.problem.staff if any(one.holds(skill, day) for skill in skills)]
        where = f"{shift} on {unit}, {writer.problem.day_text(day)}"
        held = [duty for duty in duties if duty.skill in skills]
        holding = _sent(writer, day, held).add(writer.on_duty(day, duties, holders))
        if least is not None and (day, unit, shift) in needed:
            writer.at_least(rule, holding, least, f"{where} has {least} with {'/'.join(skills)}", days=[day])
        if percent is not None:
            total = _sent(writer, day, duties).add(writer.on_duty(day, duties))
            lacking = Sum().add(total, percent).add(holding, -100)
            sentence = f"{where}: {percent} % have {'/'.join(skills)}"
            writer.at_most(rule, lacking, 0, sentence, days=[day], per=100)


def supervision(writer: Writer, rule: Rule) -> None:
    """At most `novices_per_expert` novices for each expert on a unit's shift."""
    ratio = rule.number("novices_per_expert") or 1
    novices = [person for person in writer.problem.staff if person.level == "novice"]
    experts = [person for person in writer.problem.staff if person.level == "expert"]
    for day, unit, shift, duties in _teams(writer, rule):
        total = writer.on_duty(day, duties, novices).add(writer.on_duty(day, duties, experts), -ratio)
        sentence = f"{shift} on {unit}, {writer.problem.day_text(day)}: an expert for every {ratio} novices"
        writer.at_most(rule, total, 0, sentence, days=[day])


def breaks(writer: Writer, rule: Rule) -> None:
    """At least `min_on_duty` on a unit's shift, so that somebody relieves whoever takes a break."""
    least = rule.number("min_on_duty") or 2
    for day, unit, shift, duties in _needed_teams(writer, rule):
        total = _sent(writer, day, duties).add(writer.on_duty(day, duties))
        sentence = f"{shift} on {unit}, {writer.problem.day_text(day)}: {least} on duty, to relieve breaks"
        writer.at_least(rule, total, least, sentence, days=[day])


def _where(writer: Writer, day: int, duty: Duty) -> str:
    return f"{duty.shift} on {duty.unit}, {writer.problem.day_text(day)}"

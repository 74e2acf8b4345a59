"""Rules about one person's days: hours, rest, what may follow what, runs of work, nights and days off, weekends.

The edges follow Curtois and Qu (2014): before and after what is known, a maximum sees days off and a minimum sees its
run continued. A person's history moves that edge back. Rest and hours count real minutes, so that a night of a clock
change is as long as it is. What does not belong here: rules that bind several people (`rules_cover.py`).
"""

from collections.abc import Iterable

from ml.rostering.clauses import AnyOf, Sum, Writer
from ml.rostering.problem import Person, Problem, Rule

HOUR = 60
COUNTED_IN_MINUTES = frozenset({"hours", "part_time", "contract_hours"})
SATURDAY, SUNDAY = 5, 6


def concerned(writer: Writer, rule: Rule) -> list[Person]:
    """Return the people that a rule speaks about."""
    return [person for person in writer.problem.staff if rule.concerns(person.name)]


def nights_of(problem: Problem) -> frozenset[str]:
    """Return the names of the night shifts."""
    return frozenset(shift.name for shift in problem.shifts if shift.is_night)


def minutes_of(writer: Writer, person: str, days: Iterable[int]) -> Sum:
    """Return the minutes that a person works over some days: decided, or history where the day is negative."""
    total, shifts = Sum(), writer.problem.shift_by_name
    history = writer.problem.person_by_name[person].history
    for day in days:
        if day < 0:
            shift = history[-day - 1] if -day <= len(history) else None
            total.constant += 0 if shift is None else shifts[shift].minutes_on(day)
        for one in writer.decisions(person, day) if day >= 0 else ():
            total.add([one], shifts[one.duty.shift].minutes[day])
    return total


def windows(problem: Problem, rule: Rule) -> list[range]:
    """Return the stretches of days that a rule counts over: the period, its calendar weeks, or every N days.

    A week, or N days in a row, that began before the period has negative days: what was worked on them counts."""
    length = rule.number("days")
    if rule.parameters.get("over") == "week":
        return weeks_of(problem)
    if length is not None:
        return [range(day, day + length) for day in range(1 - length, problem.days - length + 1)]
    return [range(problem.days)]


def weeks_of(problem: Problem) -> list[range]:
    """Return the calendar weeks that the period touches; the first one's days before it are negative."""
    return [range(start, min(start + 7, problem.days)) for start in range(-problem.weekday(0), problem.days, 7)]


def at_most_known(writer: Writer, rule: Rule, total: Sum, most: int, person: str, days: range, sentence: str) -> None:
    """Write down a maximum over days of which some may be history. Where that is beyond it, nothing may be added."""
    writer.at_most(rule, total, max(most, total.constant), sentence, person=person, days=days, per=per_of(rule))


def hours(writer: Writer, rule: Rule) -> None:
    """`min_minutes` and `max_minutes` over the period, a week (`over`), or any `days` in a row.

    A minimum is asked of whole weeks or stretches within the period: of others the rest cannot be decided."""
    least, most = rule.number("min_minutes"), rule.number("max_minutes")
    is_weekly = rule.parameters.get("over") == "week"
    for person in concerned(writer, rule):
        for days in windows(writer.problem, rule):
            when = days_text(writer.problem, days)
            total = minutes_of(writer, person.name, days)
            if most is not None:
                before = before_text(writer.problem, total.constant)
                sentence = f"{person.name} works at most {hours_text(most)} {when}{before}"
                at_most_known(writer, rule, total, most, person.name, days, sentence)
            if least is not None and days[0] >= 0 and (not is_weekly or len(days) == 7):
                sentence = f"{person.name} works at least {hours_text(least)} {when}"
                writer.at_least(rule, total, least, sentence, person=person.name, days=days, per=per_of(rule))


def shift_count(writer: Writer, rule: Rule) -> None:
    """At most `max` of `shifts` over the period, a week, or any `days` in a row."""
    shifts, most = frozenset(rule.words("shifts")), rule.number("max") or 0
    for person in concerned(writer, rule):
        for days in windows(writer.problem, rule):
            sentence = f"{person.name} works at most {most} of {', '.join(sorted(shifts))} " + days_text(
                writer.problem, days
            )
            total = Sum()
            for day in days:
                total.add(writer.does(person.name, day, shifts))
            at_most_known(writer, rule, total, most, person.name, days, sentence)


def succession(writer: Writer, rule: Rule) -> None:
    """A shift of `then` never follows one of `first` on the next day."""
    first, then = frozenset(rule.words("first")), frozenset(rule.words("then"))
    for person in concerned(writer, rule):
        for day in range(-1, writer.problem.days - 1):
            total = Sum().add(writer.does(person.name, day, first)).add(writer.does(person.name, day + 1, then))
            sentence = f"{person.name} has no {'/'.join(sorted(then))} on the day after {'/'.join(sorted(first))}"
            writer.at_most(rule, total, 1, sentence, person=person.name, days=[day, day + 1])


def rest(writer: Writer, rule: Rule) -> None:
    """At least `min_minutes` of real time between the end of one shift and the start of the next."""
    least = rule.number("min_minutes") or 0
    for day in range(-2, writer.problem.days - 1):
        for shift in writer.problem.shifts:
            for later in (day + 1, day + 2):
                then = frozenset(_too_soon(writer.problem, shift.span(day), later, least))
                if then and 0 <= later < writer.problem.days:
                    _rest_after(writer, rule, (day, shift.name), (later, then), least)


def _too_soon(problem: Problem, ended: tuple[int, int] | None, later: int, least: int) -> Iterable[str]:
    if ended is None or later >= problem.days:
        return
    for shift in problem.shifts:
        span = shift.span(later)
        if span is not None and span[0] - ended[1] < least:
            yield shift.name


def _rest_after(
    writer: Writer, rule: Rule, first: tuple[int, str], then: tuple[int, frozenset[str]], least: int
) -> None:
    (day, shift), (later, shifts) = first, then
    for person in concerned(writer, rule):
        total = (
            Sum().add(writer.does(person.name, day, frozenset({shift}))).add(writer.does(person.name, later, shifts))
        )
        sentence = (
            f"{person.name} rests {hours_text(least)} after {shift} of {writer.problem.day_text(day)} "
            f"(no {'/'.join(sorted(shifts))} on {writer.problem.day_text(later)})"
        )
        writer.at_most(rule, total, 1, sentence, person=person.name, days=[day, later])


def consecutive_shifts(writer: Writer, rule: Rule) -> None:
    """`max` and `min` working days in a row."""
    _runs(writer, rule, None, "working days")


def consecutive_nights(writer: Writer, rule: Rule) -> None:
    """`max` and `min` nights in a row."""
    _runs(writer, rule, nights_of(writer.problem), "nights")


def days_off(writer: Writer, rule: Rule) -> None:
    """`min` days off in a row; or at least `at_least` days off in any `days`, or each week (`over`)."""
    least, at_least = rule.number("min"), rule.number("at_least")
    for person in concerned(writer, rule):
        if least is not None:
            sentence = f"{person.name} has at least {least} days off in a row"
            _minimum_runs(writer, rule, person, None, (least, False), sentence)
        if at_least is not None:
            for days in windows(writer.problem, rule):
                total = Sum()
                for day in days:
                    total.add(writer.does(person.name, day))
                sentence = f"{person.name} has {at_least} days off {days_text(writer.problem, days)}"
                most = max(0, len(days) - at_least)
                at_most_known(writer, rule, total, most, person.name, days, sentence)


def _runs(writer: Writer, rule: Rule, shifts: frozenset[str] | None, what: str) -> None:
    most, least = rule.number("max"), rule.number("min")
    for person in concerned(writer, rule):
        if most is not None:
            for day in range(-len(person.history), writer.problem.days - most):
                days = range(day, day + most + 1)
                if days[-1] < 0:
                    continue
                total = Sum()
                for one in days:
                    total.add(writer.does(person.name, one, shifts))
                sentence = f"{person.name} has at most {most} {what} in a row"
                writer.at_most(rule, total, most, sentence, person=person.name, days=days)
        if least is not None:
            sentence = f"{person.name} has at least {least} {what} in a row"
            _minimum_runs(writer, rule, person, shifts, (least, True), sentence)


def _minimum_runs(
    writer: Writer, rule: Rule, person: Person, shifts: frozenset[str] | None, least: tuple[int, bool], sentence: str
) -> None:
    """Forbid each run that is too short between two days of the other kind, both known."""
    shortest, of_work = least
    sign = 1 if of_work else -1
    for length in range(1, shortest):
        for day in range(-len(person.history), writer.problem.days - length - 1):
            after = day + length + 1
            if after < 0:
                continue
            total = Sum().add(writer.does(person.name, day, shifts), -sign)
            total.add(writer.does(person.name, after, shifts), -sign)
            for one in range(day + 1, after):
                total.add(writer.does(person.name, one, shifts), sign)
            most = length - 1 if of_work else 1
            writer.at_most(rule, total, most, sentence, person=person.name, days=range(day, after + 1))


def days_off_after_nights(writer: Writer, rule: Rule) -> None:
    """After the last night of a run, `days` days off."""
    wanted, nights = rule.number("days") or 1, nights_of(writer.problem)
    others = frozenset(shift.name for shift in writer.problem.shifts) - nights
    for person in concerned(writer, rule):
        sentence = f"{person.name} has {wanted} days off after nights"
        for day in range(-len(person.history), writer.problem.days - 1):
            total = Sum().add(writer.does(person.name, day, nights)).add(writer.does(person.name, day + 1, others))
            if day + 1 >= 0:
                writer.at_most(rule, total, 1, sentence, person=person.name, days=[day, day + 1])
            for later in range(max(0, day + 2), min(day + wanted + 1, writer.problem.days)):
                total = Sum().add(writer.does(person.name, day, nights))
                total.add(writer.does(person.name, day + 1, nights), -1).add(writer.does(person.name, later))
                writer.at_most(rule, total, 1, sentence, person=person.name, days=range(day, later + 1))


def weekends_of(problem: Problem) -> list[tuple[int, ...]]:
    """Return the period's weekends, each as its days in the period."""
    found: dict[int, list[int]] = {}
    for day in range(problem.days):
        if problem.weekday(day) in (SATURDAY, SUNDAY):
            found.setdefault(day - problem.weekday(day), []).append(day)
    return [tuple(days) for days in found.values()]


def worked_weekends(writer: Writer, person: str) -> Sum:
    """Return how many weekends a person works in, on one day or both."""
    total = Sum()
    for days in weekends_of(writer.problem):
        total.add([AnyOf(tuple(writer.works(person, day) for day in days))])
    return total


def weekends(writer: Writer, rule: Rule) -> None:
    """At most `max` weekends worked in the period."""
    most = rule.number("max") or 0
    days = [day for weekend in weekends_of(writer.problem) for day in weekend]
    for person in concerned(writer, rule):
        sentence = f"{person.name} works at most {most} weekends"
        writer.at_most(rule, worked_weekends(writer, person.name), most, sentence, person=person.name, days=days)


def per_of(rule: Rule) -> int:
    """Return what one unit of excess of a rule is: an hour where minutes are weighed."""
    return HOUR if rule.weight is not None and rule.kind in COUNTED_IN_MINUTES else 1


def hours_text(minutes: int) -> str:
    """Return minutes as people say them."""
    return f"{minutes / HOUR:g} h"


def before_text(problem: Problem, minutes: int) -> str:
    """Say how many of some minutes were worked before the period; empty where none were."""
    return f", {hours_text(minutes)} of them before {problem.day_text(0)}" if minutes else ""


def days_text(problem: Problem, days: range) -> str:
    """Return a stretch of days as people name it."""
    if days == range(problem.days):
        return "over the period"
    return f"from {problem.day_text(days[0])} to {problem.day_text(days[-1])}"

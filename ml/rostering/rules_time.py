"""Rules about one person's days: rest, what may follow what, runs of work, nights and days off, weekends.

The edges follow Curtois and Qu (2014): before and after what is known, a maximum sees days off and a minimum sees its
run continued. What is known of the days before moves that edge back, and duties known after it move that of a maximum.
Rest and hours count real minutes, so that a night of a clock change is as long as it is. What is settled (work before
the period and after it, duties on other units) counts in every rule and is never changed: where it is beyond a maximum,
nothing may be added. What does not belong here: rules that bind several people (`rules_cover.py`).
"""

from collections.abc import Iterable

from ml.rostering.clauses import AnyOf, Sum, Writer
from ml.rostering.problem import WEEK, Person, Problem, Rule, Work

HOUR, DAY = 60, 24 * 60
COUNTED_IN_MINUTES = frozenset({"hours", "part_time", "contract_hours"})
SATURDAY, SUNDAY = 5, 6


def concerned(writer: Writer, rule: Rule) -> list[Person]:
    """Return the people that a rule speaks about."""
    return [person for person in writer.problem.staff if rule.concerns(person.name)]


def nights_of(problem: Problem) -> frozenset[str]:
    """Return the names of the night shifts."""
    return frozenset(shift.name for shift in problem.shifts if shift.is_night)


def minutes_of(writer: Writer, person: str, days: Iterable[int]) -> Sum:
    """Return the minutes that a person works over some days: decided, and settled already."""
    total, shifts = Sum(), writer.problem.shift_by_name
    for day in days:
        total.constant += sum(one.minutes for one in writer.settled(person, day))
        for one in writer.decisions(person, day) if 0 <= day < writer.problem.days else ():
            total.add([one], shifts[one.duty.shift].minutes[day])
    return total


def windows(problem: Problem, rule: Rule) -> list[range]:
    """Return the stretches of days that a rule counts over: the period, its calendar weeks, or every N days.

    A week, or N days in a row, that began before the period has negative days, and one that ends after it days beyond:
    what is settled on them counts."""
    length = rule.number("days")
    if rule.parameters.get("over") == "week":
        return weeks_of(problem)
    if length is not None:
        starts = range(1 - length, min(problem.days, _known_until(problem) - length + 1))
        return [range(day, day + length) for day in starts]
    return [range(problem.days)]


def weeks_of(problem: Problem) -> list[range]:
    """Return the calendar weeks that the period touches; the first one's days before it are negative, and the last one
    goes as far beyond it as duties are known."""
    until = _known_until(problem)
    return [range(start, min(start + WEEK, until)) for start in range(-problem.weekday(0), problem.days, WEEK)]


def _known_until(problem: Problem) -> int:
    """Return the day after the last that is decided, or that somebody has a settled duty on."""
    return max([problem.days, *(person.known_until for person in problem.staff)])


def is_whole(problem: Problem, days: range) -> bool:
    """Tell whether all of some days are decided: of others a minimum cannot be asked."""
    return days[0] >= 0 and days[-1] < problem.days


def at_most_known(
    writer: Writer, rule: Rule, total: Sum, most: int, person: str, days: Iterable[int], sentence: str
) -> None:
    """Write down a maximum over days of which some may be settled. Where that is beyond it, nothing may be added."""
    if total.terms:
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
                settled = settled_text(writer, person, days)
                sentence = f"{person.name} works at most {hours_text(most)} {when}{settled}"
                at_most_known(writer, rule, total, most, person.name, days, sentence)
            if least is not None and is_whole(writer.problem, days) and (not is_weekly or len(days) == WEEK):
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
                settled = [one for one in writer.settled(person.name, day) if one.shift in shifts]
                total.add(Sum(constant=len(settled)) if settled else writer.does(person.name, day, shifts))
            at_most_known(writer, rule, total, most, person.name, days, sentence)


def succession(writer: Writer, rule: Rule) -> None:
    """A shift of `then` never follows one of `first` on the next day."""
    first, then = frozenset(rule.words("first")), frozenset(rule.words("then"))
    for person in concerned(writer, rule):
        for day in range(-1, writer.problem.days):
            total = Sum().add(writer.does(person.name, day, first)).add(writer.does(person.name, day + 1, then))
            sentence = f"{person.name} has no {'/'.join(sorted(then))} on the day after {'/'.join(sorted(first))}"
            at_most_known(writer, rule, total, 1, person.name, [day, day + 1], sentence)


def rest(writer: Writer, rule: Rule) -> None:
    """At least `min_minutes` of real time between the end of one shift and the start of the next."""
    least = rule.number("min_minutes") or 0
    for person in concerned(writer, rule):
        for one in person.work:
            _rest_beside(writer, rule, person.name, one, least)
    for day in range(writer.problem.days - 1):
        for shift in writer.problem.shifts:
            for later in (day + 1, day + 2):
                then = frozenset(_too_soon(writer.problem, shift.span(day), later, least))
                if then and later < writer.problem.days:
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
        if writer.settled(person.name, day) or writer.settled(person.name, later):
            continue  # its times are the feed's own: `_rest_beside`
        total = (
            Sum().add(writer.does(person.name, day, frozenset({shift}))).add(writer.does(person.name, later, shifts))
        )
        sentence = (
            f"{person.name} rests {hours_text(least)} after {shift} of {writer.problem.day_text(day)} "
            f"(no {'/'.join(sorted(shifts))} on {writer.problem.day_text(later)})"
        )
        writer.at_most(rule, total, 1, sentence, person=person.name, days=[day, later])


def _rest_beside(writer: Writer, rule: Rule, person: str, work: Work, least: int) -> None:
    """Forbid every shift that lies nearer than `least` minutes before or after settled work."""
    first, last = ((minute // DAY + off) for minute, off in ((work.start - least, -1), (work.end + least, 1)))
    for day in range(max(0, first), min(last + 1, writer.problem.days)):
        shifts = frozenset(
            shift.name
            for shift in writer.problem.shifts
            if (span := shift.span(day)) and max(span[0] - work.end, work.start - span[1]) < least
        )
        total = writer.does(person, day, shifts)
        if shifts and total.terms:
            where = f" on {work.unit}" if work.unit else ""
            sentence = (
                f"{person} rests {hours_text(least)} beside {work.shift}{where} of {writer.problem.day_text(work.day)} "
                f"(no {'/'.join(sorted(shifts))} on {writer.problem.day_text(day)})"
            )
            writer.at_most(rule, total, 0, sentence, person=person, days=sorted({work.day, day}))


def consecutive_shifts(writer: Writer, rule: Rule) -> None:
    """`max` and `min` working days in a row."""
    _runs(writer, rule, "working days", nights=False)


def consecutive_nights(writer: Writer, rule: Rule) -> None:
    """`max` and `min` nights in a row."""
    _runs(writer, rule, "nights", nights=True)


def days_off(writer: Writer, rule: Rule) -> None:
    """`min` days off in a row; or at least `at_least` days off in any `days`, or each week (`over`)."""
    least, at_least = rule.number("min"), rule.number("at_least")
    for person in concerned(writer, rule):
        if least is not None:
            sentence = f"{person.name} has at least {least} days off in a row"
            _minimum_runs(writer, rule, person, (least, False), sentence, nights=False)
        if at_least is not None:
            for days in windows(writer.problem, rule):
                total = Sum()
                for day in days:
                    total.add(writer.does(person.name, day))
                sentence = f"{person.name} has {at_least} days off {days_text(writer.problem, days)}"
                most = max(0, len(days) - at_least)
                at_most_known(writer, rule, total, most, person.name, days, sentence)


def _works(writer: Writer, person: Person, day: int, *, nights: bool) -> Sum:
    return writer.nights(person.name, day) if nights else writer.does(person.name, day)


def _runs(writer: Writer, rule: Rule, what: str, *, nights: bool) -> None:
    most, least = rule.number("max"), rule.number("min")
    for person in concerned(writer, rule):
        if most is not None:
            for day in range(-person.known_days, max(writer.problem.days, person.known_until) - most):
                days = range(day, day + most + 1)
                if days[-1] < 0:
                    continue
                total = Sum()
                for one in days:
                    total.add(_works(writer, person, one, nights=nights))
                sentence = f"{person.name} has at most {most} {what} in a row{elsewhere_text(writer, person, days)}"
                at_most_known(writer, rule, total, most, person.name, days, sentence)
        if least is not None:
            sentence = f"{person.name} has at least {least} {what} in a row"
            _minimum_runs(writer, rule, person, (least, True), sentence, nights=nights)


def _minimum_runs(
    writer: Writer, rule: Rule, person: Person, least: tuple[int, bool], sentence: str, *, nights: bool
) -> None:
    """Forbid each run that is too short between two days of the other kind, both known."""
    shortest, of_work = least
    sign = 1 if of_work else -1
    for length in range(1, shortest):
        for day in range(-person.known_days, writer.problem.days - length - 1):
            after = day + length + 1
            if after < 0:
                continue
            total = Sum().add(_works(writer, person, day, nights=nights), -sign)
            total.add(_works(writer, person, after, nights=nights), -sign)
            for one in range(day + 1, after):
                total.add(_works(writer, person, one, nights=nights), sign)
            most = length - 1 if of_work else 1
            if total.terms:
                writer.at_most(rule, total, most, sentence, person=person.name, days=range(day, after + 1))


def days_off_after_nights(writer: Writer, rule: Rule) -> None:
    """After the last night of a run, `days` days off."""
    wanted = rule.number("days") or 1
    for person in concerned(writer, rule):
        sentence = f"{person.name} has {wanted} days off after nights"
        until = max(writer.problem.days, person.known_until)
        for day in range(-person.known_days, writer.problem.days):
            total = Sum().add(writer.nights(person.name, day)).add(writer.nights(person.name, day + 1, are=False))
            if day + 1 >= 0:
                at_most_known(writer, rule, total, 1, person.name, [day, day + 1], sentence)
            for later in range(max(0, day + 2), min(day + wanted + 1, until)):
                total = Sum().add(writer.nights(person.name, day))
                total.add(writer.nights(person.name, day + 1), -1).add(writer.does(person.name, later))
                at_most_known(writer, rule, total, 1, person.name, range(day, later + 1), sentence)


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
        total.add(_works_on_any(writer, person, days))
    return total


def weekends(writer: Writer, rule: Rule) -> None:
    """At most `max` weekends worked in the period, and at most `max_in_row` in a row, those before and after it too."""
    most, in_row = rule.number("max"), rule.number("max_in_row")
    days = [day for weekend in weekends_of(writer.problem) for day in weekend]
    for person in concerned(writer, rule):
        if most is not None:
            sentence = f"{person.name} works at most {most} weekends"
            at_most_known(writer, rule, worked_weekends(writer, person.name), most, person.name, days, sentence)
        if in_row is not None:
            _weekends_in_row(writer, rule, person, in_row)


def _weekends_in_row(writer: Writer, rule: Rule, person: Person, most: int) -> None:
    """At most `most` of each stretch of one weekend more, as far as duties are known."""
    nearest = SATURDAY - writer.problem.weekday(0)
    until = max(writer.problem.days, person.known_until)
    for first in range(nearest - most * WEEK, until, WEEK):
        weekends = [(saturday, saturday + 1) for saturday in range(first, first + (most + 1) * WEEK, WEEK)]
        total = Sum()
        for weekend in weekends:
            total.add(_works_on_any(writer, person.name, weekend))
        sentence = f"{person.name} works at most {most} weekends in a row"
        at_most_known(writer, rule, total, most, person.name, [day for one in weekends for day in one], sentence)


def _works_on_any(writer: Writer, person: str, days: Iterable[int]) -> Sum:
    """Return whether a person works on one of some days, decided or settled; of days that are not known, on none."""
    wanted = tuple(days)
    if any(writer.settled(person, day) for day in wanted):
        return Sum(constant=1)
    decided = tuple(writer.works(person, day) for day in wanted if 0 <= day < writer.problem.days)
    return Sum().add([AnyOf(decided)] if decided else [])


def per_of(rule: Rule) -> int:
    """Return what one unit of excess of a rule is: an hour where minutes are weighed."""
    return HOUR if rule.weight is not None and rule.kind in COUNTED_IN_MINUTES else 1


def hours_text(minutes: int) -> str:
    """Return minutes as people say them."""
    return f"{minutes / HOUR:g} h"


def settled_text(writer: Writer, person: Person, days: Iterable[int]) -> str:
    """Say how many hours of some days are settled: before the period, on which units, after it; empty where none."""
    known = [one for day in days for one in writer.settled(person.name, day)]
    before = sum(one.minutes for one in known if one.day < 0)
    said = f", {hours_text(before)} of them before {writer.problem.day_text(0)}" if before else ""
    within = [one for one in known if 0 <= one.day < writer.problem.days]
    for unit in sorted({one.unit or "" for one in within}):
        said += f", {hours_text(sum(one.minutes for one in within if (one.unit or '') == unit))} of them on {unit}"
    after = sum(one.minutes for one in known if one.day >= writer.problem.days)
    last = writer.problem.day_text(writer.problem.days - 1)
    return said + (f", {hours_text(after)} of them after {last}" if after else "")


def elsewhere_text(writer: Writer, person: Person, days: Iterable[int]) -> str:
    """Say which of some days are settled duties on other units or after the period; empty where none are."""
    known = [one for day in days if day >= 0 for one in writer.settled(person.name, day)]
    return "".join(f", with {one.unit or one.shift} on {writer.problem.day_text(one.day)}" for one in known)


def days_text(problem: Problem, days: range) -> str:
    """Return a stretch of days as people name it."""
    if days == range(problem.days):
        return "over the period"
    return f"from {problem.day_text(days[0])} to {problem.day_text(days[-1])}"

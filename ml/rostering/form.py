"""Our own form of a problem, `pilothouse.roster/1`, made into a `Problem`: dates to days, clock times to real minutes.

What does not belong here: the form's members one by one (`form_text.py`), what the rules mean (`rules.py`).
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

from ml.rostering.errors import ProblemNotUnderstood
from ml.rostering.form_text import ConstraintText, PersonText, RosterText, ShiftText, WorkText
from ml.rostering.lines import read_text
from ml.rostering.parameters import parameters_of
from ml.rostering.problem import (
    Agreed,
    Carried,
    Demand,
    Duty,
    Fixed,
    Person,
    Problem,
    Request,
    Rule,
    Shift,
    Waiver,
    Work,
)

HISTORY = 14
LONGEST = 48 * 60
"""Minutes that one stretch of settled work may have."""
MOST_DECISIONS = 2_000_000
ALWAYS = (Rule("credentials", "credentials", "law"), Rule("leave", "leave", "contract"))
"""What holds even where no constraint of the kind is written."""


def read_form(path: Path) -> Problem:
    """Return the problem of a file. Raises `ProblemNotUnderstood` with the file and the member."""
    return parse_form(read_text(path), path.name)


def parse_form(text: str, file: str) -> Problem:
    """Return the problem of a text in YAML or JSON; `file` is its name in messages."""
    return problem_of(_validated(_loaded(text, file), file), file)


def _loaded(text: str, file: str) -> object:
    import yaml

    from ml.bounded_yaml import load_bounded

    try:
        return json.loads(text) if text.lstrip().startswith("{") else load_bounded(text)
    except (json.JSONDecodeError, yaml.YAMLError, RecursionError) as error:
        where = f"{error}".replace("\n", " ")
        raise ProblemNotUnderstood(f"{file}: neither YAML nor JSON nor the benchmark's text: {where}.") from error


def _validated(document: object, file: str) -> RosterText:
    from pydantic import ValidationError

    if not isinstance(document, dict):
        raise ProblemNotUnderstood(f"{file}: holds no members; expected 'schema: pilothouse.roster/1' and the rest.")
    try:
        return RosterText.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the document"
        more = f" ({error.error_count() - 1} more like it)" if error.error_count() > 1 else ""
        given = first.get("input")
        shown = f" It is {given!r}." if isinstance(given, str | int | float | bool) or given is None else ""
        raise ProblemNotUnderstood(f"{file}: {where}: {first['msg']}.{shown}{more}") from error


def problem_of(form: RosterText, file: str) -> Problem:
    """Return the problem that a form describes. Raises `ProblemNotUnderstood` where its members do not fit."""
    return _Reader(form, file).problem()


class _Reader:
    """Reads a form whose members are each well written, and sees whether they fit together."""

    def __init__(self, form: RosterText, file: str) -> None:
        self.form, self.file = form, file
        self.shifts = self._unique("shifts", [one.name for one in form.shifts])
        self.staff = self._unique("staff", [one.id for one in form.staff])
        self.units = self._unique("units", form.units)
        self.skills = self._unique("skills", form.skills)
        self.rules = self._unique("constraints", [one.name for one in form.constraints])
        self._rostered = {one.unit for one in form.demand}
        self._clock = _Clock(form, self.wrong("time_zone"))
        self._by_name = {one.name: self._shift(n, one) for n, one in enumerate(form.shifts)}

    def wrong(self, where: str) -> Callable[[str], ProblemNotUnderstood]:
        """Return what makes an error out of a sentence about a member."""
        return lambda what: ProblemNotUnderstood(f"{self.file}: {where}: {what}.")

    def problem(self) -> Problem:
        demand = self._demand()
        if len({one.duty for one in demand}) * len(self.staff) * self.form.days > MOST_DECISIONS:
            raise self.wrong("demand")(f"more than {MOST_DECISIONS} decisions; split the problem by unit or by weeks")
        return Problem(
            name=self.form.name,
            days=self.form.days,
            shifts=tuple(self._by_name.values()),
            staff=tuple(self._person(n, one) for n, one in enumerate(self.form.staff)),
            demand=demand,
            rules=self._rules(),
            first_day=self.form.first_day,
            fixed=self._fixed(),
            waivers=self._waivers(),
            guests=self._guests(),
        )

    def _unique(self, where: str, names: Iterable[str]) -> frozenset[str]:
        seen: set[str] = set()
        for number, name in enumerate(names):
            if name in seen:
                raise self.wrong(f"{where}.{number}")(f"{name!r} stands twice")
            seen.add(name)
        return frozenset(seen)

    def known(self, where: str, what: str, name: str, names: frozenset[str]) -> str:
        """Return a name. Raises where it is not among those that the form declares."""
        if name not in names:
            some = ", ".join(sorted(names)[:20])
            raise self.wrong(where)(f"unknown {what} {name!r}; expected one of {some}")
        return name

    def day(self, where: str, date: dt.date, *, earliest: int = 0) -> int:
        """Return a date as a day of the period. Raises where it lies outside."""
        day = (date - self.form.first_day).days
        if not earliest <= day < self.form.days:
            last = self.form.first_day + dt.timedelta(days=self.form.days - 1)
            raise self.wrong(where)(f"{date} is outside of the period, {self.form.first_day} to {last}")
        return day

    def duty(self, where: str, unit: str, shift: str, skill: str) -> Duty:
        """Return a duty whose names are all known."""
        self.known(f"{where}.unit", "unit", unit, self.units)
        self.known(f"{where}.shift", "shift", shift, self.shifts)
        self.known(f"{where}.skill", "skill", skill, self.skills)
        return Duty(unit, shift, skill)

    def _shift(self, number: int, text: ShiftText) -> Shift:
        clock = self._clock
        spans = tuple(clock.span(text, day) for day in range(self.form.days))
        earlier = tuple(clock.span(text, -day) for day in range(1, HISTORY + 1))
        minutes = tuple(end - start - text.unpaid_break_minutes for start, end in spans)
        if min(minutes) <= 0:
            raise self.wrong(f"shifts.{number}.unpaid_break_minutes")("longer than the shift itself")
        return Shift(text.name, minutes, spans, earlier, text.is_night)

    def _person(self, number: int, text: PersonText) -> Person:
        where = f"staff.{number}"
        skills: dict[str, int | None] = {}
        skills_from: dict[str, int] = {}
        for place, one in enumerate(text.skills):
            name = self.known(f"{where}.skills.{place}", "skill", one.skill, self.skills)
            skills[name] = None if one.until is None else (one.until - self.form.first_day).days
            if one.since is not None:
                skills_from[name] = (one.since - self.form.first_day).days
        self.known(f"{where}.home", "unit", text.home, self.units)
        for unit in text.floats_to:
            self.known(f"{where}.floats_to", "unit", unit, self.units)
        leave = frozenset((date - self.form.first_day).days for date in text.leave)
        requests = tuple(
            Request(
                self.day(f"{where}.requests.{place}", one.date),
                None if one.shift is None else self.known(f"{where}.requests.{place}", "shift", one.shift, self.shifts),
                one.wants == "on",
                one.weight,
                None
                if one.rule is None
                else self.known(f"{where}.requests.{place}", "constraint", one.rule, self.rules),
            )
            for place, one in enumerate(text.requests)
        )
        carried = Carried(**text.carried.model_dump())
        work = self._work(where, text)
        known_days = max([text.history_days, *(-one.day for one in work)])
        return Person(
            text.id,
            skills,
            text.home,
            text.floats_to,
            text.level,
            text.share,
            leave,
            requests,
            known_days,
            work,
            carried,
            self._agreed(where, text),
            skills_from,
        )

    def _agreed(self, where: str, text: PersonText) -> tuple[Agreed, ...]:
        short = text.min_week_hours, text.max_week_hours
        if text.agreed and short != (None, None):
            raise self.wrong(f"{where}.agreed")("stands beside min_week_hours or max_week_hours; write one of both")
        if not text.agreed:
            return () if short == (None, None) else (Agreed(None, None, *map(_week, short)),)
        zero = self.form.first_day
        return tuple(
            Agreed(
                None if one.first is None else (one.first - zero).days,
                None if one.last is None else (one.last - zero).days,
                _week(one.min_week_hours),
                _week(one.max_week_hours),
            )
            for one in text.agreed
        )

    def _work(self, where: str, text: PersonText) -> tuple[Work, ...]:
        """Return what is settled of a person: before the period, on other units within it, and after it."""
        found: list[Work] = []
        for place, one in enumerate(text.history):
            at, day = f"{where}.history.{place}", (one.date - self.form.first_day).days
            if not -HISTORY <= day < 0:
                raise self.wrong(at)(f"{one.date} is not within {HISTORY} days before the period")
            found.append(self._settled(at, day, one))
        for place, one in enumerate(text.elsewhere):
            at = f"{where}.elsewhere.{place}"
            if one.unit == text.home and one.unit in self._rostered:
                raise self.wrong(f"{at}.unit")(f"{one.unit} is the person's own unit; a duty there is 'fixed'")
            found.append(self._settled(at, self.day(at, one.date), one))
        for place, one in enumerate(text.after):
            at, day = f"{where}.after.{place}", (one.date - self.form.first_day).days
            if not self.form.days <= day < self.form.days + HISTORY:
                raise self.wrong(at)(f"{one.date} is not within {HISTORY} days after the period")
            found.append(self._settled(at, day, one))
        return tuple(found)

    def _settled(self, where: str, day: int, one: WorkText) -> Work:
        if (one.starts_at is None) is not (one.ends_at is None):
            raise self.wrong(where)("starts_at and ends_at are given both or neither")
        if one.starts_at is None or one.ends_at is None:
            name = self.known(where, "shift", one.shift, self.shifts)
            told = next(text for text in self.form.shifts if text.name == name)
            start, end = self._clock.span(told, day)
            minutes = end - start - told.unpaid_break_minutes
            return Work(day, name, start, end, minutes, told.is_night, one.unit)
        start, end = self._clock.minutes(one.starts_at), -self._clock.minutes(one.ends_at, -1)
        if not start < end <= start + LONGEST:
            raise self.wrong(where)(f"ends_at is not after starts_at, or more than {LONGEST // 60} h after it")
        shift = self._by_name.get(one.shift)
        unpaid = next((text.unpaid_break_minutes for text in self.form.shifts if text.name == one.shift), 0)
        is_night = shift.is_night if shift else self._clock.passes_midnight(one.starts_at, one.ends_at)
        return Work(day, one.shift, start, end, max(0, end - start - unpaid), is_night, one.unit)

    def _guests(self) -> dict[tuple[int, Duty], int]:
        found: dict[tuple[int, Duty], int] = {}
        for number, one in enumerate(self.form.guests):
            where = f"guests.{number}"
            key = self.day(where, one.date), self.duty(where, one.unit, one.shift, one.skill)
            if key in found:
                raise self.wrong(where)(f"{one.skill} for {one.shift} on {one.unit}, {one.date}, stands twice")
            found[key] = one.nurses
        return found

    def _demand(self) -> tuple[Demand, ...]:
        found: dict[tuple[int, Duty], Demand] = {}
        for number, one in enumerate(self.form.demand):
            where = f"demand.{number}"
            duty, day = self.duty(where, one.unit, one.shift, one.skill), self.day(where, one.date)
            if (day, duty) in found:
                raise self.wrong(where)(f"{one.skill} for {one.shift} on {one.unit}, {one.date}, stands twice")
            found[day, duty] = Demand(day, duty, one.nurses)
        for number, one in enumerate(self.form.isolation):
            where = f"isolation.{number}"
            duty, day = self.duty(where, one.unit, one.shift, self._isolation_skill(where)), self.day(where, one.date)
            if (day, duty) in found:
                raise self.wrong(where)(f"{one.shift} on {one.unit}, {one.date}, stands twice, or in demand too")
            found[day, duty] = Demand(day, duty, ceil(one.beds / self._beds_per_nurse()))
        return tuple(found.values())

    def _isolation_skill(self, where: str) -> str:
        for rule in self.form.constraints:
            if rule.kind == "isolation":
                skills = rule.parameters.get("skills")
                return str(skills[0]) if isinstance(skills, list) and skills else str(skills)
        raise self.wrong(where)("isolation beds need a constraint of kind isolation that names the skill")

    def _beds_per_nurse(self) -> int:
        """Return how many isolation beds one nurse may have; one where the constraint does not say."""
        told = [rule.parameters.get("beds_per_nurse") for rule in self.form.constraints if rule.kind == "isolation"]
        return max(1, int(str(told[0]))) if told and told[0] is not None else 1

    def _rules(self) -> tuple[Rule, ...]:
        written = tuple(self._rule(number, one) for number, one in enumerate(self.form.constraints))
        kinds = {one.kind for one in written}
        return (*(one for one in ALWAYS if one.kind not in kinds), *written)

    def _rule(self, number: int, text: ConstraintText) -> Rule:
        where = f"constraints.{number}"
        wrong = self.wrong(f"{where} ({text.name})")
        if text.hard == (text.weight is not None):
            raise wrong("a constraint is either 'hard: true' or has a 'weight'")
        if text.hard and text.kind in ("fairness", "agency"):
            raise wrong(f"{text.kind} has a weight: what each unit of it costs")
        for person in text.staff or ():
            self.known(f"{where}.staff", "staff id", person, self.staff)
        parameters = parameters_of(text.kind, text.parameters, wrong)
        rule = Rule(
            text.name, text.kind, text.source, text.weight, frozenset(text.staff) if text.staff else None, parameters
        )
        for member, what, names in (
            ("skills", "skill", self.skills),
            ("units", "unit", self.units),
            ("shifts", "shift", self.shifts),
            ("first", "shift", self.shifts),
            ("then", "shift", self.shifts),
        ):
            for name in rule.words(member):
                self.known(f"{where}.parameters.{member}", what, name, names)
        return rule

    def _fixed(self) -> tuple[Fixed, ...]:
        found: list[Fixed] = []
        for number, one in enumerate(self.form.fixed):
            where = f"fixed.{number}"
            self.known(where, "staff id", one.staff, self.staff)
            duty = None if one.duty is None else self.duty(where, one.duty.unit, one.duty.shift, one.duty.skill)
            person = next(text for text in self.form.staff if text.id == one.staff)
            if duty is not None and duty.skill not in {skill.skill for skill in person.skills}:
                raise self.wrong(where)(f"{one.staff} does not have the skill {duty.skill}")
            found.append(Fixed(one.staff, self.day(where, one.date), duty, one.by))
        return tuple(found)

    def _waivers(self) -> tuple[Waiver, ...]:
        found: list[Waiver] = []
        names = self.rules | {rule.name for rule in ALWAYS}
        for number, one in enumerate(self.form.exceptions):
            where = f"exceptions.{number}"
            self.known(where, "constraint", one.constraint, names)
            self.known(where, "staff id", one.staff, self.staff)
            found.append(Waiver(one.constraint, one.staff, self.day(where, one.date), one.by, one.reason))
        return tuple(found)


class _Clock:
    """Real minutes since the first midnight of the period, in the site's time zone."""

    def __init__(self, form: RosterText, wrong: Callable[[str], Exception]) -> None:
        try:
            self._zone = ZoneInfo(form.time_zone)
        except (ValueError, OSError, KeyError) as error:
            raise wrong(f"{form.time_zone!r} is no time zone; expected a name such as Europe/Berlin") from error
        self._first = form.first_day
        self._zero = self._instant(0, "00:00")

    def minutes(self, at: dt.datetime, sign: int = 1) -> int:
        """Return an instant as whole minutes since the first midnight of the period, or with `sign` -1 until it: work
        that began or ended within a minute lasts all of it."""
        return _minutes(sign * (at.astimezone(dt.UTC) - self._zero))

    def passes_midnight(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Tell whether a stretch ends on a later local day than it begins."""
        return end.astimezone(self._zone).date() > start.astimezone(self._zone).date()

    def span(self, shift: ShiftText, day: int) -> tuple[int, int]:
        """Return start and end of a shift that begins on a day."""
        ends_on = day if shift.end > shift.start else day + 1
        start, end = self._instant(day, shift.start), self._instant(ends_on, shift.end)
        return _minutes(start - self._zero), _minutes(end - self._zero)

    def _instant(self, day: int, clock: str) -> dt.datetime:
        time = dt.time.fromisoformat(clock)
        local = dt.datetime.combine(self._first + dt.timedelta(days=day), time, self._zone)
        return local.astimezone(dt.UTC)


def _week(hours: float | None) -> int | None:
    return None if hours is None else round(hours * 60)


def _minutes(length: dt.timedelta) -> int:
    return int(length.total_seconds() // 60)

"""The benchmark format of schedulingbenchmarks.org (Curtois and Qu, 2014), read into a `Problem`.

Every number of the file becomes a rule with a name, so that the same clauses, checks and explanations serve it. Days
count from 0, a Monday. What does not belong here: our own form (`form.py`).
"""

from pathlib import Path

from ml.rostering.errors import ProblemNotUnderstood
from ml.rostering.lines import Line, read_text, sections_of
from ml.rostering.problem import Demand, Duty, Kind, Person, Problem, Request, Rule, Shift, Source, Value

UNIT, SKILL = "ward", "nurse"
SECTIONS = (
    "SECTION_HORIZON",
    "SECTION_SHIFTS",
    "SECTION_STAFF",
    "SECTION_DAYS_OFF",
    "SECTION_SHIFT_ON_REQUESTS",
    "SECTION_SHIFT_OFF_REQUESTS",
    "SECTION_COVER",
)
MOST_DAYS, MOST_SHIFTS, MOST_STAFF, DAY_MINUTES = 400, 64, 400, 1440
STAFF_FIELDS = (
    "ID, MaxShifts, MaxTotalMinutes, MinTotalMinutes, MaxConsecutiveShifts, MinConsecutiveShifts, "
    "MinConsecutiveDaysOff, MaxWeekends"
)
FEWEST_OFF_RULE = "minimum consecutive days off"


def is_nrp24(text: str) -> bool:
    """Tell whether a text looks like the benchmark's format."""
    return any(line.startswith("SECTION_") for line in text.splitlines())


def read_nrp24(path: Path) -> Problem:
    """Return the problem of a file. Raises `ProblemNotUnderstood` with the file and the line."""
    return parse_nrp24(read_text(path), path.name)


def parse_nrp24(text: str, file: str) -> Problem:
    """Return the problem of a text; `file` is its name in messages."""
    sections = sections_of(text, file, SECTIONS)
    horizon = sections["SECTION_HORIZON"]
    if len(horizon) != 1:
        horizon[1].wrong("a second number of days; expected one.")
    days = horizon[0].whole(0, "the horizon", least=1, most=MOST_DAYS)
    shifts = _Shifts(sections["SECTION_SHIFTS"], days)
    staff = _Staff(sections, days, shifts)
    rules = (
        Rule("cover", "cover", "policy", 1),
        Rule("credentials", "credentials", "law"),
        Rule("days off", "leave", "contract"),
        Rule("shift requests", "requests", "wish", 1),
        *shifts.rules(),
        *staff.rules,
    )
    demand = _demand(sections.get("SECTION_COVER", []), days, shifts)
    return Problem(file, days, tuple(shifts.shifts.values()), tuple(staff.people.values()), demand, rules)


class _Shifts:
    """The shifts by name, and what cannot follow them."""

    def __init__(self, lines: list[Line], days: int) -> None:
        self.shifts: dict[str, Shift] = {}
        self._never_after: dict[str, tuple[str, ...]] = {}
        for line in lines:
            line.count(3, "ShiftID, Length in mins, Shifts which cannot follow this shift")
            name = line.fields[0]
            if not name or name in self.shifts:
                line.wrong(f"shift {name!r} stands twice, or has no name.")
            minutes = line.whole(1, "the length in minutes", least=1, most=DAY_MINUTES)
            self.shifts[name] = Shift(name, (minutes,) * days)
            self._never_after[name] = tuple(part for part in line.fields[2].split("|") if part)
        if len(self.shifts) > MOST_SHIFTS:
            lines[0].wrong(f"{len(self.shifts)} shifts; at most {MOST_SHIFTS} are taken.")
        for line in lines:
            for name in self._never_after[line.fields[0]]:
                self.known(line, name)

    def known(self, line: Line, name: str) -> str:
        """Return a shift's name. Raises `ProblemNotUnderstood` where there is none such."""
        if name not in self.shifts:
            line.wrong(f"unknown shift {name!r}; the shifts are {', '.join(self.shifts)}.")
        return name

    def rules(self) -> list[Rule]:
        """Return what cannot follow what, as rules."""
        return [
            Rule(f"what cannot follow {first}", "succession", "law", parameters={"first": (first,), "then": then})
            for first, then in self._never_after.items()
            if then
        ]


class _Staff:
    """The people with their days off and requests, and the rules of their contracts."""

    def __init__(self, sections: dict[str, list[Line]], days: int, shifts: _Shifts) -> None:
        self.rules: list[Rule] = []
        self._days, self._shifts = days, shifts
        self._names: dict[str, None] = {}
        for line in sections["SECTION_STAFF"]:
            self._contract(line)
        if len(self._names) > MOST_STAFF:
            sections["SECTION_STAFF"][0].wrong(f"{len(self._names)} people; at most {MOST_STAFF} are taken.")
        off = self._days_off(sections.get("SECTION_DAYS_OFF", []))
        wishes: dict[str, list[Request]] = {}
        for section, is_on in (("SECTION_SHIFT_ON_REQUESTS", True), ("SECTION_SHIFT_OFF_REQUESTS", False)):
            for line in sections.get(section, []):
                name, request = self._request(line, is_on)
                wishes.setdefault(name, []).append(request)
        self.people = {
            name: Person(
                name, {SKILL: None}, UNIT, leave=off.get(name, frozenset()), requests=tuple(wishes.get(name, ()))
            )
            for name in self._names
        }

    def _contract(self, line: Line) -> None:
        line.count(8, STAFF_FIELDS)
        name = line.fields[0]
        if not name or name in self._names:
            line.wrong(f"employee {name!r} stands twice, or has no name.")
        self._names[name] = None
        most, least = line.whole(2, "MaxTotalMinutes"), line.whole(3, "MinTotalMinutes")
        if least > most:
            line.wrong(f"MinTotalMinutes {least} is above MaxTotalMinutes {most}.")
        self._most_of_each(line, name)
        runs, shortest, fewest = (line.whole(i, STAFF_FIELDS.split(", ")[i], most=self._days) for i in (4, 5, 6))
        self._add("total minutes", "hours", name, {"max_minutes": most, "min_minutes": least})
        self._add("maximum consecutive shifts", "consecutive_shifts", name, {"max": runs})
        self._add("minimum consecutive shifts", "consecutive_shifts", name, {"min": shortest})
        self._add(FEWEST_OFF_RULE, "days_off", name, {"min": fewest})
        self._add("maximum weekends", "weekends", name, {"max": line.whole(7, "MaxWeekends", most=self._days)})

    def _most_of_each(self, line: Line, name: str) -> None:
        for part in line.fields[1].split("|"):
            shift, _, number = part.partition("=")
            self._shifts.known(line, shift)
            most = Line(line.file, line.number, (number,)).whole(0, f"MaxShifts of {shift}")
            if most < self._days:
                self._add(f"maximum {shift}", "shift_count", name, {"shifts": (shift,), "max": most})

    def _add(self, name: str, kind: Kind, person: str, parameters: dict[str, Value]) -> None:
        source: Source = "contract"
        self.rules.append(Rule(name, kind, source, None, frozenset({person}), parameters))

    def _known(self, line: Line) -> str:
        if line.fields[0] not in self._names:
            line.wrong(f"unknown employee {line.fields[0]!r}; the staff are named in SECTION_STAFF.")
        return line.fields[0]

    def _days_off(self, lines: list[Line]) -> dict[str, frozenset[int]]:
        off: dict[str, frozenset[int]] = {}
        for line in lines:
            name = self._known(line)
            days = [line.whole(i, "a day off", most=self._days - 1) for i in range(1, len(line.fields))]
            off[name] = off.get(name, frozenset()) | frozenset(days)
        return off

    def _request(self, line: Line, is_on: bool) -> tuple[str, Request]:
        line.count(4, "EmployeeID, Day, ShiftID, Weight")
        name, day = self._known(line), line.whole(1, "the day", most=self._days - 1)
        shift = self._shifts.known(line, line.fields[2])
        return name, Request(day, shift, is_on, line.whole(3, "the weight"))


def _demand(lines: list[Line], days: int, shifts: _Shifts) -> tuple[Demand, ...]:
    found: dict[tuple[int, str], Demand] = {}
    for line in lines:
        line.count(5, "Day, ShiftID, Requirement, Weight for under, Weight for over")
        day, shift = line.whole(0, "the day", most=days - 1), shifts.known(line, line.fields[1])
        if (day, shift) in found:
            line.wrong(f"the cover of {shift} on day {day} stands twice.")
        nurses = line.whole(2, "the requirement (how many are needed)", most=MOST_STAFF)
        under, over = line.whole(3, "the weight for under"), line.whole(4, "the weight for over")
        found[day, shift] = Demand(day, Duty(UNIT, shift, SKILL), nurses, under, over)
    if not found:
        raise ProblemNotUnderstood(f"{shifts_file(lines)}no cover: nothing says how many are needed (SECTION_COVER).")
    return tuple(found.values())


def shifts_file(lines: list[Line]) -> str:
    """Return the file's name for a message, where a line tells it."""
    return f"{lines[0].file}: " if lines else ""

"""Reads a roster back: the JSON of `roster solve --out` (by hand changed, perhaps), or the benchmark's text of one.

What does not belong here: writing one (`documents.py`), judging one (`checking.py`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ml.rostering.errors import EventNotUnderstood, RosterNotUnderstood
from ml.rostering.events import after, read_day, read_event
from ml.rostering.form import parse_form
from ml.rostering.lines import read_text
from ml.rostering.nrp24 import SKILL, UNIT, is_nrp24, parse_nrp24
from ml.rostering.problem import Duty, Problem
from ml.rostering.roster import Roster

MOST_ASSIGNMENTS = 200_000


@dataclass(frozen=True)
class Carried:
    """What a roster's JSON carries: its problem's file (name, text) and the events that it was repaired for."""

    problem: tuple[str, str] | None
    events: tuple[str, ...]


def read_roster(path: Path, problem: Problem) -> Roster:
    """Return a roster of a problem. Raises `RosterNotUnderstood` with the row or the member."""
    text = read_text(path)
    if text.lstrip().startswith("{"):
        return roster_of(problem, _document(text, path.name), path.name)
    return _from_rows(problem, text, path.name)


def problem_of_roster(path: Path, problem: Problem | None) -> tuple[Problem, Carried]:
    """Return the problem of a roster as it is by now (the one given, or the one its JSON carries, after the events it
    was repaired for), and what it carries. Raises `RosterNotUnderstood` where there is none."""
    text = read_text(path)
    carried = _carried(_document(text, path.name)) if text.lstrip().startswith("{") else Carried(None, ())
    if problem is None:
        if carried.problem is None:
            raise RosterNotUnderstood(f"{path.name}: carries no problem; name its file with --problem.")
        name, held = carried.problem
        problem = parse_nrp24(held, name) if is_nrp24(held) else parse_form(held, name)
    for event in carried.events:
        problem = after(problem, read_event(problem, event))
    return problem, carried


def _carried(document: dict[str, Any]) -> Carried:
    held, events = document.get("problem_file"), document.get("events")
    told = tuple(str(one) for one in events) if isinstance(events, list) else ()
    if not isinstance(held, dict) or not isinstance(held.get("text"), str):
        return Carried(None, told)
    return Carried((str(held.get("name")), str(held["text"])), told)


def _document(text: str, file: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RosterNotUnderstood(f"{file}: is no JSON: {error}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("assignments"), list):
        raise RosterNotUnderstood(f"{file}: has no list of assignments; `roster solve --out NAME.json` writes one.")
    return cast("dict[str, Any]", document)


def roster_of(problem: Problem, document: dict[str, Any], file: str) -> Roster:
    """Return the roster of a JSON document. Raises `RosterNotUnderstood` with the number of the assignment."""
    rows = document["assignments"]
    if not rows:
        raise RosterNotUnderstood(f"{file}: the roster names nobody: its list of assignments is empty.")
    if len(rows) > MOST_ASSIGNMENTS:
        raise RosterNotUnderstood(f"{file}: more than {MOST_ASSIGNMENTS} assignments.")
    duties: dict[tuple[str, int], Duty] = {}
    for number, row in enumerate(rows):
        where = f"{file}: assignments.{number}"
        person, day, duty = _member(row, "person", where), _day(problem, row, where), _duty(problem, row, where)
        if person not in problem.person_by_name:
            raise RosterNotUnderstood(f"{where}: nobody in the problem is called {person!r}.")
        if (person, day) in duties:
            raise RosterNotUnderstood(f"{where}: {person} has two duties on {problem.day_text(day)}; one is expected.")
        duties[person, day] = duty
    return Roster(duties, _agency(problem, document.get("agency", []), file))


def _agency(problem: Problem, rows: Any, file: str) -> dict[tuple[int, Duty], int]:
    found: dict[tuple[int, Duty], int] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        where = f"{file}: agency.{number}"
        nurses = row.get("nurses") if isinstance(row, dict) else None
        if not isinstance(nurses, int) or not 0 <= nurses <= 500:
            raise RosterNotUnderstood(f"{where}: nurses is {nurses!r}; expected a whole number, not negative.")
        found[_day(problem, row, where), _duty(problem, row, where)] = nurses
    return found


def _member(row: Any, name: str, where: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, str):
        raise RosterNotUnderstood(f"{where}: {name} is {value!r}; expected a name.")
    return value


def _day(problem: Problem, row: Any, where: str) -> int:
    name = "day" if problem.first_day is None else "date"
    value = row.get(name) if isinstance(row, dict) else None
    try:
        return read_day(problem, str(value))
    except EventNotUnderstood as error:
        raise RosterNotUnderstood(f"{where}: {name}: {error}") from error


def _duty(problem: Problem, row: Any, where: str) -> Duty:
    duty = Duty(_member(row, "unit", where), _member(row, "shift", where), _member(row, "skill", where))
    if duty.shift not in problem.shift_by_name:
        known = ", ".join(problem.shift_by_name)
        raise RosterNotUnderstood(f"{where}: unknown shift {duty.shift!r}; the shifts are {known}.")
    if duty not in problem.duties:
        raise RosterNotUnderstood(f"{where}: nobody is ever needed as {duty.skill} for {duty.shift} on {duty.unit}.")
    return duty


def _from_rows(problem: Problem, text: str, file: str) -> Roster:
    """Read the benchmark's text: a row per person in the problem's order, a tab between days."""
    rows = text.removesuffix("\n").split("\n")
    if not text.strip():
        raise RosterNotUnderstood(f"{file}: the roster names nobody: it is empty.")
    if len(rows) != len(problem.staff):
        raise RosterNotUnderstood(f"{file}: {len(rows)} rows; expected {len(problem.staff)}, one for each person.")
    duties: dict[tuple[str, int], Duty] = {}
    for number, (person, row) in enumerate(zip(problem.staff, rows, strict=True), start=1):
        cells = row.rstrip("\r").split("\t")
        if len(cells) != problem.days:
            raise RosterNotUnderstood(f"{file}, line {number}: {len(cells)} days; expected {problem.days}.")
        for day, cell in enumerate(cells):
            shift = cell.strip()
            if shift and shift not in problem.shift_by_name:
                raise RosterNotUnderstood(f"{file}, line {number}: unknown shift {shift!r} on day {day}.")
            if shift:
                duties[person.name, day] = Duty(UNIT, shift, SKILL)
    return Roster(duties)

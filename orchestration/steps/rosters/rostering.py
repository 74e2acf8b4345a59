"""The steps behind `roster solve`, `repair` and `check`: files in, one answer out.

What does not belong here: the rules and the solver (`ml/rostering`), what an exception leaves behind
(`roster_exceptions.py`).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import StepError

if TYPE_CHECKING:
    from ml.rostering import Problem, Roster

Progress = Callable[[str], None]


class RosterNotWritten(StepError):
    """The file of a roster cannot be written."""


def solve_file(file: Path, seconds: float, seed: int, out: Path | None, progress: Progress) -> Answer:
    """Solve a problem's file; write the roster where asked; exit code 1 with reasons where there is none."""
    from ml.rostering import read_problem, solve
    from ml.rostering.documents import answer_document

    problem = read_problem(file)
    _require_place(out)
    answer = solve(problem, seconds, seed, progress)
    document = answer_document(problem, answer)
    if out is not None and answer.roster is not None:
        held = (file.name, file.read_text("utf-8-sig"))
        _write(out, problem, answer.roster, {**document, **_held(held, ())})
    return Answer(document, _solved_words(document), DONE if answer.roster is not None else FAILED)


def repair_file(
    file: Path, problem_file: Path | None, events: Sequence[str], kept: Sequence[str], seconds: float, out: Path | None
) -> Answer:
    """Repair a roster's file after some events; exit code 1 where something stays shorter than it was."""
    from ml.rostering import read_event, read_problem, repair
    from ml.rostering.documents import repair_document
    from ml.rostering.roster_files import problem_of_roster, read_roster

    problem, carried = problem_of_roster(file, None if problem_file is None else read_problem(problem_file))
    roster = read_roster(file, problem)
    told = [read_event(problem, text) for text in events]
    repaired = repair(problem, roster, told, seconds, keep=_kept(problem, kept))
    document = repair_document(problem, repaired)
    if out is not None and repaired.answer.roster is not None:
        held = carried.problem or (problem_file and (problem_file.name, problem_file.read_text("utf-8-sig")))
        _write(out, problem, repaired.answer.roster, {**document, **_held(held, (*carried.events, *events))})
    is_whole = not repaired.still_short and not repaired.answer.hard_violations
    return Answer(document, _repaired_words(document), DONE if is_whole else FAILED)


def check_file(problem_file: Path, file: Path) -> Answer:
    """Judge a roster's file by its problem; exit code 1 where it breaks a hard rule that nobody waived."""
    from ml.rostering import check, read_problem
    from ml.rostering.documents import check_document
    from ml.rostering.roster_files import read_roster

    problem = read_problem(problem_file)
    document = check_document(problem, check(problem, read_roster(file, problem)))
    return Answer(document, _checked_words(document), DONE if document["ok"] else FAILED)


def _held(problem: tuple[str, str] | None, events: Sequence[str]) -> dict[str, object]:
    """Return what a roster's JSON carries, so that it can be repaired by itself, and again."""
    held = None if problem is None else {"name": problem[0], "text": problem[1]}
    return {"problem_file": held, "events": list(events)}


def _kept(problem: "Problem", kept: Sequence[str]) -> frozenset[tuple[str, int]]:
    from ml.rostering import EventNotUnderstood
    from ml.rostering.events import read_day

    found: set[tuple[str, int]] = set()
    for text in kept:
        person, _, date = text.rpartition(":")
        if person not in problem.person_by_name:
            raise EventNotUnderstood(f"--keep {text!r}: nobody is called {person!r}; it is written PERSON:DATE.")
        found.add((person, read_day(problem, date)))
    return frozenset(found)


def _require_place(out: Path | None) -> None:
    """Refuse a place that cannot be written before anything is searched for."""
    if out is not None and not out.parent.is_dir():
        raise RosterNotWritten(f"{out}: the roster cannot be written: there is no folder {out.parent}; make it first.")


def _write(out: Path, problem: "Problem", roster: "Roster", document: dict[str, object]) -> None:
    """Write a roster: as JSON where the name says so, else as the benchmark's text."""
    from ml.rostering.documents import solution_text

    text = solution_text(problem, roster)
    if out.suffix.lower() == ".json":
        text = json.dumps(document, ensure_ascii=False, indent=2)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RosterNotWritten(f"{out}: the roster cannot be written: {error.strerror}.") from error


def _solved_words(document: dict[str, Any]) -> str:
    """Say the answer in lines that nothing is cut from."""
    lines = [f"{document['status']}: cost {document['objective']}, proven bound {document['bound']}"]
    lines += [f"- broken: {one['sentence']}" for one in document["hard_violations"]]
    if document["conflict"]:
        lines.append("These cannot all hold; without any one of them there would be a roster:")
    lines += [f"- {one['sentence']} ({one['rule']}, {one['source']})" for one in document["conflict"]]
    lines += [f"- cost {one['cost']}: {one['wish']}; gave way to {one['rule']}" for one in document["gave_way"]]
    return "\n".join([*lines, *([document["note"]] if "note" in document else [])])


def _repaired_words(document: dict[str, Any]) -> str:
    fewest = "fewer are impossible" if document["is_fewest"] else "fewer may be possible"
    lines = [f"{len(document['changes'])} changes ({fewest})"]
    for one in document["changes"]:
        was, now = (one[side]["shift"] if one[side] else "free" for side in ("was", "now"))
        who = one["person"] or "agency"
        lines.append(f"- {who}, {one['date'] or one['day']}: {was} -> {now}; {one['why']}")
    return "\n".join([*lines, *(f"- still short: {one}" for one in document["still_short"])])


def _checked_words(document: dict[str, Any]) -> str:
    lines = ["keeps every hard rule" if document["ok"] else "breaks hard rules:"]
    lines += [f"- {one['sentence']}" for one in document["hard_violations"]]
    lines += [f"- waived by {one['waiver']['by']}: {one['sentence']}" for one in document["exceptions"]]
    return "\n".join([*lines, *(f"- cost {one['cost']}: {one['sentence']}" for one in document["short"])])

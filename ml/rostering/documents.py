"""Answers and rosters as JSON documents and as the benchmark's text of a solution.

The text has a row for each person in the problem's order and a tab between days; a free day is empty. What does not
belong here: reading a problem (`nrp24.py`, `form.py`), reading a roster (`roster_files.py`).
"""

from collections.abc import Sequence
from dataclasses import asdict

from ml.rostering.problem import Problem
from ml.rostering.repairing import Change, RepairAnswer
from ml.rostering.roster import Breach, GaveWay, Roster, RosterAnswer

Json = dict[str, object]


def answer_document(problem: Problem, answer: RosterAnswer) -> Json:
    """Return an answer as JSON; `objective` and `assignments` are null and empty where there is no roster."""
    document: Json = {
        "problem": problem.name,
        "status": answer.status,
        "objective": answer.objective,
        "bound": answer.bound,
        "gap": None if not answer.objective else round((answer.objective - answer.bound) / answer.objective, 4),
        "seconds": round(answer.seconds, 2),
        "hard_violations": [breach_document(problem, one) for one in answer.hard_violations],
        "gave_way": [_gave_way(problem, one) for one in answer.gave_way],
        "conflict": [asdict(one) for one in answer.conflict],
        "is_conflict_minimal": answer.is_conflict_minimal,
        "exceptions": [breach_document(problem, one) for one in answer.exceptions],
        "fairness": [asdict(one) for one in answer.fairness],
        **roster_document(problem, answer.roster),
    }
    return {**document, "note": answer.note} if answer.note else document


def roster_document(problem: Problem, roster: Roster | None) -> Json:
    """Return a roster as JSON: who, when, what; and the agency nurses to book."""
    if roster is None:
        return {"assignments": [], "agency": []}
    place = {person.name: number for number, person in enumerate(problem.staff)}
    ordered = sorted(roster.duties.items(), key=lambda one: (place.get(one[0][0], 0), one[0][1]))
    return {
        "assignments": [
            {"person": person, "day": day, "date": date_text(problem, day), **asdict(duty)}
            for (person, day), duty in ordered
        ],
        "agency": [
            {"day": day, "date": date_text(problem, day), **asdict(duty), "nurses": nurses}
            for (day, duty), nurses in roster.agency.items()
            if nurses
        ],
    }


def date_text(problem: Problem, day: int) -> str | None:
    """Return a day's date, None where the problem knows no calendar."""
    return None if problem.first_day is None else problem.day_text(day)


def breach_document(problem: Problem, breach: Breach) -> Json:
    """Return a breach as JSON, its days as people name them."""
    return {**asdict(breach), "days": [problem.day_text(day) for day in breach.days]}


def _gave_way(problem: Problem, one: GaveWay) -> Json:
    return {**asdict(one), "days": [problem.day_text(day) for day in one.days]}


def solution_text(problem: Problem, roster: Roster) -> str:
    """Return a roster as the benchmark's site takes it: a row per person, a tab between days, free days empty."""
    rows = [
        "\t".join(duty.shift if (duty := roster.duties.get((person.name, day))) else "" for day in range(problem.days))
        for person in problem.staff
    ]
    return "\n".join(rows) + "\n"


def repair_document(problem: Problem, repaired: RepairAnswer) -> Json:
    """Return a repair as JSON: each change with why, then the answer about the roster as it is now."""
    changes = [change_document(problem, one) for one in repaired.changes]
    answer = answer_document(problem, repaired.answer)
    return {
        "changes": changes,
        "is_fewest": repaired.is_fewest,
        "still_short": list(repaired.still_short),
        **{name: value for name, value in answer.items() if name not in ("bound", "gap", "status", "conflict")},
    }


def change_document(problem: Problem, one: Change) -> Json:
    """Return a change as JSON: who, when, what it was and is now, and why."""
    return {
        "person": one.person,
        "day": one.day,
        "date": date_text(problem, one.day),
        "was": None if one.was is None else asdict(one.was),
        "now": None if one.now is None else asdict(one.now),
        "why": one.why,
    }


def check_document(problem: Problem, breaches: Sequence[Breach]) -> Json:
    """Return what a check found: hard rules broken, those that somebody waived, what is left short at a cost."""
    broken = [one for one in breaches if one.is_hard and one.waiver is None]
    return {
        "problem": problem.name,
        "ok": not broken,
        "objective": sum(one.cost for one in breaches),
        "hard_violations": [breach_document(problem, one) for one in broken],
        "exceptions": [breach_document(problem, one) for one in breaches if one.is_hard and one.waiver is not None],
        "short": [breach_document(problem, one) for one in breaches if not one.is_hard],
    }

"""An exception to a roster's rule: who allows it, why, and its entry on the ledger.

What does not belong here: finding what a roster breaks (`ml/rostering`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import WrongUsage
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import entry_document, now, open_records

if TYPE_CHECKING:
    from ml.rostering import Breach, Problem

KIND = "roster_exception"


class ExceptionNotUnderstood(WrongUsage):
    """What is to be excepted is not what the roster breaks."""


def accept_breach(
    settings: Settings,
    problem_file: Path,
    file: Path,
    about: tuple[str, str, str],
    site: str,
    reason: str,
    actor: Actor,
) -> Answer:
    """Put an exception on the ledger; the answer holds the entry, and the member that keeps it in the problem's file.

    `about` is rule, person and date. Raises `ExceptionNotUnderstood` where the roster does not break that rule."""
    from ml.rostering import read_problem
    from orchestration.sites import load_site
    from orchestration.steps.files import file_sha256

    load_site(site)
    problem = read_problem(problem_file)
    breach, (rule, person, date) = _breach(problem, file, about), about
    at, who = now(), actor.required()
    payload = {
        "site": site,
        "roster": file_sha256(file),
        "rule": rule,
        "source": breach.source,
        "staff": person,
        "day": date,
        "reason": reason,
    }
    entry = open_records(settings).append(kind=KIND, actor=who.name, payload=who.act(KIND, payload, at), at=at)
    kept = {"constraint": rule, "staff": person, "date": date, "by": who.name, "reason": reason}
    return Answer({"entry": entry_document(entry), "broken": breach.sentence, "exception": kept})


def _breach(problem: "Problem", file: Path, about: tuple[str, str, str]) -> "Breach":
    from ml.rostering import check
    from ml.rostering.events import read_day
    from ml.rostering.roster_files import read_roster

    rule, person, date = about
    day = read_day(problem, date)
    broken = [one for one in check(problem, read_roster(file, problem)) if one.is_hard and one.waiver is None]
    for one in broken:
        if (one.rule, one.person) == (rule, person) and day in one.days:
            return one
    there = "; ".join(f"{one.rule}, {one.person}, {', '.join(map(problem.day_text, one.days))}" for one in broken[:10])
    raise ExceptionNotUnderstood(
        f"The roster does not break {rule!r} for {person} on {date}. It breaks: {there or '–'}."
    )

"""The step behind `roster solve`, `repair` and `check`: files in, one answer out; exceptions go to the ledger.

What does not belong here: the rules and the solver (`ml/rostering`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.steps.answer import DONE, FAILED, Answer

Progress = Callable[[str], None]


def solve_file(file: Path, seconds: float, seed: int, out: Path | None, progress: Progress) -> Answer:
    """Solve a problem's file; write the roster where asked; exit code 1 with reasons where there is none."""
    from ml.rostering import read_problem, solve
    from ml.rostering.documents import answer_document

    problem = read_problem(file)
    answer = solve(problem, seconds, seed, progress)
    document = answer_document(problem, answer)
    if out is not None and answer.roster is not None:
        _write(out, problem, answer.roster, document)
    return Answer(document, _words(document), DONE if answer.roster is not None else FAILED)


def _write(out: Path, problem: Any, roster: Any, document: dict[str, object]) -> None:
    from ml.rostering.documents import solution_text

    is_json = out.suffix.lower() == ".json"
    text = json.dumps(document, ensure_ascii=False, indent=2) if is_json else solution_text(problem, roster)
    out.write_text(text, encoding="utf-8")


def _words(document: dict[str, Any]) -> str:
    """Say the answer in lines that nothing is cut from."""
    lines = [f"{document['status']}: cost {document['objective']}, proven bound {document['bound']}"]
    lines += [f"- broken: {one['sentence']}" for one in document["hard_violations"]]
    lines += [f"- in conflict: {one['sentence']} ({one['rule']}, {one['source']})" for one in document["conflict"]]
    lines += [f"- cost {one['cost']}: {one['wish']}; gave way to {one['rule']}" for one in document["gave_way"]]
    return "\n".join(lines)

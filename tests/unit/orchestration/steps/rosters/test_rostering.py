"""`roster solve`, `repair`, `check` and `except` as commands: files in, one document out, exceptions on the ledger."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from orchestration.cli import main
from tests.unit.ml.rostering.wards import text, ward


def run(*arguments: str, home: Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner(env={"PILOTHOUSE_HOME": str(home)}).invoke(main, [*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_roster_is_solved_repaired_checked_and_excepted(tmp_path: Path) -> None:
    problem, made, mended = tmp_path / "p.json", tmp_path / "r.json", tmp_path / "m.json"
    problem.write_text(text(ward(seed=4, staff=8, days=7)))
    home = tmp_path / "home"
    code, solved = run("roster", "solve", str(problem), "--seconds", "2", "--out", str(made), home=home)
    assert (code, solved["hard_violations"]) == (0, [])
    first = next(one for one in solved["assignments"] if one["day"] == 3)
    event = f"sick:{first['person']}:{first['date']}"
    code, repaired = run("roster", "repair", str(made), "--event", event, "--out", str(mended), home=home)
    assert repaired["changes"][0]["why"] == f"{first['person']} is sick"
    assert run("roster", "check", str(problem), str(made), home=home)[0] == 0
    _, again = run("roster", "repair", str(mended), "--event", f"admission:u0:{first['date']}:L:rn+1", home=home)
    assert (first["person"], 3) not in {(one["person"], one["day"]) for one in again["assignments"]}, "still sick"

    document = json.loads(made.read_text())
    night = {"unit": "u0", "shift": "N", "skill": "rn"}
    person = next(one for one in ward(seed=4, staff=8, days=7)["staff"] if one["home"] == "u0")["id"]
    others = [one for one in document["assignments"] if one["person"] != person]
    nights = [{"person": person, "date": f"2026-10-{19 + day}", **night} for day in range(5)]
    made.write_text(json.dumps({**document, "assignments": others + nights}))
    code, checked = run("roster", "check", str(problem), str(made), home=home)
    assert code == 1
    assert any("three nights in a row" in one["sentence"] for one in checked["hard_violations"])

    arguments = ["roster", "except", str(problem), str(made), "--staff", person, "--date", "2026-10-22"]
    reason = ["--reason", "asked for it", "--as", "kim.manager", "--site", "rural"]
    code, excepted = run(*arguments, "--rule", "three nights in a row", *reason, home=home)
    assert (code, excepted["exception"]["by"]) == (0, "kim.manager")
    assert excepted["entry"]["kind"] == "roster_exception"
    code, refused = run(*arguments, "--rule", "cover", *reason, home=home)
    assert (code, "does not break" in refused["error"]) == (2, True)
    assert run("ledger", "verify", home=home)[1]["ok"]


def test_a_conflict_ends_with_one_and_the_rules_that_conflict(tmp_path: Path) -> None:
    document = ward(seed=1, staff=2, days=7)
    document["constraints"] = [one for one in document["constraints"] if one["kind"] != "agency"]
    document["constraints"][0] = {"name": "cover", "kind": "cover", "source": "policy", "hard": True}
    problem = tmp_path / "p.json"
    problem.write_text(text(document))
    code, answer = run("roster", "solve", str(problem), "--seconds", "5", home=tmp_path)
    assert (code, answer["status"], answer["objective"]) == (1, "infeasible", None)
    assert answer["conflict"]


def test_what_cannot_be_read_ends_with_one_and_a_sentence(tmp_path: Path) -> None:
    problem = tmp_path / "p.yaml"
    problem.write_text("schema: something/else")
    code, answer = run("roster", "solve", str(problem), home=tmp_path)
    assert (code, answer["kind"]) == (1, "ProblemNotUnderstood")


def test_what_cannot_come_to_an_end_is_refused_before_anything_is_searched_for(tmp_path: Path) -> None:
    problem = tmp_path / "p.json"
    problem.write_text(text(ward(seed=4, staff=8, days=7)))
    code, answer = run("roster", "solve", str(problem), "--seconds", "nan", home=tmp_path)
    assert (code, "is no number of seconds" in answer["error"]) == (2, True)
    nowhere = str(tmp_path / "none" / "r.json")
    code, answer = run("roster", "solve", str(problem), "--seconds", "3600", "--out", nowhere, home=tmp_path)
    assert (code, answer["kind"], "there is no folder" in answer["error"]) == (1, "RosterNotWritten", True)

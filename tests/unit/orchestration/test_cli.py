"""The command line: quick to start, one JSON document, exit codes that mean something."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from evaluation.policies import load_policy
from ml.usecases import use_case_names
from orchestration.cli import main
from orchestration.steps.record.records import open_records

HEAVY = ("dagster", "duckdb", "mlflow", "pandas", "pyarrow", "numpy", "sqlalchemy", "fastapi", "lightgbm", "evidently")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command over an empty home, in an environment of its own."""
    home = {"PILOTHOUSE_HOME": str(tmp_path / "home"), "PILOTHOUSE_ENV": ""}
    monkeypatch.setattr(os, "environ", {**os.environ, **home})
    yield lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])
    open_records.cache_clear()


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


COMMANDS = dict(commands(main))


@pytest.mark.parametrize(
    "code", ["", "; orchestration.cli.main(['--help'])", "; orchestration.cli.main(['run', '-h'])"]
)
def test_nothing_heavy_is_imported_to_answer_for_help(code: str) -> None:
    """In a fresh interpreter; what takes seconds to import is imported by the command that needs it."""
    report = f"print(sorted({{name.split('.')[0] for name in sys.modules}} & {set(HEAVY)!r}), file=sys.stderr)"
    program = f"import atexit, sys; atexit.register(lambda: {report}); import orchestration.cli{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_every_command_explains_itself(run: Run, tmp_path: Path, path: tuple[str, ...]) -> None:
    ran = run(*path, "--help")
    assert ran.exit_code == 0 and ran.stdout.startswith("Usage:")
    assert not (tmp_path / "home").exists()


def test_every_command_takes_json() -> None:
    without = {path for path, command in COMMANDS.items() if "as_json" not in {one.name for one in command.params}}
    assert COMMANDS and without == set()


def test_the_commands_of_the_interface_are_there() -> None:
    promised = {"demo", "ingest", "run", "tables", "backtest", "status", "approve", "refuse", "promote", "rollback"}
    promised |= {"tier", "drill", "lineage", "serve"}
    grouped = {("gate", "explain"), ("ledger", "verify"), ("ledger", "show"), ("ledger", "at"), ("key", "new")}
    assert {(name,) for name in promised} | grouped <= COMMANDS.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["ingest"],
        ["ingest", "/no/such/file", "--site", "city"],
        ["ingest", __file__],
        ["demo", "--sites", "4"],
        ["demo", "--sites", "0"],
        ["demo", "--days", "many"],
        ["promote", "triage", "--site", "city"],
        ["promote", "triage", "--site", "city", "--to", "everywhere"],
        ["tier", "triage", "--site", "city", "--to", "oracle", "--reason", "x"],
        ["tier", "triage", "--site", "city", "--to", "rule"],
        ["rollback", "triage", "--site", "city"],
        ["backtest", "triage", "--site", "city", "--train-until", "soon", "--test-from", "2020-01-01"],
        [
            "approve",
            "triage",
            "--site",
            "city",
            "--stage",
            "shadow",
            "--kind",
            "whim",
            "--as",
            "ada",
            "--key",
            __file__,
        ],
        ["approve", "triage", "--site", "city", "--stage", "shadow", "--kind", "model", "--as", "ada", "--key", "/no"],
        ["key", "new", "--as", "ada", "--key", "ada.pem"],
        ["status", "extra"],
        ["gate", "explain", "triage", "--site", "city"],
    ],
    ids=lambda arguments: " ".join(arguments[:6]),
)
def test_wrong_usage_exits_2_with_nothing_on_standard_output_but_json_where_asked_for(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    ran = run(*arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "Error" in ran.stderr and not (tmp_path / "home").exists()
    ran = run(*arguments, "--json")
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document.keys(), ran.stderr) == (2, {"error", "usage"}, "") and document["error"]


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_an_option_that_no_command_knows_is_one_json_document(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--no-such-option", "--json")
    assert ran.exit_code == 2 and "--no-such-option" in json.loads(ran.stdout)["error"]


def test_approvals_of_every_kind_that_a_policy_asks_for_can_be_given() -> None:
    kinds = {one.kind for use_case in use_case_names() for one in load_policy(use_case).approvals.kinds}
    for name in (("approve",), ("refuse",)):
        [option] = [one for one in COMMANDS[name].params if one.name == "kind"]
        assert set(option.type.choices) == kinds  # type: ignore[attr-defined]


NOWHERE = [
    ["ingest", __file__],
    ["backtest", "triage", "--train-until", "2020-01-01", "--test-from", "2020-01-01"],
    ["approve", "triage", "--stage", "shadow", "--kind", "model", "--as", "ada", "--key", __file__],
    ["refuse", "triage", "--stage", "shadow", "--kind", "model", "--as", "ada", "--key", __file__],
    ["promote", "triage", "--to", "shadow"],
    ["drill", "triage"],
    ["gate", "explain", "triage", "--stage", "shadow"],
    ["ledger", "at", "--time", "2026-03-01T00:00:00Z"],
]


@pytest.mark.parametrize("arguments", NOWHERE, ids=lambda arguments: " ".join(arguments[:2]))
def test_an_unknown_site_exits_1_with_one_json_document_that_names_those_there_are(
    run: Run, arguments: list[str]
) -> None:
    ran = run(*arguments, "--site", "nowhere", "--json")
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document.keys(), document["kind"]) == (1, {"error", "kind"}, "UnknownSite")
    assert "nowhere" in document["error"] and "city" in document["error"]


@pytest.mark.parametrize("command", [["rollback"], ["tier", "--to", "rule"]], ids=lambda command: command[0])
def test_nothing_can_be_taken_back_at_an_unknown_site(run: Run, command: list[str]) -> None:
    ran = run(*command, "triage", "--site", "nowhere", "--reason", "x", "--json")
    assert ran.exit_code == 1 and json.loads(ran.stdout).keys() == {"error", "kind"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["promote", "nonsense", "--to", "shadow"],
        ["gate", "explain", "nonsense", "--stage", "shadow"],
        ["backtest", "nonsense", "--train-until", "2020-01-01", "--test-from", "2020-01-01"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_use_case_exits_1(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments, "--site", "city", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["kind"]) == (1, "UnknownUseCase")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["tables"], "TablesError"),
        (["lineage", "0" * 64], "TablesError"),
        (["promote", "triage", "--site", "city", "--to", "shadow"], "NoCandidate"),
        (["promote", "triage", "--site", "city", "--to", "assistive"], "NoCandidate"),
        (["gate", "explain", "triage", "--site", "city", "--stage", "shadow"], "NoCandidate"),
        (["drill", "triage", "--site", "city"], "NoCandidate"),
        (["rollback", "triage", "--site", "city", "--reason", "x"], "NothingToTakeBack"),
        (["tier", "triage", "--site", "city", "--to", "rule", "--reason", "x"], "NothingToTakeBack"),
        (["rollback", "triage", "--site", "city", "--reason", "x", "--as", "mallory"], "NothingToTakeBack"),
        (["key", "new", "--as", "ada", "--role", "nurse", "--key", "ada.pem"], "UnknownRole"),
        (["key", "revoke", "--as", "ada", "--reason", "lost"], "RefusedEntryError"),
        (["lineage", "abc"], "NotOnRecord"),
        (["backtest", "triage", "--site", "city", "--train-until", "2020-01-01", "--test-from", "2020-01-01"],
         "SnapshotRefused"),
    ],
    ids=lambda one: " ".join(one[:8:7]) if isinstance(one, list) else one,
)  # fmt: skip
def test_what_an_empty_home_cannot_do_is_refused_in_a_sentence(run: Run, arguments: list[str], kind: str) -> None:
    ran = run(*arguments, "--json")
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document["kind"]) == (1, kind) and len(document["error"]) > 20
    text = run(*arguments)
    assert text.exit_code == 1 and text.stdout.startswith(f"{kind}: ") and "Traceback" not in text.stdout


@pytest.mark.parametrize(
    ("arguments", "document"),
    [
        (["status"], {"releases": [], "problems": []}),
        (["ledger", "show"], {"entries": []}),
        (["incident", "list"], {"incidents": []}),
        (["ledger", "at", "--site", "city", "--time", "2026-03-01T00:00:00Z"],
         {"site": "city", "time": "2026-03-01T00:00:00+00:00", "running": []}),
    ],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, list) else "",
)  # fmt: skip
def test_what_an_empty_home_can_say_is_one_json_document(run: Run, arguments: list[str], document: object) -> None:
    ran = run(*arguments, "--json")
    assert (ran.exit_code, json.loads(ran.stdout), ran.stderr) == (0, document, "")


@pytest.mark.parametrize("when", ["yesterday", "2026-03-01T14:00:00", "", "0001-01-01T00:00:00"])
def test_what_is_no_time_with_a_zone_is_wrong_usage(run: Run, when: str) -> None:
    ran = run("ledger", "at", "--site", "city", "--time", when, "--json")
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document.keys()) == (2, {"error", "usage"}) and repr(when) in document["error"]


def test_who_acts_and_what_stands_behind_it_is_an_option_of_every_order() -> None:
    for name in ("promote", "rollback", "tier", "drill"):
        options = {one.opts[0]: one.required for one in COMMANDS[(name,)].params}
        assert options["--as"] is options["--key"] is False


@pytest.mark.parametrize("command", [["promote", "--to", "shadow"], ["drill"]], ids=lambda one: one[0])
@pytest.mark.parametrize(
    "who", [["--key", __file__], ["--as", "Not An Id"], ["--as", "ada", "--key", "/no/such"]], ids=len
)
def test_what_names_nobody_is_wrong_usage_where_nothing_is_stopped(
    run: Run, command: list[str], who: list[str]
) -> None:
    ran = run(*command, "triage", "--site", "city", *who, "--json")
    assert ran.exit_code == 2 and "--" in json.loads(ran.stdout)["error"]


def test_the_ledger_of_an_empty_home_verifies(run: Run) -> None:
    ran = run("ledger", "verify", "--json")
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["ok"], found["entries"], found["first_bad"]) == (0, True, 0, None)


def test_a_person_is_registered_and_revoked_and_the_ledger_shows_it(run: Run, tmp_path: Path) -> None:
    key = tmp_path / "ada.pem"
    made = json.loads(run("key", "new", "--as", "ada", "--role", "nursing_lead", "--key", key, "--json").stdout)
    assert made["kind"] == "person_registered" and key.stat().st_mode & 0o777 == 0o600
    again = run("key", "new", "--as", "ada", "--role", "nursing_lead", "--key", key, "--json")
    assert again.exit_code == 1 and json.loads(again.stdout).keys() == {"error", "kind"}
    assert run("key", "revoke", "--as", "ada", "--reason", "lost", "--json").exit_code == 0
    shown = json.loads(run("ledger", "show", "--json").stdout)["entries"]
    assert [entry["kind"] for entry in shown] == ["person_registered", "key_revoked"]
    assert "PRIVATE" not in json.dumps(shown)


def test_a_file_lands_with_a_receipt_that_adds_up(run: Run, tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-02-03"}
    (tmp_path / "Patient.ndjson").write_text(json.dumps(patient) + "\nnot json\n")
    ran = run("ingest", tmp_path / "Patient.ndjson", "--site", "city", "--json")
    [receipt] = json.loads(ran.stdout)["receipts"]
    assert ran.exit_code == 0 and receipt.keys() >= {"feed", "contract", "file", "sha256", "reasons"}
    outcomes = ("landed", "duplicate", "superseded", "deleted", "quarantined")
    assert receipt["received"] == sum(receipt[name] for name in outcomes) == 2
    assert sum(receipt["reasons"].values()) == receipt["quarantined"] == 1


def test_a_contract_that_stops_a_feed_exits_3_with_its_receipts_and_the_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rosters.csv").write_text("shift_id,staff_id\n1,2\n")
    ran = run("ingest", tmp_path / "rosters.csv", "--site", "city", "--feed", "rosters", "--json")
    document = json.loads(ran.stdout)
    assert ran.exit_code == 3 and len(document["receipts"]) == 1 and "shift_date" in document["stopped"]


def test_an_unknown_feed_exits_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    ran = run("ingest", tmp_path / "a.csv", "--site", "city", "--feed", "nonsense", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["kind"]) == (1, "UnknownContract")


@pytest.mark.parametrize("path", [["status"], ["ledger", "verify"], ["ui"], ["serve"]], ids=" ".join)
def test_a_setting_that_cannot_be_used_is_a_sentence_for_every_command(run: Run, path: list[str]) -> None:
    os.environ["PILOTHOUSE_ENV"] = "staging"
    ran = run(*path)
    assert ran.exit_code == 1 and "PILOTHOUSE_ENV is 'staging'" in ran.output
    assert ran.exception is None or isinstance(ran.exception, SystemExit)


def test_a_backtest_that_would_test_on_its_own_training_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    publish_empty_snapshot(tmp_path / "home" / "snapshots")
    dates = ["--train-until", "2020-06-01", "--test-from", "2020-01-01"]
    ran = run("backtest", "triage", "--site", "nhamcs", *dates, "--json")
    assert ran.exit_code in (1, 2) and isinstance(ran.exception, SystemExit)
    assert "--test-from" in json.loads(ran.stdout)["error"]


def publish_empty_snapshot(folder: Path) -> None:
    """A snapshot without a visit."""
    (folder / "d").mkdir(parents=True)
    tables: dict[str, dict[str, object]] = {}
    for name in ("triage_mart", "complaint_groups", "history_groups"):
        columns = ("group", "kind", "system", "pattern")
        pq.write_table(
            pa.table({column: pa.array([], pa.string()) for column in columns}), folder / "d" / f"{name}.parquet"
        )
        digest = hashlib.sha256((folder / "d" / f"{name}.parquet").read_bytes()).hexdigest()
        tables[name] = {"file": f"{name}.parquet", "sha256": digest, "rows": 0}
    pointer = {"digest": "d", "as_of": "2026-03-01T00:00:00+00:00", "tables": tables}
    (folder / "current.json").write_text(json.dumps(pointer))


HOLDS_A_REFERENCE = """
import ctypes, sys
import duckdb
from orchestration import cli
duckdb.sql("select 1").fetchall()
ctypes.pythonapi.Py_IncRef(ctypes.py_object(duckdb.DuckDBPyConnection))
sys.argv = ["pilothouse", "nosuch"]
getattr(cli, sys.stdin.read())()
"""


@pytest.mark.parametrize(("entry", "is_noisy"), [("main", True), ("process", False)])
def test_what_duckdb_says_of_references_when_python_ends_is_no_message_to_a_user(entry: str, is_noisy: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HOLDS_A_REFERENCE], input=entry, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2 and "No such command 'nosuch'" in ended.stderr
    assert ("nanobind: leaked" in ended.stderr) is is_noisy

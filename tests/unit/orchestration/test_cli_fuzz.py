"""Every command on odd arguments, over homes that are empty, sound and damaged: one sentence, one document, a code."""

import itertools
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.steps.record.records import open_records
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import (
    Damage,
    Governed,
    break_entry,
    change_model,
    change_pointer,
    remove_ledger_key,
    remove_release_key,
)

# What they do on good arguments takes too long here.
LONG = (("demo",), ("ui",), ("serve",), ("listen",), ("run",), ("report",), ("safety-case",))
ROUNDS = 12
ODD = [
    "",
    " ",
    "-",
    "--",
    "é",
    "\x1b[31m",
    "*",
    "../../etc/passwd",
    "' or 1=1 --",
    "x" * 5000,
    "0",
    "-1",
    "\udcff",
    "{}",
]
WORDS = {
    "site": ["city"] * 4 + ["rural", "nhamcs", "nowhere"],
    "use_case": ["triage"] * 6 + ["staffing"],
    "actor": ["ada", "olga", "mallory", "Not an id"],
    "person": ["ada", "nina", "operator"],
    "by": ["ada", "mallory"],
    "roles": ["nursing_lead"] * 3 + ["nurse"],
    "when": ["2026-03-01T00:00:00Z", "2026-03-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    "train_until": ["2020-01-01", "0001-01-01", "9999-12-31"],
    "test_from": ["2020-01-01", "0001-01-01", "9999-12-31"],
    "name": ["incident-1", "run-01234567"],
    "identifier": ["a", "abcdef01", "0" * 64, "11111111-1111-4111-8111-111111111111"],
}


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


QUICK = {path: command for path, command in commands(main) if path not in LONG}
DAMAGES: list[Damage | None] = [None, break_entry, remove_ledger_key, change_pointer, change_model, remove_release_key]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with people and releases at two sites."""
    home = tmp_path_factory.mktemp("sound") / "home"
    home.mkdir()
    for site in ("city", "rural"):
        Governed.at(settings_of(home), site).release("assistive")
    yield home
    open_records.cache_clear()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    monkeypatch.setattr(os, "environ", {**os.environ, "PILOTHOUSE_HOME": str(tmp_path / "home"), "PILOTHOUSE_ENV": ""})
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        open_records.cache_clear()
        return CliRunner().invoke(main, list(arguments))

    yield invoke
    open_records.cache_clear()


def arguments_of(command: click.Command, draw: random.Random, home: Path) -> list[str]:
    """Arguments as somebody could mean them; in half of the rounds one of them is left out or odd, or one too many."""
    wanted = [one for one in command.params if one.name != "as_json" and (one.required or draw.random() < 0.5)]
    spoiled = draw.randrange(len(wanted) + 2) if draw.random() < 0.5 else None
    found: list[str] = []
    for place, one in enumerate(wanted):
        if place == spoiled and draw.random() < 0.3:
            continue
        word = draw.choice(ODD) if place == spoiled else draw.choice(_plausible(one, home))
        found += [word] if isinstance(one, click.Argument) else [one.opts[0], word]
    beyond = {None: [], len(wanted): ["--odd"], len(wanted) + 1: ["extra"]}
    return found + beyond.get(spoiled, [])


def _plausible(one: click.Parameter, home: Path) -> list[str]:
    if isinstance(one.type, click.Choice):
        return [str(word) for word in one.type.choices]
    if isinstance(one.type, click.Path):
        return [str(home / "ada.pem"), str(home / "olga.pem"), str(home / "none.pem"), str(home / "ledger.db")]
    return WORDS.get(one.name or "", ["x"])


def require_plain(ran: Result, arguments: list[str]) -> None:
    said = f"{arguments}: {ran.output!r}"
    assert ran.exception is None or isinstance(ran.exception, SystemExit), said
    assert ran.exit_code in (0, 1, 2, 3) and "Traceback" not in ran.output, said
    assert "UnexpectedError" not in ran.output, said
    if "--json" in arguments:
        document = json.loads(ran.stdout)
        if ran.exit_code == 2:
            assert document.keys() == {"error", "usage"}, said
        elif ran.exit_code == 1:
            assert document.keys() & {"error", "refused", "problems", "allowed"}, said
    elif ran.exit_code == 2:
        assert ran.stdout == "" and ran.stderr, said
    else:
        assert ran.stdout.strip(), said


@pytest.mark.parametrize("path", QUICK, ids=" ".join)
def test_every_command_answers_odd_arguments_in_a_sentence(
    run: Callable[..., Result], sound: Path, tmp_path: Path, path: tuple[str, ...]
) -> None:
    draw, home = random.Random(" ".join(path)), tmp_path / "home"
    for _, damage in zip(range(ROUNDS), itertools.cycle(DAMAGES), strict=False):
        shutil.rmtree(home, ignore_errors=True)
        if draw.random() < 0.8:
            shutil.copytree(sound, home)
            open_records.cache_clear()
            if damage is not None:
                damage(Governed(settings_of(home), releases=[path.name for path in (home / "releases").iterdir()]))
        as_json = ["--json"] if draw.random() < 0.7 else []
        arguments = [*path, *as_json, *arguments_of(QUICK[path], draw, home)]
        require_plain(run(*arguments), arguments)

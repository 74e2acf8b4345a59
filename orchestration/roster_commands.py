"""The command group about rosters. What does not belong here: logic (orchestration/steps/rostering.py)."""

from pathlib import Path

import click

from orchestration.answers import answers, progress
from orchestration.steps.answer import Answer

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
SECONDS = click.FloatRange(1, 86_400)


@click.group()
def roster() -> None:
    """Rosters that keep the rules, and say which wish gave way to which."""


@roster.command("solve")
@click.argument("file", type=FILE)
@click.option("--seconds", default=60.0, show_default=True, type=SECONDS, help="The best found by then is the answer.")
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=NEW_FILE, help="Where to write the roster: JSON if so named, else a row per person.")
@answers
def roster_solve(file: Path, seconds: float, seed: int, out: Path | None) -> Answer:
    """Make the best roster of FILE: a benchmark's text, or pilothouse.roster/1 in YAML or JSON."""
    from orchestration.steps.rostering import solve_file

    return solve_file(file, seconds, seed, out, progress)

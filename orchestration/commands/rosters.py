"""The command group about rosters. What does not belong here: logic (orchestration/steps/rosters/rostering.py)."""

import math
from pathlib import Path
from typing import Any

import click

from orchestration.answers import answers, progress
from orchestration.steps.answer import Answer

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class _Seconds(click.FloatRange):
    """A number of seconds; what is not a number lies in no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


SECONDS = _Seconds(1, 86_400)


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
    from orchestration.steps.rosters.rostering import solve_file

    return solve_file(file, seconds, seed, out, progress)


@roster.command("repair")
@click.argument("file", metavar="ROSTER", type=FILE)
@click.option(
    "--event", "events", multiple=True, required=True, help="sick:PERSON:DATE[..DATE] or admission:U:D:S:SKILL+N"
)
@click.option("--problem", "problem_file", type=FILE, help="Its problem, where the roster's JSON does not carry it.")
@click.option("--keep", "kept", multiple=True, metavar="PERSON:DATE", help="What must not change; may repeat.")
@click.option("--seconds", default=5.0, show_default=True, type=SECONDS)
@click.option("--out", type=NEW_FILE, help="Where to write the repaired roster.")
@answers
def roster_repair(
    file: Path,
    events: tuple[str, ...],
    problem_file: Path | None,
    kept: tuple[str, ...],
    seconds: float,
    out: Path | None,
) -> Answer:
    """Change as few assignments of ROSTER as an event allows; say which, and why."""
    from orchestration.steps.rosters.rostering import repair_file

    return repair_file(file, problem_file, events, kept, seconds, out)


@roster.command("check")
@click.argument("problem_file", metavar="PROBLEM", type=FILE)
@click.argument("file", metavar="ROSTER", type=FILE)
@answers
def roster_check(problem_file: Path, file: Path) -> Answer:
    """Say every rule that ROSTER breaks or leaves short, one sentence each."""
    from orchestration.steps.rosters.rostering import check_file

    return check_file(problem_file, file)


@roster.command("except")
@click.argument("problem_file", metavar="PROBLEM", type=FILE)
@click.argument("file", metavar="ROSTER", type=FILE)
@click.option("--rule", required=True, help="The broken rule, as `roster check` names it.")
@click.option("--staff", required=True, help="For whom.")
@click.option("--date", required=True, help="On which day.")
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@click.option("--reason", required=True, help="Why; it is written to the ledger.")
@click.option("--as", "person", required=True, help="Who allows it.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Their private key: signs the entry.")
@answers
def roster_except(
    problem_file: Path,
    file: Path,
    rule: str,
    staff: str,
    date: str,
    site: str,
    reason: str,
    person: str,
    key_file: Path | None,
) -> Answer:
    """Allow one broken rule for one person on one day: a name and a reason, on the ledger."""
    from orchestration.commands.options import home_settings
    from orchestration.steps.record.actors import actor_of
    from orchestration.steps.rosters.roster_exceptions import accept_breach

    actor = actor_of(person, key_file)
    return accept_breach(home_settings(), problem_file, file, (rule, staff, date), site, reason, actor)

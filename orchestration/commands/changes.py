"""The commands of the release calendar: planning a change, taking a plan back, and what came of each."""

from pathlib import Path

import click

from orchestration.answers import answers
from orchestration.commands.options import (
    STAGES,
    actor_option,
    named_actor,
    ready_settings,
    reason_option,
    signing_option,
    site_option,
)
from orchestration.steps.answer import Answer


@click.group()
def change() -> None:
    """Planned changes: announced for a window, bound to exactly what is proposed."""


@change.command("plan")
@click.argument("use_case")
@site_option
@click.option("--stage", required=True, type=STAGES)
@click.option("--challenger", is_flag=True, help="Beside what is served (shadow), or from there into its place.")
@click.option("--from", "starts", required=True, metavar="ISO", help="When the window begins, with its zone.")
@click.option("--until", required=True, metavar="ISO", help="When it ends; the end itself is out.")
@reason_option
@actor_option
@signing_option
@answers
def plan(
    use_case: str,
    site: str,
    stage: str,
    challenger: bool,
    starts: str,
    until: str,
    reason: str,
    actor: str,
    key_file: Path | None,
) -> Answer:
    """Announce that what is proposed now goes to a stage within a window; conflicts and short notice are told."""
    from orchestration.steps.releases.planning_changes import plan_change

    who = named_actor(actor, key_file)
    told = (use_case, site, stage, starts, until, reason, who)
    return Answer(plan_change(ready_settings(), *told, challenger=challenger))


@change.command("cancel")
@click.argument("name", metavar="CHANGE")
@reason_option
@actor_option
@signing_option
@answers
def cancel(name: str, reason: str, actor: str, key_file: Path | None) -> Answer:
    """Take back a planned change that has not happened; one whose window is over was missed, and stays so."""
    from orchestration.steps.releases.planning_changes import cancel_change

    return Answer(cancel_change(ready_settings(), name, reason, named_actor(actor, key_file)))


@change.command("list")
@click.option("--site", help="Only this site.")
@answers
def list_all(site: str | None) -> Answer:
    """Show every planned change and every step that was taken, planned or not; what was missed; what conflicts."""
    from orchestration.steps.releases.planning_changes import list_changes

    return list_changes(ready_settings(), site)

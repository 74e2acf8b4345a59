"""The commands that decide over a release: approve, refuse, promote, rollback, tier, drill, and asking the gate."""

from pathlib import Path
from typing import Literal

import click

from orchestration.answers import answers
from orchestration.commands.options import (
    EXISTING,
    STAGES,
    acting,
    actor_option,
    named_actor,
    ready_settings,
    reason_option,
    site_option,
)
from orchestration.settings import load_settings
from orchestration.steps.answer import Answer

TIERS = click.Choice(["model", "rule", "history", "manual"])
KINDS = click.Choice(["model", "workflow", "safety"])


def _decide_command(name: str, verdict: Literal["approve", "refuse"], summary: str) -> click.Command:
    @click.command(name, help=summary)
    @click.argument("use_case")
    @site_option
    @click.option("--stage", required=True, type=STAGES)
    @click.option("--kind", required=True, type=KINDS)
    @actor_option
    @click.option("--key", "key_file", required=True, type=EXISTING, help="The person's Ed25519 private key (PEM).")
    @click.option("--note", default="", help="What the person wants remembered.")
    @answers
    def _record(use_case: str, site: str, stage: str, kind: str, actor: str, key_file: Path, note: str) -> Answer:
        from orchestration.steps.approval import record_verdict

        settings = ready_settings()
        return Answer(record_verdict(settings, use_case, site, stage, kind, actor, key_file, verdict, note))

    return _record


approve = _decide_command("approve", "approve", "Sign an approval of exactly what is proposed now.")
refuse = _decide_command("refuse", "refuse", "Sign a refusal; it voids an earlier approval of the same kind.")


@click.command()
@click.argument("use_case")
@site_option
@click.option("--to", "stage", required=True, type=STAGES)
@acting
@answers
def promote(use_case: str, site: str, stage: str, actor: str | None, key_file: Path | None) -> Answer:
    """Release one stage further, if the gate and the approvals allow it."""
    from orchestration.steps.release import promote_release

    answer = promote_release(ready_settings(), use_case, site, stage, named_actor(actor, key_file))
    if answer.exit_code:
        return answer

    from orchestration.defs.launch import announce_release

    return answer.warned(announce_release(use_case, site, answer.document))


@click.command()
@click.argument("use_case")
@site_option
@click.option("--to", "stage", default=None, type=STAGES, help="Back to the release before when left out.")
@reason_option
@acting
@answers
def rollback(
    use_case: str, site: str, stage: str | None, reason: str, actor: str | None, key_file: Path | None
) -> Answer:
    """Take a release back, at once: to the one before it, to a lower stage, or off. It needs neither key nor ledger."""
    from orchestration.steps.going_down import roll_back

    return Answer(roll_back(load_settings(), use_case, site, stage, reason, named_actor(actor, key_file)))


@click.command()
@click.argument("use_case")
@site_option
@click.option("--to", "target", required=True, type=TIERS)
@reason_option
@acting
@answers
def tier(use_case: str, site: str, target: str, reason: str, actor: str | None, key_file: Path | None) -> Answer:
    """Step the fallback tier down, or up again (people whom the policy names, with their signature)."""
    from orchestration.steps.tiers import change_tier

    return Answer(change_tier(load_settings(), use_case, site, target, reason, named_actor(actor, key_file)))


@click.command()
@click.argument("use_case")
@site_option
@acting
@answers
def drill(use_case: str, site: str, actor: str | None, key_file: Path | None) -> Answer:
    """Rehearse the rollback in a scratch home with the real service, and time it."""
    from orchestration.steps.rehearsal import rehearse

    return Answer(rehearse(ready_settings(), use_case, site, named_actor(actor, key_file)))


@click.group()
def gate() -> None:
    """Ask the gate."""


@gate.command("explain")
@click.argument("use_case")
@site_option
@click.option("--stage", required=True, type=STAGES)
@answers
def gate_explain(use_case: str, site: str, stage: str) -> Answer:
    """Show each clause: the figure, the threshold, whether it is met, and what would meet it."""
    from orchestration.steps.decision import explain_decision

    return explain_decision(ready_settings(), use_case, site, stage)

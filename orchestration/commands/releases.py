"""The commands that decide over a release: approve, refuse, promote, rollback, tier, drill, and asking the gate."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.answers import answers, progress
from orchestration.commands.options import (
    EXISTING,
    STAGES,
    acting,
    actor_option,
    named_actor,
    ready_settings,
    reason_option,
    signing_option,
    site_option,
)
from orchestration.settings import load_settings
from orchestration.steps.answer import Answer

if TYPE_CHECKING:
    from orchestration.steps.releases.reviewing import Review

TIERS = click.Choice(["model", "reduced", "rule", "history", "reference", "manual"])
# evaluation.policies.KINDS, which would load pydantic before --help is answered; a test holds the two equal.
KINDS = click.Choice(
    [
        "model",
        "workflow",
        "safety",
        "privacy",
        "security",
        "compliance",
        "ethics",
        "regulatory",
        "training",
        "champions",
    ]
)
DAY = click.DateTime(["%Y-%m-%d"])
Decides = Callable[..., Any]
challenger_option = click.option("--challenger", is_flag=True, help="Of what scores beside it, shown to nobody.")


def _deciding(command: Decides) -> Decides:
    """What both verdicts ask for."""
    options = (
        click.argument("use_case"),
        site_option,
        click.option("--stage", required=True, type=STAGES),
        click.option("--kind", required=True, type=KINDS),
        actor_option,
        click.option("--key", "key_file", required=True, type=EXISTING, help="The person's Ed25519 private key (PEM)."),
        click.option("--note", default="", help="What the person wants remembered."),
        click.option("--served", is_flag=True, help="Renew what was released, not what is proposed."),
        challenger_option,
        click.option("--yes", is_flag=True, help="Sign without being asked; what is signed is shown all the same."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_deciding
@click.option("--certificate", help="The certificate's number (kind regulatory).")
@click.option("--expires", type=DAY, help="The certificate's last day.")
@click.option("--region", help="The certificate's region; the site's when left out.")
@answers
def approve(
    use_case: str,
    site: str,
    stage: str,
    kind: str,
    actor: str,
    key_file: Path,
    note: str,
    served: bool,
    challenger: bool,
    yes: bool,
    certificate: str | None,
    expires: datetime | None,
    region: str | None,
) -> Answer:
    """Show exactly what is proposed now, then sign an approval of it."""
    from orchestration.steps.releases.approval import Certified, record_verdict

    certified = Certified(certificate, expires.date() if expires else None, region)
    what = (ready_settings(), use_case, site, stage, kind, actor, key_file)
    about: Any = {"certified": certified, "show": _shown(yes=yes), "served": served, "challenger": challenger}
    return Answer(record_verdict(*what, "approve", note, **about))


@click.command()
@_deciding
@answers
def refuse(
    use_case: str,
    site: str,
    stage: str,
    kind: str,
    actor: str,
    key_file: Path,
    note: str,
    served: bool,
    challenger: bool,
    yes: bool,
) -> Answer:
    """Show exactly what is proposed now, then sign a refusal; it voids an earlier approval of the same kind."""
    from orchestration.steps.releases.approval import record_verdict

    what = (ready_settings(), use_case, site, stage, kind, actor, key_file)
    about: Any = {"show": _shown(yes=yes), "served": served, "challenger": challenger}
    return Answer(record_verdict(*what, "refuse", note, **about))


def at_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _shown(*, yes: bool) -> Callable[["Review"], None]:
    """Return what shows a review, and asks where somebody sits at a terminal; nothing is signed without a yes there."""

    def show(review: "Review") -> None:
        progress(review.text)
        if not yes and at_terminal():
            click.confirm("Sign this?", abort=True, err=True)

    return show


@click.command()
@click.argument("use_case")
@site_option
@click.option("--to", "stage", required=True, type=STAGES)
@challenger_option
@acting
@answers
def promote(use_case: str, site: str, stage: str, challenger: bool, actor: str | None, key_file: Path | None) -> Answer:
    """Release one stage further, if the gate and the approvals allow it.

    With --challenger: to shadow, beside the release that is served; above, from there into its place.
    """
    from orchestration.steps.releases.release import promote_release

    acting_now = named_actor(actor, key_file)
    answer = promote_release(ready_settings(), use_case, site, stage, acting_now, challenger=challenger)
    if answer.exit_code:
        return answer

    from orchestration.defs.launch import announce_release

    return answer.warned(announce_release(use_case, site, answer.document))


@click.command()
@click.argument("use_case")
@site_option
@click.option("--to", "stage", default=None, type=STAGES, help="Back to the release before when left out.")
@click.option("--challenger", is_flag=True, help="Take the challenger away; what is served stays as it is.")
@reason_option
@acting
@answers
def rollback(
    use_case: str,
    site: str,
    stage: str | None,
    challenger: bool,
    reason: str,
    actor: str | None,
    key_file: Path | None,
) -> Answer:
    """Take a release back, at once: to the one before it, to a lower stage, or off. It needs neither key nor ledger."""
    if challenger:
        from orchestration.steps.releases.withdrawing import withdraw

        if stage not in (None, "off"):
            raise click.UsageError("A challenger is in shadow or off; leave --to out to take it away.")
        return Answer(withdraw(load_settings(), use_case, site, reason, named_actor(actor, key_file)))
    from orchestration.steps.releases.going_down import roll_back

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
    from orchestration.steps.releases.tiers import change_tier

    return Answer(change_tier(load_settings(), use_case, site, target, reason, named_actor(actor, key_file)))


@click.command("break-glass")
@click.argument("use_case")
@site_option
@click.option("--to", "stage", required=True, type=STAGES, help="One stage up.")
@click.option("--hours", required=True, type=float, help="For how long; the policy says how many at the most.")
@reason_option
@actor_option
@signing_option
@answers
def break_glass(
    use_case: str, site: str, stage: str, hours: float, reason: str, actor: str, key_file: Path | None
) -> Answer:
    """In an emergency: release one stage up without its evidence, signed, loud, for hours that end by themselves."""
    from orchestration.steps.releases import breaking

    return breaking.break_glass(ready_settings(), use_case, site, stage, hours, reason, named_actor(actor, key_file))


@click.command()
@click.argument("use_case")
@site_option
@acting
@answers
def drill(use_case: str, site: str, actor: str | None, key_file: Path | None) -> Answer:
    """Rehearse the rollback plan in a running sandbox, from a fault to restored advice, and file the times."""
    from orchestration.steps.drills.rehearsal import rehearse

    return Answer(rehearse(ready_settings(), use_case, site, named_actor(actor, key_file)))


@click.group()
def gate() -> None:
    """Ask the gate."""


@gate.command("explain")
@click.argument("use_case")
@site_option
@click.option("--stage", required=True, type=STAGES)
@challenger_option
@answers
def gate_explain(use_case: str, site: str, stage: str, challenger: bool) -> Answer:
    """Show each approval and each clause, the rehearsal's among them: what there is, and what would meet it."""
    from orchestration.steps.releases.explaining import explain_step

    return explain_step(ready_settings(), use_case, site, stage, challenger=challenger)

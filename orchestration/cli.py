"""The `pilothouse` command. It calls the steps and holds no logic; what is heavy is imported when it is used."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from orchestration.answers import Commands, answers, progress
from orchestration.feed_commands import audit, contract, erase, export, listen, quarantine, review, scrub, vocabulary
from orchestration.roster_commands import roster
from orchestration.settings import Settings, apply_third_party_switches, load_settings
from orchestration.steps.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestration.steps.actors import Actor

EXISTING = click.Path(exists=True, path_type=Path)
NEW_FILE = click.Path(path_type=Path)
STAGES = click.Choice(["off", "shadow", "assistive", "decision_support"])
TIERS = click.Choice(["model", "rule", "history", "manual"])
KINDS = click.Choice(["model", "workflow", "safety"])
PORT = click.IntRange(1, 65535)

site_option = click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
reason_option = click.option("--reason", required=True, help="Why; it is written to the ledger.")
actor_option = click.option("--as", "actor", required=True, help="The registered person who does this.")
signing_option = click.option("--key", "key_file", type=NEW_FILE, help="Their private key: signs the entry.")


def acting(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """Let a person say who they are, and prove it; without either, the account of the operating system is recorded."""
    named = click.option("--as", "actor", help="Who does this: recorded as claimed, with --key as signed.")
    return named(signing_option(command))


def _actor(person: str | None, key_file: Path | None) -> "Actor":
    from orchestration.steps.actors import actor_of

    return actor_of(person, key_file)


def _settings() -> Settings:
    settings = load_settings()
    apply_third_party_switches(settings)
    return settings


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pilothouse")
def main() -> None:
    """Take hospital AI from pilot to production: feeds, tables, models, evidence, gated releases, feedback."""


@main.command()
@click.option("--seed", default=7, show_default=True)
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(min=1), help="Days of history before the pilot starts."
)
@click.option("--sites", default=3, show_default=True, type=click.IntRange(1, 3))
@answers
def demo(seed: int, days: int, sites: int) -> Answer:
    """Run the whole lifecycle on a simulated hospital group."""
    from orchestration.demo import run_demo

    return run_demo(_settings(), seed=seed, days=days, sites=sites, progress=progress)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=EXISTING)
@site_option
@click.option("--feed", help="The feed's contract; found from the files when left out.")
@answers
def ingest(paths: tuple[Path, ...], site: str, feed: str | None) -> Answer:
    """Land files or folders under their contracts; print a receipt for each file."""
    from orchestration.steps.landing import ingest_paths

    return ingest_paths(_settings(), paths, site, feed)


@main.command()
@click.option("--site", help="Only this site's candidate, evidence and decision; all sites when left out.")
@click.option("--select", help="Dagster's asset selection, such as 'tables/*' or 'group:tables'.")
@click.option("--full-refresh", is_flag=True, help="Compute every table anew, not only what new records touch.")
@answers
def run(site: str | None, select: str | None, full_refresh: bool) -> Answer:
    """Materialise the graph: land waiting drops, build tables, train, judge, decide."""
    from orchestration.defs.launch import run_graph
    from orchestration.steps.tables import demand_rebuild

    if full_refresh:
        demand_rebuild(_settings(), "asked for on the command line")
    answer = run_graph(_settings(), site=site, select=select, progress=progress)
    if select is not None and not answer.exit_code and not answer.document["assets"]:
        from orchestration.steps.errors import NothingSelected

        raise NothingSelected(f"--select {select!r} names no asset: nothing was run; `make ui` shows what there is.")
    return answer


@main.command()
@answers
def tables() -> Answer:
    """Count the OMOP tables, how much of each is mapped to standard concepts, and what is not, by site too."""
    from orchestration.steps.tables_summary import tables_summary

    return Answer(tables_summary(_settings()))


@main.command()
@click.argument("use_case")
@site_option
@click.option("--train-until", required=True, type=click.DateTime(), help="Exclusive.")
@click.option("--test-from", required=True, type=click.DateTime(), help="Inclusive.")
@click.option("--seed", default=7, show_default=True)
@answers
def backtest(use_case: str, site: str, train_until: datetime, test_from: datetime, seed: int) -> Answer:
    """Train on the past of a site, test on what came after."""
    from orchestration.steps.backtest import backtest_any

    return Answer(backtest_any(_settings(), use_case, site, train_until, test_from, seed))


@main.command()
@click.option("--site", help="Only this site.")
@answers
def status(site: str | None) -> Answer:
    """Show every release: stage, tier, model, service level, drift, incidents, next review; and what is wrong."""
    from orchestration.steps.status import status_of

    return status_of(_settings(), site)


def _decide_command(name: str, verdict: Literal["approve", "refuse"], summary: str) -> None:
    @main.command(name, help=summary)
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

        settings = _settings()
        return Answer(record_verdict(settings, use_case, site, stage, kind, actor, key_file, verdict, note))


_decide_command("approve", "approve", "Sign an approval of exactly what is proposed now.")
_decide_command("refuse", "refuse", "Sign a refusal; it voids an earlier approval of the same kind.")


@main.command()
@click.argument("use_case")
@site_option
@click.option("--to", "stage", required=True, type=STAGES)
@acting
@answers
def promote(use_case: str, site: str, stage: str, actor: str | None, key_file: Path | None) -> Answer:
    """Release one stage further, if the gate and the approvals allow it."""
    from orchestration.steps.release import promote_release

    answer = promote_release(_settings(), use_case, site, stage, _actor(actor, key_file))
    if answer.exit_code:
        return answer

    from orchestration.defs.launch import announce_release

    return answer.warned(announce_release(use_case, site, answer.document))


@main.command()
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

    return Answer(roll_back(load_settings(), use_case, site, stage, reason, _actor(actor, key_file)))


@main.command()
@click.argument("use_case")
@site_option
@click.option("--to", "target", required=True, type=TIERS)
@reason_option
@acting
@answers
def tier(use_case: str, site: str, target: str, reason: str, actor: str | None, key_file: Path | None) -> Answer:
    """Step the fallback tier down, or up again (people whom the policy names, with their signature)."""
    from orchestration.steps.tiers import change_tier

    return Answer(change_tier(load_settings(), use_case, site, target, reason, _actor(actor, key_file)))


@main.command()
@click.argument("use_case")
@site_option
@acting
@answers
def drill(use_case: str, site: str, actor: str | None, key_file: Path | None) -> Answer:
    """Rehearse the rollback in a scratch home with the real service, and time it."""
    from orchestration.steps.rehearsal import rehearse

    return Answer(rehearse(_settings(), use_case, site, _actor(actor, key_file)))


@main.group()
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

    return explain_decision(_settings(), use_case, site, stage)


@main.group()
def ledger() -> None:
    """The append-only, signed record of decisions."""


@ledger.command("verify")
@answers
def ledger_verify() -> Answer:
    """Check every hash and signature, and the release pointers against them; name what is wrong."""
    from orchestration.steps.records import verify_ledger

    return verify_ledger(_settings())


@ledger.command("show")
@answers
def ledger_show() -> Answer:
    """Print every entry."""
    from orchestration.steps.records import show_ledger

    return show_ledger(_settings())


@ledger.command("at")
@site_option
@click.option("--time", "when", required=True, help="ISO 8601, with a time zone.")
@answers
def ledger_at(site: str, when: str) -> Answer:
    """What ran at a site at a time, who approved it, on which evidence."""
    from orchestration.steps.records import ledger_at_time

    return Answer(ledger_at_time(_settings(), site, when))


@main.group()
def incident() -> None:
    """What went wrong, on the ledger: opened, closed with a cause, listed."""


@incident.command("open")
@click.argument("use_case")
@site_option
@click.option("--what", required=True, help="What happened, without anything that identifies a patient.")
@click.option("--severity", required=True, type=click.Choice(["low", "medium", "high"]))
@actor_option
@signing_option
@answers
def incident_open(use_case: str, site: str, what: str, severity: str, actor: str, key_file: Path | None) -> Answer:
    """Open an incident; print its ledger entry."""
    from orchestration.steps.incidents import report_incident

    return Answer(report_incident(_settings(), use_case, site, what, severity, _actor(actor, key_file)))


@incident.command("close")
@click.argument("name")
@click.option("--cause", required=True)
@click.option("--done", required=True, help="What was done about it.")
@actor_option
@signing_option
@answers
def incident_close(name: str, cause: str, done: str, actor: str, key_file: Path | None) -> Answer:
    """Close an incident with its cause; print its ledger entry."""
    from orchestration.steps.incidents import close_incident

    return Answer(close_incident(_settings(), name, cause=cause, done=done, actor=_actor(actor, key_file)))


@incident.command("list")
@answers
def incident_list() -> Answer:
    """List every incident, open ones first."""
    from orchestration.steps.incidents import list_incidents

    return Answer({"incidents": list_incidents(_settings())})


@main.command()
@click.argument("identifier", metavar="CARD_OR_RELEASE_OR_ROW")
@answers
def lineage(identifier: str) -> Answer:
    """Follow a card, a release, omop.<table>:<id>, lake.<table>:<key> or triage_mart:<visit>:<feature> back to files,
    lines and contracts."""
    from orchestration.steps.lineage import trace
    from orchestration.steps.row_lineage import is_row, trace_row

    return Answer((trace_row if is_row(identifier) else trace)(_settings(), identifier))


@main.group()
def key() -> None:
    """People's signing keys."""


def registrar(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """Let somebody else than the key's owner say that they do this, and prove it."""
    named = click.option("--by", help="Who does this, if not the owner: recorded as claimed, with --by-key as signed.")
    return named(click.option("--by-key", type=NEW_FILE, help="Their private key: signs the entry.")(command))


@key.command("new")
@click.option("--as", "person", required=True, help="Whose key it will be.")
@click.option("--role", "roles", required=True, multiple=True, help="A role named in the policy; may repeat.")
@click.option("--key", "key_file", required=True, type=NEW_FILE, help="Where to write the private key.")
@registrar
@answers
def key_new(person: str, roles: tuple[str, ...], key_file: Path, by: str | None, by_key: Path | None) -> Answer:
    """Make a key pair, keep the private half in FILE (0600), register the public half on the ledger."""
    from orchestration.steps.people import new_person

    return Answer(new_person(_settings(), person, roles, key_file, _actor(by, by_key)))


@key.command("revoke")
@click.option("--as", "person", required=True, help="Whose key it is.")
@reason_option
@click.option("--key", "key_file", type=NEW_FILE, help="The key itself, where its owner revokes it: signs the entry.")
@registrar
@answers
def key_revoke(person: str, reason: str, key_file: Path | None, by: str | None, by_key: Path | None) -> Answer:
    """Revoke a person's key: nothing it signs counts from now on."""
    from orchestration.steps.people import revoke_person

    revoker = _actor(person, key_file) if key_file is not None and by is None else _actor(by, by_key)
    return Answer(revoke_person(_settings(), person, reason, revoker))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8088, show_default=True, type=PORT)
@click.option("--people-header", help="Header in which the proxy that signs people in names them, e.g. Remote-User.")
@answers
def serve(host: str, port: int, people_header: str | None) -> Answer:
    """Run the CDS Hooks service and the huddle board."""
    from orchestration.steps.service import run_service

    run_service(_settings(), host, port, people_header)
    return Answer({"stopped": True})


@main.command()
@answers
def ui() -> Answer:
    """Run Dagster's UI, MLflow's UI and the service side by side, and print their addresses."""
    from orchestration.steps.user_interfaces import run_user_interfaces

    return run_user_interfaces(_settings(), progress)


@main.command()
@answers
def report() -> Answer:
    """Write the static reports from what is on record."""
    from orchestration.steps.reporting import write_all_reports

    return Answer({"reports": [str(path) for path in write_all_reports(_settings())]})


for command in (audit, contract, erase, export, listen, quarantine, review, roster, scrub, vocabulary):
    main.add_command(command)

if __name__ == "__main__":
    main()

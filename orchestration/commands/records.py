"""The commands about what is on record: the ledger, incidents, and people's signing keys."""

from pathlib import Path

import click

from orchestration.answers import answers
from orchestration.commands.options import (
    NEW_FILE,
    actor_option,
    named_actor,
    ready_settings,
    reason_option,
    registrar,
    signing_option,
    site_option,
)
from orchestration.steps.answer import Answer


@click.group()
def ledger() -> None:
    """The append-only, signed record of decisions."""


@ledger.command("verify")
@answers
def ledger_verify() -> Answer:
    """Check every hash and signature, and the release pointers against them; name what is wrong."""
    from orchestration.steps.records import verify_ledger

    return verify_ledger(ready_settings())


@ledger.command("show")
@answers
def ledger_show() -> Answer:
    """Print every entry."""
    from orchestration.steps.records import show_ledger

    return show_ledger(ready_settings())


@ledger.command("at")
@site_option
@click.option("--time", "when", required=True, help="ISO 8601, with a time zone.")
@answers
def ledger_at(site: str, when: str) -> Answer:
    """What ran at a site at a time, who approved it, on which evidence."""
    from orchestration.steps.records import ledger_at_time

    return Answer(ledger_at_time(ready_settings(), site, when))


@click.group()
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

    return Answer(report_incident(ready_settings(), use_case, site, what, severity, named_actor(actor, key_file)))


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

    return Answer(close_incident(ready_settings(), name, cause=cause, done=done, actor=named_actor(actor, key_file)))


@incident.command("list")
@answers
def incident_list() -> Answer:
    """List every incident, open ones first."""
    from orchestration.steps.incidents import list_incidents

    return Answer({"incidents": list_incidents(ready_settings())})


@click.group()
def key() -> None:
    """People's signing keys."""


@key.command("new")
@click.option("--as", "person", required=True, help="Whose key it will be.")
@click.option("--role", "roles", required=True, multiple=True, help="A role named in the policy; may repeat.")
@click.option("--key", "key_file", required=True, type=NEW_FILE, help="Where to write the private key.")
@registrar
@answers
def key_new(person: str, roles: tuple[str, ...], key_file: Path, by: str | None, by_key: Path | None) -> Answer:
    """Make a key pair, keep the private half in FILE (0600), register the public half on the ledger."""
    from orchestration.steps.people import new_person

    return Answer(new_person(ready_settings(), person, roles, key_file, named_actor(by, by_key)))


@key.command("revoke")
@click.option("--as", "person", required=True, help="Whose key it is.")
@reason_option
@click.option("--key", "key_file", type=NEW_FILE, help="The key itself, where its owner revokes it: signs the entry.")
@registrar
@answers
def key_revoke(person: str, reason: str, key_file: Path | None, by: str | None, by_key: Path | None) -> Answer:
    """Revoke a person's key: nothing it signs counts from now on."""
    from orchestration.steps.people import revoke_person

    revoker = named_actor(person, key_file) if key_file is not None and by is None else named_actor(by, by_key)
    return Answer(revoke_person(ready_settings(), person, reason, revoker))

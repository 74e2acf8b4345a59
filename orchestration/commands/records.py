"""The commands about what is on record: the ledger, incidents, people's signing keys, and backups of all of it."""

from pathlib import Path
from typing import Literal

import click

from orchestration.answers import answers, progress
from orchestration.commands.options import (
    EXISTING,
    NEW_FILE,
    actor_option,
    named_actor,
    ready_settings,
    reason_option,
    registrar,
    signing_option,
    site_option,
)
from orchestration.settings import load_settings
from orchestration.steps.answer import Answer

AUDIENCES = click.Choice(["engineers", "clinicians"])
FINDINGS = click.Choice(["feed", "model", "release", "service", "workflow", "people", "vendor", "false-alarm"])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """The append-only, signed record of decisions."""


@ledger.command("verify")
@click.argument("file", required=False, type=FILE)
@click.option("--public-key", help="With FILE: the ledger's public key, 64 hex digits or a PEM file, not from FILE.")
@click.option("--anchors", type=FILE, help="Heads that the board kept (ledger anchor): history must hold every one.")
@answers
def ledger_verify(file: Path | None, public_key: str | None, anchors: Path | None) -> Answer:
    """Check every hash and signature, and the release pointers against them; name what is wrong.

    FILE is an export, checked offline: without this home, its database or its private keys.
    """
    from orchestration.steps.record.ledger_files import verify_export_file, verify_home

    if file is not None:
        return verify_export_file(file, public_key, anchors)
    return verify_home(ready_settings(), public_key, anchors)


@ledger.command("export")
@click.argument("file", type=NEW_FILE)
@answers
def ledger_export(file: Path) -> Answer:
    """Write every entry and the signed head to FILE (JSON lines), for `ledger verify FILE` anywhere."""
    from orchestration.steps.record.ledger_files import export_ledger

    return Answer(export_ledger(ready_settings(), file))


@ledger.command("anchor")
@click.argument("file", type=NEW_FILE)
@answers
def ledger_anchor(file: Path) -> Answer:
    """Add the ledger's signed head to FILE, which the board keeps: a history that is rewritten later is found by it."""
    from orchestration.steps.record.ledger_files import anchor_ledger

    return Answer(anchor_ledger(ready_settings(), file))


@ledger.command("show")
@answers
def ledger_show() -> Answer:
    """Print every entry."""
    from orchestration.steps.record.records import show_ledger

    return show_ledger(ready_settings())


@ledger.command("at")
@site_option
@click.option("--time", "when", required=True, help="ISO 8601, with a time zone.")
@answers
def ledger_at(site: str, when: str) -> Answer:
    """What ran at a site at a time, who approved it, on which evidence."""
    from orchestration.steps.record.records import ledger_at_time

    return Answer(ledger_at_time(ready_settings(), site, when))


@click.group()
def incident() -> None:
    """What went wrong, on the ledger: opened, closed with a cause, listed."""


@incident.command("open")
@click.argument("use_case")
@site_option
@click.option("--what", required=True, help="What happened, without anything that identifies a patient.")
@click.option("--severity", required=True, type=click.Choice(["low", "medium", "high"]))
@click.option("--since", help="When it began: ISO 8601 with a zone.")
@click.option("--feed", help="The feed that it came with.")
@click.option("--consequence", help="What it meant for the work on the unit.")
@actor_option
@signing_option
@answers
def incident_open(
    use_case: str,
    site: str,
    what: str,
    severity: str,
    since: str | None,
    feed: str | None,
    consequence: str | None,
    actor: str,
    key_file: Path | None,
) -> Answer:
    """Open an incident; print its ledger entry."""
    from orchestration.steps.record.incidents import Seen, report_incident
    from orchestration.steps.record.records import instant

    seen = Seen(instant(since) if since else None, feed, consequence)
    who = named_actor(actor, key_file)
    return Answer(report_incident(ready_settings(), use_case, site, what, severity, who, seen))


@incident.command("close")
@click.argument("name")
@click.option("--cause", required=True, help="What was found to have caused it.")
@click.option("--done", required=True, help="What was done about it.")
@click.option(
    "--finding", required=True, type=FINDINGS, help="The kind of cause; incidents of one kind are grouped by it."
)
@click.option("--consequence", help="What it meant for the work on the unit.")
@click.option("--wrong-until", help="Since when the source is right again: ISO 8601 with a zone. With --corrected-by.")
@click.option("--corrected-by", multiple=True, help="SHA-256 of a landed file that sent again what was wrong.")
@click.option("--feature", "features", multiple=True, help="What was wrong, where the incident does not name it.")
@actor_option
@signing_option
@answers
def incident_close(
    name: str,
    wrong_until: str | None,
    corrected_by: tuple[str, ...],
    features: tuple[str, ...],
    actor: str,
    key_file: Path | None,
    **words: str | None,
) -> Answer:
    """Close an incident with what was found; print its ledger entry.

    With --wrong-until and --corrected-by, visits of that time are set apart where serving is held against the
    warehouse; it takes the signature of somebody who may step up.
    """
    from orchestration.steps.record.corrections import sent_again
    from orchestration.steps.watching.incident_report import close_and_print

    who, correction = named_actor(actor, key_file), sent_again(wrong_until, corrected_by, features)
    return Answer(close_and_print(ready_settings(), name, actor=who, correction=correction, **words))


@incident.command("list")
@answers
def incident_list() -> Answer:
    """List every incident, open ones first, and the groups of one cause; a repeated cause is a process defect."""
    from orchestration.steps.watching.incident_report import listed

    return Answer(listed(ready_settings()))


@incident.command("report")
@click.argument("name")
@click.option("--for", "audience", type=AUDIENCES, default="engineers", show_default=True)
@answers
def incident_report(name: str, audience: Literal["engineers", "clinicians"]) -> Answer:
    """What happened, who was affected, how it was found, what was done, with its timeline; also as a page."""
    from orchestration.steps.watching.incident_report import report_of

    return report_of(ready_settings(), name, audience)


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
    from orchestration.steps.record.people import new_person

    return Answer(new_person(ready_settings(), person, roles, key_file, named_actor(by, by_key)))


@key.command("rotate")
@click.option("--as", "person", required=True, help="Whose key it is.")
@click.option("--key", "old_file", required=True, type=EXISTING, help="The key that counts now: signs the change.")
@click.option("--new-key", "key_file", required=True, type=NEW_FILE, help="Where to write the new private key.")
@answers
def key_rotate(person: str, old_file: Path, key_file: Path) -> Answer:
    """Put a new key in the place of a person's current one; roles stay, and what the old one signed stays valid."""
    from orchestration.steps.record.people import rotate_person

    return Answer(rotate_person(ready_settings(), person, old_file, key_file))


@key.command("revoke")
@click.option("--as", "person", required=True, help="Whose key it is.")
@reason_option
@click.option("--since", help="ISO 8601 with a zone: what was recorded from then on is void too, as for a stolen key.")
@click.option("--key", "key_file", type=NEW_FILE, help="The key itself, where its owner revokes it: signs the entry.")
@registrar
@answers
def key_revoke(
    person: str, reason: str, since: str | None, key_file: Path | None, by: str | None, by_key: Path | None
) -> Answer:
    """Revoke a person's key: nothing it signs counts from now on; what it signed before does, unless --since."""
    from orchestration.steps.record.people import revoke_person

    revoker = named_actor(person, key_file) if key_file is not None and by is None else named_actor(by, by_key)
    return Answer(revoke_person(ready_settings(), person, reason, revoker, since))


@click.command()
@click.argument("file", type=NEW_FILE)
@click.option("--keys", "key_file", type=NEW_FILE, help="Where the keys go; keep this file apart from the other.")
@answers
def backup(file: Path, key_file: Path | None) -> Answer:
    """Write the whole home to FILE while services go on, signed; its keys to a file of their own."""
    from orchestration.steps.backup import back_up
    from orchestration.steps.record.records import now

    return back_up(ready_settings(), file, key_file, now(), progress)


@click.command()
@click.argument("file", type=FILE)
@click.option("--keys", "key_file", required=True, type=FILE, help="The keys that were written with it.")
@click.option("--public-key", help="The ledger's public key as the board knows it: 64 hex digits.")
@answers
def restore(file: Path, key_file: Path, public_key: str | None) -> Answer:
    """Make PILOTHOUSE_HOME, which must be empty, of a backup; ends with the ledger's verification."""
    from orchestration.steps.backup import restore as restore_home

    return restore_home(load_settings(), file, key_file, public_key, progress)

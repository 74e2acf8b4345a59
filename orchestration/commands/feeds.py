"""The command groups about feeds: contracts, quarantine, reviews of what a feed means, and the vocabulary of codes.

What does not belong here: logic (orchestration/steps), and the other commands (cli.py).
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from orchestration.answers import answers, progress
from orchestration.commands.options import home_settings, ready_settings
from orchestration.steps.answer import Answer

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def contract() -> None:
    """Data contracts as files: are they sound, and what did a new version change."""


@contract.command("check")
@click.argument("file", required=False, type=FILE)
@answers
def contract_check(file: Path | None) -> Answer:
    """Check one contract, or all of them and the mappings of every site, against ODCS and what landing needs."""
    from orchestration.steps.intake.contracts import check_contracts

    return check_contracts(file)


@contract.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@answers
def contract_diff(old: Path, new: Path) -> Answer:
    """Compare two versions: what changed, whether it breaks, and whether the version number says so."""
    from orchestration.steps.intake.contracts import diff_contracts

    return diff_contracts(old, new)


@click.command()
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=2575, show_default=True, help="0 takes a free one.")
@click.option(
    "--connections", type=click.IntRange(min=1), default=64, show_default=True, help="At most so many at a time."
)
@click.option(
    "--of-one-address", type=click.IntRange(min=1), default=48, show_default=True, help="At most so many of one sender."
)
@answers
def listen(site: str, host: str, port: int, connections: int, of_one_address: int) -> Answer:
    """Take HL7 v2 over MLLP; acknowledge what is landed (AA), quarantined (AE), or no message (AR)."""
    from orchestration.feeds.mllp import ListenLimits
    from orchestration.steps.intake.listening import run_listener

    limits = ListenLimits(connections=connections, of_one_address=of_one_address)
    return run_listener(home_settings(), site, host, port, limits, progress)


@click.command()
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]), help="Changes since then; a day is UTC."
)
@click.option("--group", help="Only the patients of this Group.")
@click.option("--type", "types", multiple=True, help="Only this resource type; may repeat.")
@click.option("--full", is_flag=True, help="Everything, not what changed since the last export.")
@click.option("--restart", is_flag=True, help="Drop an export that was begun and not finished.")
@answers
def export(
    site: str, since: datetime | None, group: str | None, types: tuple[str, ...], full: bool, restart: bool
) -> Answer:
    """Fetch a FHIR bulk export from the site's server and land it; a broken one is resumed."""
    from orchestration.feeds.bulk_export import Asked
    from orchestration.steps.intake.exporting import export_site

    if since is not None and full:
        raise click.UsageError("--since and --full contradict each other; give one of them.")
    asked = Asked(group, types, _instant(since), is_full=full)
    return export_site(home_settings(), site, asked, progress, restart=restart)


def _instant(moment: datetime | None) -> str | None:
    """Return a FHIR instant; a time without a zone is UTC."""
    return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


@click.command()
@click.option("--site", help="One site; all when left out.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most about so many records a site; a file is taken whole."
)
@answers
def scrub(site: str | None, limit: int | None) -> Answer:
    """Take identifiers out of notes that wait in the landing zone, and land the scrubbed texts."""
    from orchestration.steps.intake.notes import scrub_notes

    settings = ready_settings()
    return scrub_notes(settings, site, limit, progress)


@click.command()
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@click.option("--identifier", nargs=2, metavar="AUTHORITY VALUE", help="As the feed names it; a FHIR id: Patient ID.")
@click.option("--patient-key", help="The person's pseudonym, as rows carry it.")
@click.option("--expired", is_flag=True, help="Instead of a person: what is past its contract's retention.")
@click.option("--reason", required=True, help="Why; it is written to the ledger.")
@click.option("--as", "actor", help="Who does this: recorded as claimed, with --key as signed.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Their private key: signs the entry.")
@answers
def erase(
    site: str,
    identifier: tuple[str, str] | None,
    patient_key: str | None,
    expired: bool,
    reason: str,
    actor: str | None,
    key_file: Path | None,
) -> Answer:
    """Destroy all that is held of a person, keep it from coming back, and make anew what was derived."""
    from orchestration.steps.intake.erasure import ErasureNotUnderstood, erase_expired, erase_person
    from orchestration.steps.record.actors import actor_of

    settings, who = ready_settings(), actor_of(actor, key_file).required()

    def rebuild() -> bool:
        from orchestration.defs.launch import rebuild_tables

        return rebuild_tables(settings, progress)

    if not expired:
        return erase_person(settings, site, identifier, patient_key, reason, who, rebuild)
    if identifier or patient_key:
        raise ErasureNotUnderstood("--expired takes no person: what is past its term goes, whoever it is of.")
    return erase_expired(settings, site, reason, who, rebuild)


@click.command()
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@answers
def reland(site: str) -> Answer:
    """Land all that a site sent again, from the encrypted bytes: after a change of its `authorities`."""
    from orchestration.steps.intake.relanding import reland_site

    return reland_site(ready_settings(), site)


@click.group()
def quarantine() -> None:
    """Records that broke a clause: listed with the reason, taken again after a fix."""


@quarantine.command("list")
@click.option("--site", help="One site; all when left out.")
@click.option("--feed", help="One feed; all when left out.")
@answers
def quarantine_list(site: str | None, feed: str | None) -> Answer:
    """List what is held, by file and clause, with the reason and the lines."""
    from orchestration.steps.intake.quarantine import list_quarantine

    return list_quarantine(home_settings(), site, feed)


@quarantine.command("replay")
@click.option("--site", required=True, help="Site, as named in orchestration/sites/.")
@click.option("--feed", help="One feed; all when left out.")
@click.option("--contracts", type=click.Choice(["now", "then"]), default="now", show_default=True, help="Which judge.")
@answers
def quarantine_replay(site: str, feed: str | None, contracts: str) -> Answer:
    """Take what is held again, under the contracts as they are now, or as they were when it first arrived."""
    from orchestration.steps.intake.quarantine import replay_quarantine

    return replay_quarantine(home_settings(), site, feed, as_of_then=contracts == "then")


@click.group()
def vocabulary() -> None:
    """OMOP's vocabulary: an Athena download, mounted for the tables."""


@vocabulary.command("load")
@click.argument("folder", metavar="DIR", type=FOLDER)
@answers
def vocabulary_load(folder: Path) -> Answer:
    """Mount the Athena download that was unpacked into DIR; the next run of the tables uses it."""
    from orchestration.steps.warehouse.vocabulary import mount_vocabulary

    return mount_vocabulary(home_settings(), folder, progress)


@vocabulary.command("show")
@answers
def vocabulary_show() -> Answer:
    """Show what is mounted: version, digest, rows per table, what is missing."""
    from orchestration.steps.warehouse.vocabulary import show_vocabulary

    return show_vocabulary(home_settings())


@click.command()
@click.option("--site", help="One site; all when left out.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; reports/ when left out.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]),
    help="How fresh feeds were then; each site's present if left out.",
)
@answers
def audit(site: str | None, out: Path | None, at: datetime | None) -> Answer:
    """Write a page per site: what its sources send, how complete, fresh and well coded, and what to mend first."""
    from orchestration.steps.intake.audit import audit_sites

    return audit_sites(home_settings(), site, out, at)


@click.group()
def review() -> None:
    """Changes of meaning in a feed, put before a named reviewer with real rows."""


@review.command("list")
@answers
def review_list() -> Answer:
    """List every review, those that wait for an answer first."""
    from orchestration.steps.meanings.reviews import list_reviews

    return Answer({"reviews": list_reviews(home_settings())})


@review.command("show")
@click.argument("name", metavar="REVIEW")
@answers
def review_show(name: str) -> Answer:
    """Show what changed, by how much, and rows of before and after; write its page."""
    from orchestration.steps.meanings.reviews import show_review

    return Answer(show_review(home_settings(), name))


@review.command("answer")
@click.argument("name", metavar="REVIEW")
@click.option("--verdict", required=True, type=click.Choice(["accept", "mapping_fix", "source_fault"]))
@click.option("--reason", required=True, help="Why; it is written to the ledger.")
@click.option("--as", "person", required=True, help="The registered person who answers.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Their private key: signs the entry.")
@answers
def review_answer(name: str, verdict: str, reason: str, person: str, key_file: Path | None) -> Answer:
    """Answer a review; what is accepted becomes the new baseline."""
    from orchestration.steps.meanings.reviews import answer_review
    from orchestration.steps.record.actors import actor_of

    return Answer(answer_review(home_settings(), name, verdict, reason, actor_of(person, key_file)))

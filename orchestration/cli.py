"""The `pilothouse` command. It calls the steps and holds no logic; what is heavy is imported when it is used."""

import atexit
import os
import sys
from datetime import datetime
from pathlib import Path

import click

from orchestration.answers import Commands, answers, progress
from orchestration.commands.changes import change
from orchestration.commands.clinics import overbook
from orchestration.commands.feeds import (
    audit,
    contract,
    erase,
    export,
    listen,
    quarantine,
    reland,
    review,
    scrub,
    vocabulary,
)
from orchestration.commands.options import EXISTING, ready_settings, site_option
from orchestration.commands.records import backup, incident, key, ledger, restore
from orchestration.commands.releases import approve, break_glass, drill, gate, promote, refuse, rollback, tier
from orchestration.commands.rosters import roster
from orchestration.settings import keep_private, load_settings
from orchestration.steps.answer import Answer

PORT = click.IntRange(1, 65535)
STANDARD_ERROR = 2
FEEDS = (audit, contract, erase, export, listen, quarantine, reland, review, scrub, vocabulary)
RELEASES = (approve, break_glass, change, drill, gate, promote, refuse, rollback, tier)
RECORDS = (backup, incident, key, ledger, restore)


def process() -> None:
    """The process of the command line."""
    atexit.register(_say_no_more)  # the first to be registered is the last to be called
    main()


def _say_no_more() -> None:
    """End standard error, once everything was said and written there.

    DuckDB's binding prints some forty lines about references when Python is torn down and anything still holds one of
    its objects, which is nothing that a user can act on.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_ERROR)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pilothouse")
def main() -> None:
    """Take hospital AI from pilot to production: feeds, tables, models, evidence, gated releases, feedback."""
    keep_private()


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

    return run_demo(ready_settings(), seed=seed, days=days, sites=sites, progress=progress)


@main.command("safety-case")
@click.option("--only", multiple=True, metavar="FAULT", help="Just this fault; may be given again.")
@click.option("--list", "listed", is_flag=True, help="Say what is in the catalogue, and run nothing.")
@click.option("--nulls", default=1, show_default=True, type=click.IntRange(1, 20), help="Seeds of null runs.")
@click.option("--seed", default=7, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the scoreboard as a page.")
@answers
def safety_case(only: tuple[str, ...], listed: bool, nulls: int, seed: int, out: Path | None) -> Answer:
    """Put named faults into a sandbox of the whole system: which are detected, after how long, and what they reach."""
    from orchestration.safety_case import list_catalogue, run_safety_case

    if listed:
        return list_catalogue()
    return run_safety_case(load_settings(), progress, only=only, seed=seed, nulls=nulls, out=out)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=EXISTING)
@site_option
@click.option("--feed", help="The feed's contract; found from the files when left out.")
@answers
def ingest(paths: tuple[Path, ...], site: str, feed: str | None) -> Answer:
    """Land files or folders under their contracts; print a receipt for each file."""
    from orchestration.steps.intake.landing import ingest_paths

    return ingest_paths(ready_settings(), paths, site, feed)


@main.command()
@click.option("--site", help="Only this site's feeds, candidates, evidence and decisions; all sites when left out.")
@click.option("--select", help="Dagster's asset selection, such as 'tables/*' or 'group:tables'.")
@click.option("--full-refresh", is_flag=True, help="Compute every table anew, not only what new records touch.")
@answers
def run(site: str | None, select: str | None, full_refresh: bool) -> Answer:
    """Materialise the graph: land waiting drops, build tables, train, judge, decide."""
    from orchestration.defs.launch import run_graph
    from orchestration.steps.warehouse.tables import demand_rebuild

    if full_refresh:
        demand_rebuild(ready_settings(), "asked for on the command line")
    return run_graph(ready_settings(), site=site, select=select, progress=progress)


@main.command()
@answers
def tables() -> Answer:
    """Count the OMOP tables, how much of each is mapped to standard concepts, and what is not, by site too."""
    from orchestration.steps.warehouse.tables_summary import tables_summary

    return Answer(tables_summary(ready_settings()))


@main.command()
@click.argument("use_case")
@site_option
@click.option("--train-until", required=True, type=click.DateTime(), help="Exclusive.")
@click.option("--test-from", required=True, type=click.DateTime(), help="Inclusive.")
@click.option("--seed", default=7, show_default=True)
@click.option(
    "--adapt-from", metavar="SITE", help="Also bring the model of this site here, each way beside the others."
)
@answers
def backtest(
    use_case: str, site: str, train_until: datetime, test_from: datetime, seed: int, adapt_from: str | None
) -> Answer:
    """Train on the past of a site, test on what came after."""
    from orchestration.steps.learning.backtest import backtest_any

    return Answer(backtest_any(ready_settings(), use_case, site, train_until, test_from, seed, adapt_from))


@main.command()
@click.option("--site", help="Only this site.")
@answers
def status(site: str | None) -> Answer:
    """Show every release: stage, tier, model, service level, drift, incidents, next review; and what is wrong."""
    from orchestration.steps.watching.status import status_of

    return status_of(ready_settings(), site)


@main.command()
@click.argument("use_case", required=False)
@click.option("--site", help="Only this site.")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="As of this time; each site's present if left out."
)
@answers
def slo(use_case: str | None, site: str | None, at: datetime | None) -> Answer:
    """Show service levels: what was promised, what was held, how much of the error budget is spent, where it burns."""
    from orchestration.steps.slo import service_levels

    return service_levels(ready_settings(), use_case, site, at)


@main.command()
@click.argument("identifier", metavar="CARD_OR_RELEASE_OR_ROW")
@answers
def lineage(identifier: str) -> Answer:
    """Follow a card, a release, omop.<table>:<id>, lake.<table>:<key> or triage_mart:<visit>:<feature> back to files,
    lines and contracts."""
    from orchestration.steps.warehouse.lineage import trace
    from orchestration.steps.warehouse.row_lineage import is_row, trace_row

    return Answer((trace_row if is_row(identifier) else trace)(ready_settings(), identifier))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8088, show_default=True, type=PORT)
@click.option("--people-header", help="Header in which the proxy that signs people in names them, e.g. Remote-User.")
@answers
def serve(host: str, port: int, people_header: str | None) -> Answer:
    """Run the CDS Hooks service and the huddle board."""
    from orchestration.steps.watching.service import run_service

    run_service(ready_settings(), host, port, people_header)
    return Answer({"stopped": True})


@main.command()
@answers
def ui() -> Answer:
    """Run Dagster's UI, MLflow's UI and the service side by side, and print their addresses."""
    from orchestration.steps.watching.user_interfaces import run_user_interfaces

    return run_user_interfaces(ready_settings(), progress)


@main.command()
@answers
def report() -> Answer:
    """Write the static reports from what is on record."""
    from orchestration.steps.watching.reporting import write_all_reports

    return Answer({"reports": [str(path) for path in write_all_reports(ready_settings())]})


@main.command("board-pack")
@click.argument("use_case", required=False)
@click.option("--site", help="Only this site's packs.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the packs; else the reports'."
)
@answers
def board_pack(use_case: str | None, site: str | None, out: Path | None) -> Answer:
    """Write what a governance board reads: a page and a PDF, with every document that they cite beside them."""
    from orchestration.steps.watching.board_packs import write_board_packs

    return write_board_packs(ready_settings(), use_case, site, out)


for command in (*FEEDS, *RELEASES, *RECORDS, overbook, roster):
    main.add_command(command)

if __name__ == "__main__":
    main()

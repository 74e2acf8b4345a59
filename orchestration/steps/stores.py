"""Every store in a home, and where its version stands: one row for each name directly under the home folder.

What says `home.json` has the form of the home's layout, and is brought forward with it (home). A form that is later
than the one read here is refused by whoever reads the store, in a sentence. What does not belong here: the forms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LAYOUT = "home.json"
MADE_ANEW = "none: made anew from the others"


@dataclass(frozen=True)
class Kept:
    """What a store holds, and where its version stands."""

    holds: str
    version: str


STORES: Mapping[str, Kept] = {
    "home.json": Kept("the version of this home's layout", "`schema` and `version` in it"),
    # what arrived
    "raw": Kept("the vault: bytes as received, encrypted", "raw/schema.json; the mark of each object (PHV1)"),
    "keys": Kept("the keyring, signing keys, secrets", "keys/objects/schema.json; names of pseudonym and master keys"),
    "receipts": Kept("what became of every record of a file", "`schema` of each receipt"),
    "lake": Kept("typed rows, by site and day of arrival", "the contract version that each receipt names"),
    "quarantine": Kept("rejected rows with the clause they broke", "the contract version that each receipt names"),
    "index": Kept("keys of records that landed, to tell repeats", "`version` in each head; a later one is made anew"),
    "contracts": Kept("the contract versions that feeds landed under", "the version in each file's name"),
    "erasures": Kept("tombstones of people who were erased", "`schema` of each tombstone"),
    "relanding": Kept("what is being landed again", LAYOUT),
    "inbox": Kept("messages that were acknowledged and wait", "the mark of each file (PHV1)"),
    "exports": Kept("files of a bulk export that wait", "the mark of each file (PHV1)"),
    "drops": Kept("folders where files are put to be landed", "none: files as their senders made them"),
    "incoming": Kept("files in the making", MADE_ANEW),
    "state": Kept("how far landing, exports and the graph came", LAYOUT),
    "truth": Kept("what the simulator knows", LAYOUT),
    "vocabulary": Kept("the mounted OMOP vocabulary", "its own release, in its VOCABULARY table"),
    "site_codes": Kept("mappings of sites' own codes, by digest", LAYOUT),
    "reviews": Kept("reviews of meaning", "`schema` of each review"),
    "drift": Kept("what drift was held against, by digest", LAYOUT),
    # what was made of it
    "warehouse.duckdb": Kept("tables and marts", MADE_ANEW),
    "warehouse.duckdb.tmp": Kept("what did not fit into memory while they were built, encrypted", MADE_ANEW),
    "rebuild.json": Kept("why the tables are to be computed anew", LAYOUT),
    "dbt": Kept("dbt's compiled project", MADE_ANEW),
    "snapshots": Kept("published marts, by digest", LAYOUT),
    "candidates": Kept("trained models with their records", "`schema` of each bundle and recipe"),
    "evidence": Kept("figures about candidates", "`schema` of each document"),
    "mlflow.db": Kept("runs and registered models", "MLflow's own: its table alembic_version"),
    "mlflow-artifacts": Kept("files of runs", "MLflow's own"),
    "mlflow_auth.ini": Kept("how MLflow asks who somebody is", "none: written at every start"),
    "dagster": Kept("runs, schedules, event log", "Dagster's own: its tables alembic_version"),
    # what was decided and served
    "ledger.db": Kept("the ledger", "schema_version in its table meta; `schema` of each entry"),
    "ledger.checkpoint": Kept("the signed head of the ledger", "`schema` in it"),
    "ledger.jsonl": Kept("the ledger in a backup", "`schema` of its head and entries"),
    "calendar.yaml": Kept("when nothing may be released, as people wrote it", "`schema` in it"),
    "pending": Kept("orders down that wait for the ledger", "`schema` of each order"),
    "releases": Kept("signed releases, by digest", "`schema` of each manifest, card and model"),
    "pointers": Kept("which release a site serves", "`schema` of each pointer"),
    "challengers": Kept("which release scores beside it, shown to nobody", "`schema` of each pointer"),
    "plans": Kept("signed plans that boards show", "`schema` of each plan"),
    "rosters": Kept("names to rosters, by a plan's digest", LAYOUT),
    "events.db": Kept("what was served, acted on, answered", "version in its table serving_schema"),
    "clients.json": Kept("who may call the service", "`schema` in it"),
    "ops": Kept("figures for the operations page", "`schema` of the document"),
    "ops_readers.json": Kept("who may see the operations page", "`schema` in it"),
    "audit": Kept("who looked at the operations page", LAYOUT),
    "reports": Kept("pages for people", MADE_ANEW),
    "logs": Kept("what programs said", "none: text for people"),
    "locks": Kept("locks of the operating system", MADE_ANEW),
    ".restoring": Kept("a backup that is being restored", "that of what is in it"),
}
"""Incidents, approvals and people are entries of the ledger; the queue of notes is in `state`."""
IN_SANDBOXES = ("people", "broken", "card.yaml", "case.jwks.json")
"""What a drill or the safety case puts into its own home besides, which is gone with it."""

"""dbt's surroundings: its variables, its manifest, the warehouse lock, and the snapshots that others read.

What does not belong here: the SQL (dbt_project) and running dbt under Dagster (defs/tables).
"""

import json
import secrets
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import duckdb

from evaluation.canonical import document_digest
from ml.usecases import load_use_case, use_case_names
from orchestration.contracts import load_contracts
from orchestration.contracts.sql import text
from orchestration.feeds import write_anchors
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sites import UnitKind, list_sites, load_site
from orchestration.steps.files import file_sha256, names_sha256, tree_sha256, write_json, write_json_durably
from orchestration.steps.intake.deidentification import deidentification_digest, deidentified_sites, shifted_sites
from orchestration.steps.warehouse.parsing import TablesError, parse_project
from orchestration.steps.warehouse.site_codes import site_codes_file
from orchestration.vocabulary import mounted_folder, mounted_vocabulary

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
DBT_SOURCES = ("*.sql", "*.yml", "*.yaml", "*.csv")
SNAPSHOT_TABLES = {
    "triage_mart": "marts.triage_mart",
    "staffing_mart": "marts.staffing_mart",
    "roster_mart": "marts.roster_mart",
    "roster_staff": "marts.roster_staff",
    "roster_leave": "marts.roster_leave",
    "roster_wish": "marts.roster_wish",
    "roster_isolation": "marts.roster_isolation",
    "staffing_stay": "marts.staffing_stay",
    "demand_mart": "marts.demand_mart",
    "appointments_mart": "marts.appointments_mart",
    "complaint_groups": "seeds.complaint_groups",
    "history_groups": "seeds.history_groups",
    "serving_event": "staging.stg_serving_event",
    "serving_challenger": "staging.stg_serving_challenger",
    "serving_feedback": "staging.stg_serving_feedback",
    "card_response": "marts.card_response",
    "board_adjustment": "marts.board_adjustment",
}
HANDED_OUT = ("triage_mart", "complaint_groups", "history_groups", "board_adjustment")
"""Tables that tell of nobody, or of people by shifted dates. Every other one tells of people, one by one or counted, in
true time, and is not handed out beside shifted ones; a new one neither, until somebody has looked at it."""
WAREHOUSE_LOCK = "warehouse"
BUILT, REBUILD = "built.json", "rebuild.json"
SETTLED_NS = 1_000_000_000
"""Age below which a file may change again without its time of change telling so."""
PLACES = {UnitKind.ED: "ER", UnitKind.ICU: "ICU", UnitKind.WARD: "HU"}  # HL7 v3 RoleCode


@dataclass(frozen=True)
class Snapshot:
    """An immutable export of marts: `digest` names the folder, `tables` maps a name to its Parquet file."""

    digest: str
    as_of: str
    folder: Path
    rows: dict[str, int]

    def table(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"


def dbt_variables(settings: Settings) -> str:
    """Return dbt's `--vars`: where the lake, the mounted vocabulary and the sites' own codes lie, each site's time zone
    and units, the safe_harbor sites' terms, a digest.

    The same for every run of a year, since dbt parses everything anew when they change; the whole lake has arrived by
    now. What dbt does not see by itself (macros, contracts, vocabulary) is in `inputs`: when it changes, dbt builds
    everything anew (decision record 0008).
    """
    sites = {site: load_site(site) for site in list_sites()}
    zones = {site: place.timezone for site, place in sites.items()}
    units = {site: {unit.id: PLACES[unit.kind] for unit in place.units} for site, place in sites.items()}
    vocabulary = str(mounted_folder(settings.vocabulary) or "")
    codes = site_codes_file(settings)
    today = datetime.now(UTC).date()
    inputs = f"{project_digest()} {vocabulary_digest(settings)} {codes.stem} {deidentification_digest(settings, today)}"
    paths = {"lake": str(settings.lake), "vocabulary": vocabulary, "site_codes": str(codes)}
    shifts = {
        site: [{"id": one.id, "starts": f"{one.starts:%H:%M}", "ends": f"{one.ends:%H:%M}"} for one in place.shifts]
        for site, place in sites.items()
    }
    clinics = {site: place.admitting_clinics for site, place in sites.items() if place.admitting_clinics}
    windows = {name: load_use_case(name).card.feedback_window_hours for name in use_case_names(kinds={"classifier"})}
    facts = {"timezones": zones, "units": units, "shifts": shifts, "admitting_clinics": clinics}
    tests_taken = [site for site, place in sites.items() if place.takes_test_records]
    told = {"deidentified": deidentified_sites(settings, today), "sites_that_take_test_records": tests_taken}
    return json.dumps({**paths, **facts, "feedback_windows": windows, "inputs": inputs, **told})


def demand_rebuild(settings: Settings, reason: str, *, from_nothing: bool = False) -> None:
    """Have the next build compute every table anew, whatever arrived; the demand stays until such a build succeeds.

    `from_nothing` is for erasure: the warehouse's file is removed first, since DuckDB keeps what was deleted in free
    blocks. Until the build is done there are no tables then; published snapshots are not touched.
    """
    demand = {"id": secrets.token_hex(8), "reason": reason, "from_nothing": from_nothing}
    write_json_durably(settings.home / REBUILD, demand)


def build_arguments(settings: Settings) -> list[str]:
    """Return what dbt is to be told besides its variables, and clear the ground for it. Wants the warehouse's lock."""
    demand = _open_demand(settings)
    if demand is None:
        return []
    if demand["from_nothing"]:
        for path in (settings.warehouse, settings.warehouse.with_name(f"{settings.warehouse.name}.wal")):
            path.unlink(missing_ok=True)
    return ["--full-refresh"]


def _open_demand(settings: Settings) -> dict[str, object] | None:
    demanded, built = settings.home / REBUILD, settings.dbt_target / BUILT
    if not demanded.exists():
        return None
    demand = json.loads(demanded.read_bytes())
    answered = json.loads(built.read_bytes()).get("rebuild") if built.exists() else None
    return None if demand["id"] == answered else demand


def project_digest() -> str:
    """Return the digest of every source file of the dbt project."""
    return tree_sha256(DBT_PROJECT, DBT_SOURCES)


def vocabulary_digest(settings: Settings) -> str:
    """Return the digest of the mounted vocabulary, or that only the starter is there."""
    mounted = mounted_vocabulary(settings.vocabulary)
    return mounted.digest if mounted else "starter"


def lake_digest(settings: Settings) -> str:
    """Return the lake's fingerprint; files there are append-only and named by content, so names suffice."""
    return names_sha256(settings.lake, "*.parquet")


def prepare_lake(settings: Settings) -> None:
    """Give every contracted table its typed, empty file, so that dbt can read a lake to which nothing came yet."""
    write_anchors(settings.home, load_contracts(environment=settings.environment))


def remove_spills(settings: Settings) -> None:
    """Remove what a killed build spilled. Wants the warehouse's lock."""
    if settings.spills.is_dir():
        shutil.rmtree(settings.spills)


def prepare_manifest(settings: Settings) -> Path:
    """Return dbt's manifest, parsed anew only when a source file of the project or a variable changed."""
    return parse_project(settings, DBT_PROJECT, lambda: dbt_variables(settings))


def manifest_digest(settings: Settings) -> str:
    """Return what the manifest says, without what changes from run to run (times, invocation ids)."""
    nodes = json.loads((settings.dbt_target / "manifest.json").read_bytes())["nodes"]
    return document_digest({name: node.get("checksum", {}).get("checksum", "") for name, node in nodes.items()})


def publish_snapshot(settings: Settings, as_of: datetime) -> Snapshot:
    """Export the marts to `snapshots/<digest>/` and point `current.json` at them, atomically."""
    settings.snapshots.mkdir(parents=True, exist_ok=True)
    staging = settings.snapshots / ".staging"
    staging.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        rows = {name: _export(warehouse, name, staging / f"{name}.parquet") for name in SNAPSHOT_TABLES}
    files = {name: file_sha256(staging / f"{name}.parquet") for name in rows}
    digest = document_digest(files)
    folder = settings.snapshots / digest
    if folder.exists():
        for name in rows:
            (staging / f"{name}.parquet").unlink()
        staging.rmdir()
    else:
        staging.rename(folder)
    tables = {name: {"file": f"{name}.parquet", "sha256": files[name], "rows": rows[name]} for name in rows}
    write_json(settings.snapshots / "current.json", {"digest": digest, "as_of": as_of.isoformat(), "tables": tables})
    return Snapshot(digest, as_of.isoformat(), folder, rows)


def _export(warehouse: duckdb.DuckDBPyConnection, name: str, target: Path) -> int:
    """Export a table. Where people's dates are shifted, what is in true time stays inside: beside a visit's shifted
    times it would tell the shift."""
    shifted = shifted_sites() if name not in HANDED_OUT else []
    left_out = f" where site not in ({', '.join(map(text, shifted))})" if shifted else ""
    rows = f"from {SNAPSHOT_TABLES[name]}{left_out}"
    warehouse.execute(f"copy (select * {rows} order by all) to '{target}' (format parquet, compression zstd)")
    found = warehouse.execute(f"select count(*) {rows}").fetchone()
    return int(found[0]) if found else 0


def current_snapshot(settings: Settings) -> Snapshot:
    """Return the published snapshot, its files verified against their digests. Raises `TablesError`."""
    pointer = settings.snapshots / "current.json"
    if not pointer.exists():
        raise TablesError("No snapshot of the marts is published yet; run: pilothouse run")
    document = json.loads(pointer.read_bytes())
    return _verified(settings, document["digest"], document["as_of"], document["tables"])


def _verified(settings: Settings, digest: str, as_of: str, tables: dict[str, dict[str, object]]) -> Snapshot:
    folder = settings.snapshots / digest
    for name, entry in tables.items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise TablesError(f"Snapshot {digest[:12]}: {name}.parquet is gone; restore it, or run again.")
        if _digest_now(path) != entry["sha256"]:
            raise TablesError(f"Snapshot {digest[:12]}: {name}.parquet changed after it was published; run again.")
    return Snapshot(digest, as_of, folder, {name: int(str(entry["rows"])) for name, entry in tables.items()})


def _digest_now(path: Path) -> str:
    """Hash a file, but not again while it is the same: triggers look at a snapshot every minute."""
    stat = path.stat()
    if time.time_ns() - stat.st_ctime_ns < SETTLED_NS:
        return file_sha256(path)
    return digest_of(path, stat.st_ctime_ns, stat.st_size, stat.st_ino)


@lru_cache(maxsize=256)
def digest_of(path: Path, changed_ns: int, size: int, inode: int) -> str:
    """Hash one state of a file; its time of change cannot be set back, as that of writing can."""
    del changed_ns, size, inode  # they tell one state of the file from another
    return file_sha256(path)


def last_build(settings: Settings) -> str:
    """Say how the warehouse was built last: in full and why, or how much new records touched."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return str(warehouse.execute("select said from build.run").fetchall()[0][0])


def tables_are_fresh(settings: Settings) -> bool:
    """Say whether nothing arrived and no model changed since the tables were last built and published."""
    marker = settings.dbt_target / BUILT
    return (
        marker.exists()
        and settings.warehouse.exists()
        and (settings.snapshots / "current.json").exists()
        and json.loads(marker.read_bytes()) == table_inputs(settings)
    )


def mark_tables_built(settings: Settings, inputs: dict[str, str]) -> None:
    """Remember what the tables were built from: `inputs` as they were before the build began."""
    write_json(settings.dbt_target / BUILT, inputs)


def table_inputs(settings: Settings) -> dict[str, str]:
    """Return the digests of what the tables are built from (lake, project, vocabulary, the sites' own codes and
    standards of de-identification), and the rebuild demanded."""
    demanded = settings.home / REBUILD
    rebuild = str(json.loads(demanded.read_bytes())["id"]) if demanded.exists() else ""
    vocabulary, codes = vocabulary_digest(settings), site_codes_file(settings).stem
    return {
        "lake": lake_digest(settings),
        "project": project_digest(),
        "vocabulary": vocabulary,
        "site_codes": codes,
        "deidentification": deidentification_digest(settings, datetime.now(UTC).date()),
        "rebuild": rebuild,
    }


def snapshot_digest(settings: Settings) -> str | None:
    """Return the digest of the published snapshot, or None before the first."""
    pointer = settings.snapshots / "current.json"
    return str(json.loads(pointer.read_bytes())["digest"]) if pointer.exists() else None

"""A roster candidate: past weeks rostered with what was known then, a run in MLflow, and the evidence about it.

What does not belong here: rosters (`roster_making.py`), what figures mean (`evaluation/metrics/roster.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import yaml

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence
from evaluation.metrics.roster import evaluate_rosters
from evaluation.metrics.roster_rules import HardRule
from evaluation.policies import load_policy
from ml.forecasting.bundle import files_digest
from ml.usecases import RosterUseCase, load_roster
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.files import write_atomically
from orchestration.steps.intake.deidentification import require_dates, why_no_dates
from orchestration.steps.intake.versions import contract_versions
from orchestration.steps.learning.candidate import code_version, person_id, tracker_of
from orchestration.steps.learning.evidence import head_of, keep_evidence
from orchestration.steps.learning.stores import (
    CandidateRecord,
    bundle_folder,
    candidate_folder,
    read_candidate,
    save_candidate,
)
from orchestration.steps.planning.meetings import time_to_plan
from orchestration.steps.record.records import now
from orchestration.steps.rosters.roster_bundle import FILE, roster_files
from orchestration.steps.rosters.roster_inputs import (
    DID,
    NotEnoughRoster,
    Row,
    read_rows,
    units_of,
)
from orchestration.steps.rosters.roster_people import Personnel, read_personnel
from orchestration.steps.rosters.roster_weeks import WEEK, known_before, read_weeks, rostered_weeks, written
from orchestration.steps.warehouse.tables import TablesError, current_snapshot, manifest_digest

BACKTEST = "backtest.json"
FEWEST_DAYS = 28


def roster_sites(settings: Settings, use_case: str, only: str | None) -> list[str]:
    """Return the sites (or just `only`) whose feed tells enough to roster and judge past weeks."""
    return [site for site in ([only] if only else list_sites()) if not why_not_roster(settings, use_case, site)]


def why_not_roster(settings: Settings, use_case: str, site: str) -> str:
    """Say what a site lacks, in a sentence; empty where it lacks nothing."""
    declared, place = load_roster(use_case), load_site(site)
    if reason := why_no_dates(declared, place.id):
        return reason
    try:
        at = _as_of(settings)
        _weeks(declared, read_rows(settings, declared, place, at), place, read_personnel(settings, declared, place, at))
    except (NotEnoughRoster, TablesError) as error:
        return str(error)
    return ""


def _as_of(settings: Settings) -> datetime:
    return datetime.fromisoformat(current_snapshot(settings).as_of)


def _weeks(declared: RosterUseCase, rows: Sequence[Row], site: Site, personnel: Personnel) -> list[date]:
    """Return the first days of the past weeks that are rostered anew, oldest first. Raises `NotEnoughRoster`."""
    days = {row.date for row in rows if row.status in DID}
    needed = FEWEST_DAYS + 7 * declared.solving.backtest_weeks
    if not days or (max(days) - min(days)).days + 1 < needed:
        told = f"{(max(days) - min(days)).days + 1} days" if days else "no day"
        raise NotEnoughRoster(
            f"{site.id}: the rosters feed tells of {told} of worked duties; {needed} are needed to roster past weeks "
            "and judge them. Land more days, then run."
        )
    after = max(days) + timedelta(days=1)
    starts = [after - WEEK * back for back in range(declared.solving.backtest_weeks, 0, -1)]
    known = personnel.known_at(time_to_plan(site, starts[0]))
    if not units_of(declared, site, known_before(rows, site, starts[0]), starts[0], 7, known):
        raise NotEnoughRoster(
            f"{site.id}: of the duties before {starts[0]} the rosters feed tells of, too few had arrived by "
            f"{time_to_plan(site, starts[0]):%Y-%m-%d %H:%M}: a past week is rostered from what was known then. Land "
            "each day's rosters as they come for so many weeks, then run."
        )
    return starts


def roster_inputs_digest(settings: Settings, use_case: str, site: str) -> str:
    """Return the digest of all that a candidate is made and judged from, but code."""
    declared, place = load_roster(use_case), load_site(site)
    rows = read_rows(settings, declared, place, _as_of(settings))
    people = read_personnel(settings, declared, place, _as_of(settings))
    data = {"rows": [asdict(row) for row in rows], "people": asdict(people)}
    return document_digest(
        {
            "data": document_digest(json.loads(json.dumps(data, default=str))),
            "use_case": declared.digest,
            "policy": load_policy(use_case).digest,
            "contracts": contract_versions(place, settings.environment),
        }
    )


def make_candidate(settings: Settings, use_case: str, site: str) -> CandidateRecord:
    """Roster past weeks, log the run to MLflow, and make it the site's current candidate."""
    declared, place = load_roster(use_case), load_site(site)
    require_dates(declared, place.id)
    rows, snapshot = read_rows(settings, declared, place, _as_of(settings)), current_snapshot(settings)
    people = read_personnel(settings, declared, place, _as_of(settings))
    starts = _weeks(declared, rows, place, people)
    weeks = [week for first in starts for week in rostered_weeks(declared, place, rows, first, people)]
    files, contracts = roster_files(declared, site), contract_versions(place, settings.environment)
    run_id, version = _log(settings, declared, site, files, {"snapshot": snapshot.digest, "weeks": len(weeks)})
    record = CandidateRecord(
        use_case=use_case,
        site=site,
        model=files_digest(files),
        data=snapshot.digest,
        inputs=roster_inputs_digest(settings, use_case, site),
        run_id=run_id,
        version=version,
        author=person_id(declared.author.name),
        seed=declared.solving.seed,
        train_until=starts[0].isoformat(),
        test_from=starts[0].isoformat(),
        n_train=sum(1 for row in rows if row.date < starts[0]),
        n_test=sum(len(week.worked) for week in weeks),
        as_of=snapshot.as_of,
        manifest=manifest_digest(settings),
        contracts=contracts,
        created_at=now().isoformat(),
    )
    write_atomically(bundle_folder(settings, record) / FILE, files[FILE])
    write_atomically(_backtest_file(settings, record), json.dumps(written(weeks), default=str).encode())
    save_candidate(settings, record)
    return record


def _backtest_file(settings: Settings, record: CandidateRecord) -> Path:
    return candidate_folder(settings, record.use_case, record.site) / record.model / BACKTEST


def judge_rosters(settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
    """Write and return performance and subgroups of the current candidate."""
    record, declared = read_candidate(settings, use_case, site), load_roster(use_case)
    weeks = read_weeks(json.loads(_backtest_file(settings, record).read_bytes()))
    rules = [HardRule(one.name, one.kind, dict(one.parameters)) for one in declared.rules if one.hard]
    head = head_of(record, {"from": record.test_from, "as_of": record.as_of})
    evidence = evaluate_rosters(weeks, rules, head, record.seed)
    keep_evidence(settings, record, evidence)
    return evidence


def _log(
    settings: Settings, declared: RosterUseCase, site: str, files: dict[str, bytes], learned: dict[str, object]
) -> tuple[str, str]:
    from ml.training.tracking import BUNDLE, RECIPE, USE_CASE, Run, log_run, run_tags  # mlflow takes seconds to import

    digest, snapshot, manifest = files_digest(files), str(learned["snapshot"]), manifest_digest(settings)
    made = {"declared": declared.digest, "dbt_manifest": manifest, "code_version": code_version()}
    tags = run_tags(declared.use_case, site, model=digest, snapshot=snapshot, **made)
    parameters = {**learned, **declared.solving.model_dump(mode="json", exclude={"rationale"})}
    documents = {
        **{f"{BUNDLE}/{name}": content for name, content in files.items()},
        RECIPE: json.dumps({"schema": "pilothouse.roster_recipe/1", **tags, **parameters}, indent=2).encode(),
        USE_CASE: yaml.safe_dump(declared.document(), allow_unicode=True).encode(),
    }
    run = Run(declared.use_case, site, digest, declared.title, tags, parameters, {}, documents)
    logged = log_run(tracker_of(settings), run)
    return logged.run_id, logged.version

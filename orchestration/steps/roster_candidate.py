"""A roster candidate: past weeks rostered with what was known then, a run in MLflow, and the evidence about it.

What does not belong here: rosters (`roster_making.py`), what figures mean (`evaluation/metrics/roster.py`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence
from evaluation.metrics.roster import UnitWeek, evaluate_rosters
from evaluation.metrics.roster_rules import Duty, HardRule, Staff
from evaluation.policies import load_policy
from ml.forecasting.bundle import files_digest
from ml.rostering import Problem, Roster, repair, solve
from ml.rostering.events import Sick
from ml.usecases import RosterUseCase, load_roster
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.candidate import code_version, person_id, tracker_of
from orchestration.steps.deidentification import require_dates, why_no_dates
from orchestration.steps.evidence import head_of, keep_evidence
from orchestration.steps.files import write_atomically
from orchestration.steps.meetings import time_to_plan
from orchestration.steps.records import now
from orchestration.steps.roster_bundle import FILE, roster_files
from orchestration.steps.roster_inputs import (
    DID,
    HISTORY_DAYS,
    STANDS,
    NotEnoughRoster,
    Row,
    Unit,
    read_rows,
    units_of,
    usual_need,
)
from orchestration.steps.roster_making import problem_of_unit
from orchestration.steps.shifts import span_of
from orchestration.steps.stores import CandidateRecord, bundle_folder, candidate_folder, read_candidate, save_candidate
from orchestration.steps.tables import TablesError, current_snapshot, manifest_digest
from orchestration.steps.versions import contract_versions

BACKTEST = "backtest.json"
WEEK = timedelta(days=7)
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
        _weeks(declared, read_rows(settings, declared, place, _as_of(settings)), place)
    except (NotEnoughRoster, TablesError) as error:
        return str(error)
    return ""


def _as_of(settings: Settings) -> datetime:
    return datetime.fromisoformat(current_snapshot(settings).as_of)


def _weeks(declared: RosterUseCase, rows: Sequence[Row], site: Site) -> list[date]:
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
    if not units_of(declared, site, known_before(rows, site, starts[0]), starts[0], 7):
        raise NotEnoughRoster(
            f"{site.id}: of the duties before {starts[0]} the rosters feed tells of, too few had arrived by "
            f"{time_to_plan(site, starts[0]):%Y-%m-%d %H:%M}: a past week is rostered from what was known then. Land "
            "each day's rosters as they come for so many weeks, then run."
        )
    return starts


def known_before(rows: Iterable[Row], site: Site, first: date) -> list[Row]:
    """Return the rows of the days before `first` that had arrived when the plan of that day was made."""
    at = time_to_plan(site, first)
    return [row for row in rows if row.date < first and row.known_at <= at]


def roster_inputs_digest(settings: Settings, use_case: str, site: str) -> str:
    """Return the digest of all that a candidate is made and judged from, but code."""
    declared, place = load_roster(use_case), load_site(site)
    rows = read_rows(settings, declared, place, _as_of(settings))
    return document_digest(
        {
            "data": document_digest({"rows": json.loads(json.dumps([asdict(row) for row in rows], default=str))}),
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
    starts = _weeks(declared, rows, place)
    weeks = [week for first in starts for week in rostered_weeks(declared, place, rows, first)]
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
    write_atomically(_backtest_file(settings, record), json.dumps(_written(weeks), default=str).encode())
    save_candidate(settings, record)
    return record


def _backtest_file(settings: Settings, record: CandidateRecord) -> Path:
    return candidate_folder(settings, record.use_case, record.site) / record.model / BACKTEST


def rostered_weeks(declared: RosterUseCase, site: Site, rows: Sequence[Row], first: date) -> list[UnitWeek]:
    """Roster every unit for the week from `first` on, with what was known before it, beside what was worked."""
    known = known_before(rows, site, first)
    worked = [row for row in rows if first <= row.date < first + WEEK and row.status in DID]
    return [
        _rostered(declared, site, unit, [row for row in worked if row.unit == unit.name])
        for unit in units_of(declared, site, known, first, 7)
    ]


def _rostered(declared: RosterUseCase, site: Site, unit: Unit, worked: Sequence[Row]) -> UnitWeek:
    need = usual_need(declared, unit)
    problem = problem_of_unit(declared, site, unit, need, None, keep=False)
    answer = solve(problem, declared.solving.backtest_seconds, declared.solving.seed)
    roster = answer.roster or Roster({})
    history = [row for row in unit.rows if row.status in STANDS and (unit.first - row.date).days <= HISTORY_DAYS]
    staff = [Staff(one.name, frozenset(one.skills), frozenset({unit.name})) for one in problem.staff]
    known = {one.name for one in staff}
    guests = {row.staff: row.skill for row in worked if row.staff and row.staff not in known}
    return UnitWeek(
        unit=unit.name,
        first=unit.first,
        need=need,
        staff=[*staff, *(Staff(name, frozenset({skill}), frozenset({unit.name})) for name, skill in guests.items())],
        history=[_duty(row, row.staff) for row in history if row.staff],
        made=_made(site, unit, roster),
        worked=[_duty(row, row.staff) for row in worked if row.staff],
        objective=answer.objective,
        bound=answer.bound,
        changes=_changes_after_a_sick_call(declared, problem, roster),
        shares={one.name: one.share for one in problem.staff},
    )


def _duty(row: Row, person: str) -> Duty:
    is_night = row.ends_at.date() > row.starts_at.date()
    return Duty(person, row.date, row.unit, row.shift, row.skill, row.starts_at, row.ends_at, is_night)


def _made(site: Site, unit: Unit, roster: Roster) -> list[Duty]:
    found: list[Duty] = []
    for (person, day), duty in roster.duties.items():
        span = span_of(site, unit.first + timedelta(days=day), duty.shift)
        is_night = span.ends_at.date() > span.starts_at.date()
        on = unit.first + timedelta(days=day)
        found.append(Duty(person, on, duty.unit, duty.shift, duty.skill, span.starts_at, span.ends_at, is_night))
    return found


def _changes_after_a_sick_call(declared: RosterUseCase, problem: Problem, roster: Roster) -> int | None:
    """Return how many assignments change when the first who works in the middle of the week is sick that day."""
    person = min((name for name, day in roster.duties if day == problem.days // 2), default=None)
    if person is None:
        return None
    event = Sick(person, frozenset({problem.days // 2}))
    return len(repair(problem, roster, [event], declared.solving.backtest_seconds / 2, declared.solving.seed).changes)


def _written(weeks: Iterable[UnitWeek]) -> list[dict[str, Any]]:
    """Return the weeks as plain JSON values."""
    found: list[dict[str, Any]] = []
    for week in weeks:
        document = asdict(replace(week, need={}))
        document["need"] = [[*key, nurses] for key, nurses in week.need.items()]
        document["staff"] = [
            {"name": one.name, "skills": sorted(one.skills), "units": sorted(one.units)} for one in week.staff
        ]
        found.append(document)
    return found


def _read(documents: Iterable[Mapping[str, Any]]) -> list[UnitWeek]:
    return [_read_week(dict(one)) for one in documents]


def _read_week(fields: dict[str, Any]) -> UnitWeek:
    fields["first"] = date.fromisoformat(fields["first"])
    fields["need"] = {(date.fromisoformat(day), shift, skill): nurses for day, shift, skill, nurses in fields["need"]}
    fields["staff"] = [Staff(one["name"], frozenset(one["skills"]), frozenset(one["units"])) for one in fields["staff"]]
    for which in ("history", "made", "worked"):
        fields[which] = [_read_duty(one) for one in fields[which]]
    return UnitWeek(**fields)


def _read_duty(one: Mapping[str, Any]) -> Duty:
    starts, ends = (datetime.fromisoformat(one[name]) for name in ("starts_at", "ends_at"))
    on = date.fromisoformat(one["date"])
    return Duty(one["person"], on, one["unit"], one["shift"], one["skill"], starts, ends, one["is_night"])


def judge_rosters(settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
    """Write and return performance and subgroups of the current candidate."""
    record, declared = read_candidate(settings, use_case, site), load_roster(use_case)
    weeks = _read(json.loads(_backtest_file(settings, record).read_bytes()))
    rules = [HardRule(one.name, one.kind, dict(one.parameters)) for one in declared.rules if one.hard]
    head = head_of(record, {"from": record.test_from, "as_of": record.as_of})
    evidence = evaluate_rosters(weeks, rules, head, record.seed)
    keep_evidence(settings, record, evidence)
    return evidence


def _log(
    settings: Settings, declared: RosterUseCase, site: str, files: dict[str, bytes], learned: dict[str, object]
) -> tuple[str, str]:
    from ml.training.tracking import BUNDLE, RECIPE, USE_CASE, Run, log_run  # mlflow takes seconds to import

    digest = files_digest(files)
    tags = {
        "pilothouse.use_case": declared.use_case,
        "pilothouse.site": site,
        "pilothouse.model_digest": digest,
        "pilothouse.snapshot": str(learned["snapshot"]),
        "pilothouse.use_case_digest": declared.digest,
        "pilothouse.dbt_manifest": manifest_digest(settings),
        "pilothouse.code_version": code_version(),
    }
    parameters = {**learned, **declared.solving.model_dump(mode="json", exclude={"rationale"})}
    documents = {
        **{f"{BUNDLE}/{name}": content for name, content in files.items()},
        RECIPE: json.dumps({"schema": "pilothouse.roster_recipe/1", **tags, **parameters}, indent=2).encode(),
        USE_CASE: yaml.safe_dump(declared.document(), allow_unicode=True).encode(),
    }
    run = Run(declared.use_case, site, digest, declared.title, tags, parameters, {}, documents)
    logged = log_run(tracker_of(settings), run)
    return logged.run_id, logged.version

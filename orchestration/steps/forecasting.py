"""A forecast from the published mart: its backtest, its candidate with a run in MLflow, and the evidence about it.

What does not belong here: the model (ml/forecasting), what figures mean (evaluation/metrics), plans (forecast_plan).
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, EvidenceHead
from evaluation.metrics.forecast import FEWEST_DAYS as FEWEST_TEST_DAYS
from evaluation.metrics.forecast import ForecastSample, evaluate_forecasts, forecast_figures
from evaluation.metrics.forecast_evidence import forecast_evidence
from evaluation.policies import load_policy
from ml.forecasting import NotEnoughHistory
from ml.forecasting.backtest import backtest_forecast
from ml.forecasting.bundle import files_digest, forecast_files
from ml.forecasting.fit import FEWEST_DAYS
from ml.forecasting.history import History
from ml.forecasting.mart import StaffingSnapshot, read_staffing, site_history, site_rows
from ml.forecasting.ratios import Places
from ml.usecases import DemandUseCase, ForecastUseCase, load_forecast
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.candidate import DEFAULT_SEED, TEST_SHARE, code_version, person_id, rows_digest, tracker_of
from orchestration.steps.deidentification import require_dates, why_no_dates
from orchestration.steps.errors import StepError
from orchestration.steps.evidence import head_of, keep_evidence
from orchestration.steps.files import write_atomically
from orchestration.steps.judging import write_table
from orchestration.steps.records import now
from orchestration.steps.stores import (
    CandidateRecord,
    bundle_folder,
    predictions_file,
    read_candidate,
    save_candidate,
)
from orchestration.steps.tables import manifest_digest
from orchestration.steps.versions import contract_versions

if TYPE_CHECKING:
    from ml.forecasting.backtest import ForecastBacktest

BASELINES = ("persistence", "seasonal_naive")
NO_MODEL = "0" * 64
UNIT_TARGET_HORIZONS = (1, 7)
"""Units are judged at the nearest and the furthest day: every day between would only repeat them."""


class ForecastOverlaps(StepError):
    """A backtest would be tested on what it learned from."""


class NotEnoughDays(StepError):
    """A site has too few days to train and test a forecast on; the message says how many are there and needed."""


def backtest_site(
    settings: Settings, use_case: str, site: str, train_until: date, test_from: date, seed: int
) -> dict[str, Any]:
    """Fit on the days before `train_until` (exclusive), forecast those from `test_from` (inclusive), site-local."""
    declared, place = load_forecast(use_case), load_site(site)
    if test_from < train_until:
        raise ForecastOverlaps(
            f"--test-from {test_from} lies before --train-until {train_until}: the test would hold days that were "
            "learned from. Choose a later --test-from."
        )
    snapshot = read_staffing(settings.snapshots, f"{use_case}_mart")
    history = site_history(snapshot.mart, declared, place.id, places=places_of(place))
    result = backtest_forecast(
        history, declared, site=site, region=place.region, train_until=train_until, test_from=test_from, seed=seed
    )
    head = EvidenceHead(
        use_case, site, NO_MODEL, snapshot.digest, datetime.now(UTC), {"from": str(test_from), "to": str(history.last)}
    )
    judged = evaluate_forecasts(
        list(samples_of(result.forecasts, declared)), head, coverage=declared.coverage, seed=seed
    )
    return {
        "use_case": use_case,
        "site": site,
        "train_until": str(train_until),
        "test_from": str(test_from),
        "n_train": result.n_train,
        "n_test": result.n_test,
        "gaps": [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in history.gaps()],
        "left_out": {name: count for name, count in result.left_out.items() if count},
        "outcomes": {name: _chosen(result, name) | dict(found) for name, found in judged.outcomes.items()},
    }


def places_of(site: Site) -> Places:
    """What the ratios need of a site: the kind of every unit, and how long its shifts usually are."""
    day = date(2001, 1, 1)
    hours = {
        one.id: (
            datetime.combine(day + timedelta(days=one.ends <= one.starts), one.ends) - datetime.combine(day, one.starts)
        ).total_seconds()
        / 3600
        for one in site.shifts
    }
    return Places({unit.id: unit.kind.value for unit in site.units}, hours)


def samples_of(table: pa.Table, declared: ForecastUseCase | DemandUseCase) -> Iterator[ForecastSample]:
    """Cut a table of forecasts (`ml/forecasting/backtest`) into one sample per target and horizon that has rows."""
    levels = declared.recipe.quantiles
    target, step = table["target"].to_numpy(zero_copy_only=False), table["step"].to_numpy()
    for name in (one.name for one in declared.targets):
        for horizon in declared.horizons_days:
            rows = table.filter(pa.array((target == name) & (step == horizon)))
            if rows.num_rows:
                yield ForecastSample(
                    name=f"{name}_{horizon}d",
                    day=rows["date"].cast(pa.int32()).to_numpy().astype(np.int64),
                    truth=rows["actual"].to_numpy(),
                    levels=levels,
                    quantiles=np.column_stack([rows[f"q_{level:g}"].to_numpy() for level in levels]),
                    baselines={baseline: rows[baseline].to_numpy() for baseline in BASELINES},
                )


def _chosen(result: "ForecastBacktest", name: str) -> dict[str, Any]:
    target, _, horizon = name.rpartition("_")
    return {"blend": result.model.targets[target].blends[int(horizon.removesuffix("d"))]}


def trainable_forecast_sites(settings: Settings, use_case: str, only: str | None = None) -> list[str]:
    """Return the sites (or just `only`) that have enough days to train and test on."""
    asked = list_sites() if only is None else [only]
    return [site for site in asked if not why_not_forecast(settings, use_case, site)]


def why_not_forecast(settings: Settings, use_case: str, site: str) -> str:
    """Say what a site lacks to train and test on, in a sentence; empty where it lacks nothing."""
    declared, place = load_forecast(use_case), load_site(site)
    if reason := why_no_dates(declared, place.id):
        return reason
    try:
        history = site_history(
            read_staffing(settings.snapshots, f"{use_case}_mart").mart, declared, place.id, places=places_of(place)
        )
        split_of(history, place)
    except (NotEnoughHistory, NotEnoughDays) as error:
        return str(error)
    return ""


def split_of(history: History, site: Site) -> date:
    """Return the first day that is tested and not learned from: the site's own, or that of the last 30 % of its days.

    Raises `NotEnoughDays`.
    """
    split = site.holdout_from or history.first + timedelta(days=round(history.days * (1 - TEST_SHARE)))
    known = np.any([np.isfinite(values).any(axis=0) for values in history.values.values()], axis=0)
    place = min(max(history.index(split), 0), history.days)
    before, after = int(known[:place].sum()), int(known[place:].sum())
    if before < FEWEST_DAYS or after < FEWEST_TEST_DAYS:
        raise NotEnoughDays(
            f"{site.id} has {before} known days before {split} and {after} from then on; a forecast needs "
            f"{FEWEST_DAYS} to learn from and {FEWEST_TEST_DAYS} to be tested on. Land more days of its staffing feed."
        )
    return split


def forecast_inputs(settings: Settings, use_case: str, site: str) -> str:
    """Return the digest of all that a candidate is made and judged from, but code."""
    declared = load_forecast(use_case)
    rows = site_rows(read_staffing(settings.snapshots, f"{use_case}_mart").mart, site)
    return document_digest(
        {
            "data": rows_digest(rows, ("unit", "date", "shift")),
            "use_case": declared.digest,
            "policy": load_policy(use_case).digest,
            "contracts": contract_versions(load_site(site), settings.environment),
            "seed": DEFAULT_SEED,
        }
    )


def train_forecast(settings: Settings, use_case: str, site: str, seed: int = DEFAULT_SEED) -> CandidateRecord:
    """Train, forecast what came after, log the run to MLflow, and make it the site's current candidate."""
    declared, place = load_forecast(use_case), load_site(site)
    require_dates(declared, place.id)
    snapshot = read_staffing(settings.snapshots, f"{use_case}_mart")
    history = site_history(snapshot.mart, declared, place.id, places=places_of(place))
    split = split_of(history, place)
    result = backtest_forecast(
        history, declared, site=site, region=place.region, train_until=split, test_from=split, seed=seed
    )
    files = forecast_files(result.model)
    contracts = contract_versions(place, settings.environment)
    run_id, version = _log(settings, declared, snapshot, result, files, contracts)
    record = CandidateRecord(
        use_case=use_case,
        site=site,
        model=files_digest(files),
        data=snapshot.digest,
        inputs=forecast_inputs(settings, use_case, site),
        run_id=run_id,
        version=version,
        author=person_id(declared.author.name),
        seed=seed,
        train_until=split.isoformat(),
        test_from=split.isoformat(),
        n_train=result.n_train,
        n_test=result.n_test,
        as_of=snapshot.as_of.isoformat(),
        manifest=manifest_digest(settings),
        contracts=contracts,
        created_at=now().isoformat(),
    )
    _keep(settings, record, result, files)
    return record


def _keep(settings: Settings, record: CandidateRecord, result: "ForecastBacktest", files: dict[str, bytes]) -> None:
    for name, content in files.items():
        write_atomically(bundle_folder(settings, record) / name, content)
    write_table(result.forecasts, predictions_file(settings, record))
    save_candidate(settings, record)


def _log(
    settings: Settings,
    declared: ForecastUseCase,
    snapshot: StaffingSnapshot,
    result: "ForecastBacktest",
    files: dict[str, bytes],
    contracts: dict[str, dict[str, str]],
) -> tuple[str, str]:
    from ml.training.tracking import BUNDLE, RECIPE, USE_CASE, Run, log_run  # mlflow takes seconds to import

    model, code = result.model, code_version()
    digests = {
        "pilothouse.use_case": model.use_case,
        "pilothouse.site": model.site,
        "pilothouse.model_digest": files_digest(files),
        "pilothouse.snapshot": snapshot.digest,
        "pilothouse.use_case_digest": declared.digest,
        "pilothouse.dbt_manifest": manifest_digest(settings),
        "pilothouse.code_version": code,
    }
    learned = {
        **{f"contract.{feed}": f"{one['version']}@{one['sha256'][:12]}" for feed, one in contracts.items()},
        **{f"data.{table}": digest for table, digest in snapshot.files.items()},
        "data.snapshot": snapshot.digest,
        "data.as_of": snapshot.as_of.isoformat(),
        "train_until": model.train_until.isoformat(),
        "seed": model.seed,
        "n_train": result.n_train,
        "n_series": len(model.series),
        **{f"recipe.{name}": str(value) for name, value in declared.recipe.model_dump(exclude={"rationale"}).items()},
    }
    recipe = {"schema": "pilothouse.forecast_recipe/1", **digests, **learned, "region": model.region}
    documents = {
        **{f"{BUNDLE}/{name}": content for name, content in files.items()},
        RECIPE: json.dumps(recipe, indent=2, ensure_ascii=False).encode(),
        USE_CASE: yaml.safe_dump(declared.document(), allow_unicode=True).encode(),
    }
    figures = _figures(list(samples_of(result.forecasts, declared)), declared, model.seed)
    run = Run(model.use_case, model.site, files_digest(files), declared.title, digests, learned, figures, documents)
    logged = log_run(tracker_of(settings), run)
    return logged.run_id, logged.version


def _figures(samples: list[ForecastSample], declared: ForecastUseCase, seed: int) -> dict[str, float]:
    found = {sample.name: forecast_figures(sample, declared.coverage, seed) for sample in samples}
    return {
        f"{name}.{of}": figure.value
        for name, figures in found.items()
        for of, figure in figures.items()
        if figure.value is not None
    }


def judge_forecast(settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
    """Write and return performance, intervals and units of the current candidate, on the days after its training."""
    record, declared = read_candidate(settings, use_case, site), load_forecast(use_case)
    table = pq.read_table(predictions_file(settings, record))
    evidence = forecast_evidence(
        list(samples_of(table, declared)),
        {unit: _of_unit(table, unit, declared) for unit in sorted(set(table["unit"].to_pylist()))},
        head_of(record, {"from": record.test_from, "as_of": record.as_of, "n_train": str(record.n_train)}),
        coverage=declared.coverage,
        seed=record.seed,
    )
    keep_evidence(settings, record, evidence)
    return evidence


def _of_unit(table: pa.Table, unit: str, declared: ForecastUseCase) -> list[ForecastSample]:
    rows = table.filter(pa.array([one == unit for one in table["unit"].to_pylist()]))
    wanted = {f"{one.name}_{horizon}d" for one in declared.targets for horizon in UNIT_TARGET_HORIZONS}
    return [sample for sample in samples_of(rows, declared) if sample.name in wanted]

"""A forecast's candidate from the published mart: trained, logged as a run in MLflow, and kept.

What does not belong here: the model (`ml/forecasting`), the history it learns from (`forecast_history.py`), judging it
(`forecast_judging.py`), plans (`forecast_plan.py`).
"""

import json
from typing import TYPE_CHECKING

import yaml

from ml.forecasting.backtest import backtest_forecast
from ml.forecasting.bundle import files_digest, forecast_files
from ml.forecasting.mart import StaffingSnapshot, read_staffing, site_history
from ml.usecases import ForecastUseCase, load_forecast
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.files import write_atomically
from orchestration.steps.forecasts.forecast_history import forecast_inputs, places_of, split_of
from orchestration.steps.forecasts.forecast_judging import figures_of, samples_of
from orchestration.steps.intake.deidentification import require_dates
from orchestration.steps.intake.versions import contract_versions
from orchestration.steps.learning.candidate import DEFAULT_SEED, code_version, person_id, tracker_of
from orchestration.steps.learning.judging import write_table
from orchestration.steps.learning.stores import (
    CandidateRecord,
    bundle_folder,
    predictions_file,
    save_candidate,
)
from orchestration.steps.record.records import now
from orchestration.steps.warehouse.tables import manifest_digest

if TYPE_CHECKING:
    from ml.forecasting.backtest import ForecastBacktest


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
    from ml.training.tracking import BUNDLE, RECIPE, USE_CASE, Run, log_run, run_tags  # mlflow takes seconds to import

    model, digest, manifest = result.model, files_digest(files), manifest_digest(settings)
    made = {"declared": declared.digest, "dbt_manifest": manifest, "code_version": code_version()}
    tags = run_tags(model.use_case, model.site, model=digest, snapshot=snapshot.digest, **made)
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
    recipe = {"schema": "pilothouse.forecast_recipe/1", **tags, **learned, "region": model.region}
    documents = {
        **{f"{BUNDLE}/{name}": content for name, content in files.items()},
        RECIPE: json.dumps(recipe, indent=2, ensure_ascii=False).encode(),
        USE_CASE: yaml.safe_dump(declared.document(), allow_unicode=True).encode(),
    }
    figures = figures_of(list(samples_of(result.forecasts, declared)), declared, model.seed)
    run = Run(model.use_case, model.site, digest, declared.title, tags, learned, figures, documents)
    logged = log_run(tracker_of(settings), run)
    return logged.run_id, logged.version

"""Tracking: a candidate's run in MLflow with everything needed to check it and to train it again.

Here belongs every call of MLflow in training; `ml/registry` is the other place that may make one. MLflow
remembers, it does not decide: nothing is served from a run. MLflow is imported inside functions (2.5 s).
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ml.training import BundleRefused, RebuildRefused, TrainingError
from ml.training.adapt import Source
from ml.training.bundle import bundle_files, load_bundle
from ml.training.candidate import Candidate
from ml.training.model import Model
from ml.training.recipe import Provenance, Rebuilt, recipe_of, retrain

__all__ = [
    "LoggedCandidate",
    "Provenance",
    "Rebuilt",
    "Run",
    "Tracker",
    "attach",
    "log_candidate",
    "log_run",
    "prepare",
    "rebuild",
]

BUNDLE, SOURCE, RECIPE, USE_CASE = "bundle", "source", "recipe.json", "use_case.yaml"
"""What a run holds: the model, the other site's model that it was made from (if it was), how, and of what."""


@dataclass(frozen=True)
class Tracker:
    """Where runs go: a tracking URI and where artifacts lie (a folder or URI; never MLflow's default, which
    is the working directory)."""

    uri: str
    artifact_location: str


@dataclass(frozen=True)
class Run:
    """A candidate's run, whatever its kind: `model` is its digest, `files` are by their path in the run, the model's
    own below `bundle/`."""

    use_case: str
    site: str
    model: str
    title: str
    tags: Mapping[str, str]
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class LoggedCandidate:
    """The run and the registered version (`<use case>-<site>`) of a candidate."""

    run_id: str
    name: str
    version: str


def prepare(tracker: Tracker) -> None:
    """Create or upgrade MLflow's database once, before anything uses it in parallel."""
    with _mlflow(tracker) as mlflow:
        mlflow.tracking.MlflowClient().search_experiments(max_results=1)


def log_candidate(
    tracker: Tracker,
    candidate: Candidate,
    provenance: Provenance,
    *,
    test_from: datetime,
    metrics: Mapping[str, float],
    files: Mapping[str, bytes] | None = None,
) -> LoggedCandidate:
    """Log one run and register its version; returns after everything is written.

    The input example is the site's usual visit (medians and shares), never a patient's. `files` are the
    caller's pictures and documents, by their path in the run (`figures/roc.png`).
    """
    recipe = json.dumps(recipe_of(candidate, provenance, test_from), indent=2, ensure_ascii=False)
    run = Run(
        use_case=candidate.model.use_case,
        site=candidate.model.site,
        model=candidate.digest,
        title=candidate.use_case.title,
        tags=_tags(candidate, provenance),
        parameters=_parameters(candidate, provenance, test_from),
        metrics=metrics,
        files={
            **_bundle_files(candidate.model, BUNDLE),
            **(_bundle_files(candidate.source.model, SOURCE) if candidate.source and candidate.adapted_from else {}),
            RECIPE: recipe.encode(),
            USE_CASE: yaml.safe_dump(candidate.use_case.document(), allow_unicode=True).encode(),
            **(files or {}),
        },
    )
    return log_run(tracker, run, lambda mlflow: _log_models(mlflow, candidate.model))


def log_run(tracker: Tracker, run: Run, more: Callable[[Any], None] = lambda _: None) -> LoggedCandidate:
    """Log one candidate's run and register its version; returns after everything is written.

    `more` logs what a kind of model has beyond files, given MLflow inside the run.
    """
    name = f"{run.use_case}-{run.site}"
    with _mlflow(tracker) as mlflow:
        experiment = _experiment(mlflow, name, tracker.artifact_location)
        with mlflow.start_run(experiment_id=experiment, run_name=f"{name}-{run.model[:8]}") as started:
            mlflow.set_tags(dict(run.tags))
            mlflow.log_params(dict(run.parameters))
            mlflow.log_metrics({key.replace("@", "_at_"): float(value) for key, value in run.metrics.items()})
            _log_artifacts(mlflow, run.files)
            more(mlflow)
            version = _register(mlflow, name, started.info.run_id, run)
        return LoggedCandidate(started.info.run_id, name, version)


def attach(tracker: Tracker, run_id: str, files: Mapping[str, bytes]) -> None:
    """Add documents to a candidate's run, by their path in the run (`drift/report.html`); one of that name is replaced.

    Raises `TrainingError` when the run is not there: a document without its run would be on no record.
    """
    with _mlflow(tracker) as mlflow, tempfile.TemporaryDirectory() as scratch:
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        try:
            place = _artifacts_of(mlflow, tracker, run_id)
        except (MlflowException, KeyError) as error:
            raise _no_run(tracker, run_id) from error
        _write_files(Path(scratch).resolve(), files)
        get_artifact_repository(place).log_artifacts(scratch)


def tag(tracker: Tracker, run_id: str, tags: Mapping[str, str]) -> None:
    """Add tags to a candidate's run, such as where it is shown elsewhere; one of that name is replaced.

    Raises `TrainingError` when the run is not there.
    """
    with _mlflow(tracker) as mlflow:
        from mlflow.exceptions import MlflowException

        client = mlflow.tracking.MlflowClient()
        try:
            for name, value in tags.items():
                client.set_tag(run_id, name, value)
        except MlflowException as error:
            raise _no_run(tracker, run_id) from error


def _no_run(tracker: Tracker, run_id: str) -> TrainingError:
    return TrainingError(
        f"{tracker.uri} has no candidate's run {run_id}; point MLFLOW_TRACKING_URI at the database it is in."
    )


def rebuild(tracker: Tracker, run_id: str, snapshots: Path) -> Rebuilt:
    """Train the model of a run again; `snapshots` is the folder of snapshots.

    Raises `RebuildRefused` when the run is not a candidate's or another model comes out, and
    `SnapshotRefused` when the data are not there as recorded.
    """
    with _mlflow(tracker) as mlflow, tempfile.TemporaryDirectory() as scratch:
        recipe = _read_recipe(mlflow, tracker, run_id, Path(scratch))
        source = _read_source(mlflow, tracker, run_id, recipe, Path(scratch))
    return retrain(recipe, snapshots, source)


@contextmanager
def _mlflow(tracker: Tracker) -> Generator[Any]:
    """MLflow pointed at `tracker`, with telemetry off, and pointed back afterwards.

    MLflow keeps where it points in `MLFLOW_TRACKING_URI` too, which is a setting of ours: it is left as it was found,
    unset included, or whoever reads the settings next would be sent to MLflow's default in the working directory.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports warn of other libraries' futures, at every start
        mlflow = import_module("mlflow")
        for name in ("lightgbm", "pyfunc", "store.tracking.sqlalchemy_store"):
            import_module(f"mlflow.{name}")
    previous = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(tracker.uri)
    try:
        yield mlflow
    finally:
        mlflow.set_tracking_uri(previous)


def _experiment(mlflow: Any, name: str, location: str) -> str:
    """The experiment `name` with its artifacts under `location`; another one once the home folder was moved,
    because MLflow keeps an experiment's first, absolute, location for good."""
    folder = _uri(location, name)
    for candidate in (name, f"{name}-{hashlib.sha256(folder.encode()).hexdigest()[:8]}"):
        found = mlflow.get_experiment_by_name(candidate)
        if found is None:
            return str(mlflow.create_experiment(candidate, artifact_location=folder))
        if found.artifact_location == folder:
            return str(found.experiment_id)
    raise TrainingError(f"The experiment {name} has artifacts elsewhere twice; give MLflow another database.")


def _uri(location: str, name: str) -> str:
    return f"{location.rstrip('/')}/{name}" if "://" in location else (Path(location).resolve() / name).as_uri()


def run_tags(
    use_case: str, site: str, *, model: str, snapshot: str, declared: str, dbt_manifest: str, code_version: str
) -> dict[str, str]:
    """Return the tags of a candidate's run, whatever its kind: what it came from. All but the names and the code's
    version are digests; `declared` is that of the use case's declaration."""
    return {
        "pilothouse.use_case": use_case,
        "pilothouse.site": site,
        "pilothouse.model_digest": model,
        "pilothouse.snapshot": snapshot,
        "pilothouse.use_case_digest": declared,
        "pilothouse.dbt_manifest": dbt_manifest,
        "pilothouse.code_version": code_version,
    }


def _tags(candidate: Candidate, provenance: Provenance) -> dict[str, str]:
    return run_tags(
        candidate.model.use_case,
        candidate.model.site,
        model=candidate.digest,
        snapshot=provenance.snapshot.digest,
        declared=candidate.use_case.digest,
        dbt_manifest=provenance.dbt_manifest,
        code_version=provenance.code_version,
    )


def _parameters(candidate: Candidate, provenance: Provenance, test_from: datetime) -> dict[str, object]:
    contracts = {
        f"contract.{feed}": f"{entry['version']}@{entry['sha256'][:12]}" for feed, entry in provenance.contracts.items()
    }
    files = {f"data.{table}": digest for table, digest in provenance.snapshot.files.items()}
    return {
        **asdict(candidate.parameters),
        **contracts,
        **files,
        "data.snapshot": provenance.snapshot.digest,
        "data.as_of": provenance.snapshot.as_of,
        "train_until": candidate.train_until.isoformat(),
        "test_from": test_from.isoformat(),
        "known_by": candidate.known_by.isoformat() if candidate.known_by else "not limited (imported later)",
        "seed": candidate.model.seed,
        "n_train": candidate.n_train,
        "n_features": len(candidate.model.features),
    }


def _bundle_files(model: Model, folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in bundle_files(model).items()}


def _log_artifacts(mlflow: Any, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _write_files(Path(scratch).resolve(), files)
        mlflow.log_artifacts(scratch)


def _write_files(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = (root / name).resolve()
        if root not in path.parents:
            raise ValueError(f"{name} would lie outside the run; name a path below it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _log_models(mlflow: Any, model: Model) -> None:
    example = usual_visit(model)
    for name, outcome in model.outcomes.items():
        scores = outcome.booster.predict(example, num_threads=1)
        mlflow.lightgbm.log_model(
            outcome.booster,
            name=name,
            input_example=example,
            signature=mlflow.models.infer_signature(example, np.asarray(scores)),
            pip_requirements=[f"lightgbm=={model.trained['lightgbm']}", f"numpy=={np.__version__}"],
        )


def usual_visit(model: Model) -> Any:
    """One row, as a pandas frame of float64: every feature at what is usual at the site. Nobody's data."""
    import pandas as pd

    usual = [model.baseline(name) for name in model.feature_names]
    numbers = [[np.nan if value is None else value for value in usual]]
    return pd.DataFrame(numbers, columns=pd.Index(model.feature_names), dtype="float64")


def _register(mlflow: Any, name: str, run_id: str, run: Run) -> str:
    from mlflow.exceptions import MlflowException

    client = mlflow.tracking.MlflowClient()
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=run.title)
    version = client.create_model_version(
        name,
        source=mlflow.get_artifact_uri(BUNDLE),
        run_id=run_id,
        tags={"model_digest": run.model},
        description="A candidate. It has no power: serving loads signed releases, never this registry.",
    )
    return str(version.version)


def _artifacts_of(mlflow: Any, tracker: Tracker, run_id: str) -> str:
    """Where a run's artifacts lie now: the place that MLflow recorded is absolute, and the home may have moved."""
    tags = mlflow.get_run(run_id).data.tags
    name = f"{tags['pilothouse.use_case']}-{tags['pilothouse.site']}"
    return f"{_uri(tracker.artifact_location, name)}/{run_id}/artifacts"


def _fetch(mlflow: Any, tracker: Tracker, run_id: str, name: str, scratch: Path) -> Path:
    source = f"{_artifacts_of(mlflow, tracker, run_id)}/{name}"
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(scratch)))


def _read_recipe(mlflow: Any, tracker: Tracker, run_id: str, scratch: Path) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    try:
        recipe = json.loads(_fetch(mlflow, tracker, run_id, RECIPE, scratch).read_text(encoding="utf-8"))
    except (MlflowException, KeyError, OSError, ValueError) as error:
        raise RebuildRefused(f"Run {run_id} has no readable {RECIPE}; it is no candidate's run.") from error
    if not isinstance(recipe, dict):
        raise RebuildRefused(f"The {RECIPE} of run {run_id} is no JSON object.")
    return recipe


def _read_source(mlflow: Any, tracker: Tracker, run_id: str, recipe: Mapping[str, Any], scratch: Path) -> Source | None:
    """The other site's model that a run's model was made from, verified; None for one from scratch."""
    from mlflow.exceptions import MlflowException

    if (adapted := recipe.get("adapted_from")) is None:
        return None
    try:
        model = load_bundle(_fetch(mlflow, tracker, run_id, SOURCE, scratch), str(adapted["model"]))
    except (MlflowException, KeyError, OSError, BundleRefused) as error:
        raise RebuildRefused(f"Run {run_id} no longer holds the model that it started from ({error}).") from error
    return Source(model, str(adapted["model"]))

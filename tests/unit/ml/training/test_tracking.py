"""MLflow on SQLite in a temporary folder: what a run carries, and that it gives the same model again."""

import hashlib
import json
import os
import shutil
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.features import SnapshotRefused
from ml.features.mart import read_snapshot
from ml.features.vocabulary import COLUMNS
from ml.training import RebuildRefused, TrainingError
from ml.training.adapt import Source
from ml.training.bundle import load_bundle
from ml.training.candidate import train_candidate
from ml.training.recipe import Provenance, recipe_of, retrain
from ml.training.tracking import Tracker, attach, log_candidate, prepare, rebuild, tag
from ml.usecases import load_use_case


def snapshot_of(root, mart, vocabulary):
    """A folder of snapshots with one of `mart`, and where a model made from it comes from."""
    folder = root / ("d" * 64)
    folder.mkdir()
    rows = vocabulary.to_json()
    tables = {"triage_mart": mart} | {name: pa.Table.from_pylist(rows[name]) for name in COLUMNS}
    entries = {}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries[name] = {"file": path.name, "sha256": digest, "rows": table.num_rows}
    pointer = {"digest": folder.name, "as_of": "2026-06-01T00:00:00+00:00", "tables": entries}
    (root / "current.json").write_text(json.dumps(pointer))
    contracts = {"ehr_fhir": {"version": "1.0.0", "sha256": "c" * 64}}
    snapshot = read_snapshot(root, load_use_case("triage"))
    return root, Provenance(snapshot, contracts, dbt_manifest="b" * 64, code_version="0.1.0")


@pytest.fixture(scope="module")
def recorded(mart, vocabulary, tmp_path_factory):
    return snapshot_of(tmp_path_factory.mktemp("snapshots"), mart, vocabulary)


@pytest.fixture(scope="module")
def snapshots(recorded):
    return recorded[0]


@pytest.fixture(scope="module")
def provenance(recorded):
    return recorded[1]


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    root = tmp_path_factory.mktemp("mlflow")
    return Tracker(f"sqlite:///{root / 'mlflow.db'}", str(root / "artifacts"))


@pytest.fixture(scope="module")
def logged(tracker, candidate, provenance, train_until):
    prepare(tracker)
    return log_candidate(
        tracker,
        candidate,
        provenance,
        test_from=train_until,
        metrics={"critical_care.auroc": 0.8, "critical_care.net_benefit@0.05": 0.01},
        files={"figures/roc.png": b"\x89PNG", "documents/drift.html": b"<html></html>"},
    )


@pytest.fixture
def run(tracker, logged):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracker.uri).get_run(logged.run_id)


def test_a_run_carries_digests_contracts_code_seed_and_metrics(run, candidate, provenance):
    assert run.data.tags["pilothouse.model_digest"] == candidate.digest
    assert run.data.tags["pilothouse.dbt_manifest"] == "b" * 64
    assert run.data.tags["pilothouse.code_version"] == "0.1.0"
    assert run.data.tags["pilothouse.use_case_digest"] == candidate.use_case.digest
    assert run.data.params["data.snapshot"] == "d" * 64
    assert run.data.params["data.triage_mart"] == provenance.snapshot.files["triage_mart"]
    assert run.data.params["contract.ehr_fhir"].startswith("1.0.0@")
    assert run.data.params["seed"] == "1"
    assert run.data.metrics["critical_care.auroc"] == 0.8


def test_a_run_carries_figures_bundle_and_models_with_signature_and_example(tracker, run, logged, candidate, tmp_path):
    from mlflow.models import Model
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracker.uri)
    assert [entry.path for entry in client.list_artifacts(logged.run_id, "figures")] == ["figures/roc.png"]
    folder = client.download_artifacts(logged.run_id, "bundle", str(tmp_path))
    assert load_bundle(tmp_path / "bundle", candidate.digest).seed == 1
    assert folder
    for output in run.outputs.model_outputs:
        location = client.get_logged_model(output.model_id).artifact_location
        model = Model.load(location.removeprefix("file://"))
        assert model.signature.inputs.input_names() == list(candidate.model.feature_names)
        assert model.saved_input_example_info is not None
    assert len(run.outputs.model_outputs) == 2


def test_a_version_is_registered_under_use_case_and_site(tracker, logged, candidate):
    from mlflow.tracking import MlflowClient

    version = MlflowClient(tracker.uri).get_model_version(logged.name, logged.version)

    assert logged.name == "triage-city"
    assert version.run_id == logged.run_id
    assert version.tags["model_digest"] == candidate.digest


def test_a_run_is_rebuilt_into_the_identical_model(tracker, logged, snapshots, candidate):
    rebuilt = rebuild(tracker, logged.run_id, snapshots)

    assert rebuilt.digest == rebuilt.recorded_digest == candidate.digest


def test_a_run_is_rebuilt_after_the_home_folder_was_moved(tracker, logged, snapshots, candidate, tmp_path):
    home = tmp_path / "moved"
    source = tracker.artifact_location.removesuffix("/artifacts")
    shutil.copytree(source, home)
    moved = Tracker(f"sqlite:///{home / 'mlflow.db'}", str(home / "artifacts"))

    assert rebuild(moved, logged.run_id, snapshots).digest == candidate.digest


def test_after_a_move_new_runs_do_not_write_to_the_old_place(
    tracker, logged, candidate, provenance, train_until, tmp_path
):
    home = tmp_path / "moved"
    shutil.copytree(tracker.artifact_location.removesuffix("/artifacts"), home)
    moved = Tracker(f"sqlite:///{home / 'mlflow.db'}", str(home / "artifacts"))
    again = log_candidate(moved, candidate, provenance, test_from=train_until, metrics={})

    assert (home / "artifacts" / "triage-city" / again.run_id).is_dir()
    assert again.version == "2"


def test_changed_data_refuse_to_be_rebuilt(tracker, logged, snapshots, tmp_path):
    copy = tmp_path / "snapshots"
    shutil.copytree(snapshots, copy)
    path = copy / ("d" * 64) / "triage_mart.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotRefused, match="not what was exported"):
        rebuild(tracker, logged.run_id, copy)


def test_a_run_that_is_no_candidate_s_is_refused(tracker, logged, snapshots):
    with pytest.raises(RebuildRefused, match="no candidate"):
        rebuild(tracker, "0" * 32, snapshots)


def test_a_recipe_that_gives_another_model_is_refused(candidate, provenance, snapshots, train_until):
    recipe = recipe_of(candidate, provenance, train_until)

    with pytest.raises(RebuildRefused, match="not the recorded"):
        retrain(recipe | {"seed": 2}, snapshots)
    with pytest.raises(RebuildRefused, match="schema"):
        retrain({}, snapshots)


def test_the_input_example_is_nobody_s_data(candidate):
    from ml.training.tracking import usual_visit

    example = usual_visit(candidate.model)

    assert len(example) == 1
    assert example["oxygen_saturation"][0] == candidate.model.baseline("oxygen_saturation")


def test_a_file_outside_the_run_is_refused(tracker, candidate, provenance, train_until, logged):
    with pytest.raises(ValueError, match="outside"):
        log_candidate(tracker, candidate, provenance, test_from=train_until, metrics={}, files={"../../stray.txt": b""})


def test_a_document_is_attached_to_a_run_and_replaced_by_the_next_of_its_name(tracker, logged, tmp_path):
    from mlflow.tracking import MlflowClient

    for page in (b"first", b"second"):
        attach(tracker, logged.run_id, {"drift/evidently.html": page})

    client = MlflowClient(tracker.uri)
    assert [entry.path for entry in client.list_artifacts(logged.run_id, "drift")] == ["drift/evidently.html"]
    client.download_artifacts(logged.run_id, "drift", str(tmp_path))
    assert (tmp_path / "drift" / "evidently.html").read_bytes() == b"second"


def test_after_a_move_a_document_is_attached_in_the_new_place_only(tracker, logged, tmp_path):
    home = tmp_path / "moved"
    shutil.copytree(tracker.artifact_location.removesuffix("/artifacts"), home)

    attach(Tracker(f"sqlite:///{home / 'mlflow.db'}", str(home / "artifacts")), logged.run_id, {"note.txt": b"new"})

    [note] = home.rglob("note.txt")
    assert note.read_bytes() == b"new"
    assert not list(home.parent.joinpath(tracker.artifact_location).rglob("note.txt"))


def test_a_document_for_a_run_that_is_not_there_is_refused(tracker, logged):
    with pytest.raises(TrainingError, match="MLFLOW_TRACKING_URI"):
        attach(tracker, "0" * 32, {"drift/evidently.html": b""})


def test_a_run_says_where_else_it_is_shown_and_one_that_is_not_there_is_refused(tracker, logged):
    from mlflow.tracking import MlflowClient

    for run in ("1", "2"):
        tag(tracker, logged.run_id, {"dagster.run": f"http://127.0.0.1:3000/runs/{run}"})
    assert MlflowClient(tracker.uri).get_run(logged.run_id).data.tags["dagster.run"].endswith("/runs/2")
    with pytest.raises(TrainingError, match="MLFLOW_TRACKING_URI"):
        tag(tracker, "0" * 32, {"dagster.run": "x"})


def test_a_document_outside_the_run_is_refused(tracker, logged):
    with pytest.raises(ValueError, match="outside"):
        attach(tracker, logged.run_id, {"../../stray.txt": b""})


@pytest.mark.parametrize("found", [None, "sqlite:////somewhere/else.db"])
def test_the_setting_of_where_mlflow_is_stays_as_it_was_found(tracker, logged, monkeypatch, found):
    """MLflow writes `MLFLOW_TRACKING_URI` itself; the next reader of the settings must not find that."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if found is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", found)

    attach(tracker, logged.run_id, {"note.txt": b""})

    assert os.environ.get("MLFLOW_TRACKING_URI") == found


def test_another_model_gets_the_next_version(
    tracker, logged, use_case, mart, vocabulary, train_until, parameters, provenance
):
    other = train_candidate(
        use_case,
        mart,
        vocabulary,
        site="city",
        train_until=train_until - timedelta(days=10),
        seed=9,
        parameters=parameters,
    )

    assert int(log_candidate(tracker, other, provenance, test_from=train_until, metrics={}).version) > int(
        logged.version
    )


def test_a_model_from_another_sites_is_rebuilt_from_its_run_alone(
    use_case, tracker, candidate, mart_builder, vocabulary, train_until, parameters, tmp_path
):
    district = mart_builder(rows=300, seed=8, site="district")
    snapshots, provenance = snapshot_of(tmp_path, district, vocabulary)
    adapted = train_candidate(
        use_case,
        district,
        vocabulary,
        site="district",
        train_until=train_until,
        seed=1,
        parameters=parameters,
        source=Source(candidate.model, candidate.digest),
    )
    assert adapted.adapted_from is not None

    run = log_candidate(tracker, adapted, provenance, test_from=train_until, metrics={})

    assert rebuild(tracker, run.run_id, snapshots).digest == adapted.digest
    recipe = recipe_of(adapted, provenance, train_until)
    with pytest.raises(RebuildRefused, match="which its run no longer holds"):
        retrain(recipe, snapshots)
    with pytest.raises(RebuildRefused, match="which its run no longer holds"):
        retrain(recipe, snapshots, Source(candidate.model, "0" * 64))

"""A classifier whose mart has a row of something else than a visit: nothing assumes a triage desk."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import roc_auc_score

from ml.features import ColumnMissing
from ml.features.mart import read_snapshot
from ml.training.backtest import backtest
from ml.training.bundle import load_bundle, model_digest, write_bundle
from ml.training.candidate import train_candidate
from ml.training.fit import DEFAULT, parameters_of
from ml.training.split import Period, settled, visits
from ml.usecases import UseCase, load_use_case
from tests.unit.ml.training.clinic import AS_OF, mart, write_snapshot

USE_CASE = load_use_case("appointments")
UNTIL = AS_OF - timedelta(days=40)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("clinic")
    write_snapshot(folder, mart())
    return read_snapshot(folder, USE_CASE)


def test_the_mart_is_read_under_canonical_names_and_without_a_vocabulary_of_complaints(snapshot):
    assert {"visit_occurrence_id", "visit_key", "arrived_at", "charted_at"} <= set(snapshot.mart.column_names)
    assert set(snapshot.files) == {"appointments_mart"}
    assert snapshot.vocabulary.groups() == {"complaint_groups": (), "history_groups": ()}


def test_a_mart_without_the_columns_of_its_grain_is_refused(tmp_path: Path):
    write_snapshot(tmp_path, mart(10).drop_columns(["booked_at"]))
    with pytest.raises(ColumnMissing, match="appointments lacks booked_at"):
        read_snapshot(tmp_path, USE_CASE)


def test_slots_to_come_and_those_given_back_are_neither_learned_from_nor_judged(snapshot):
    [outcome] = USE_CASE.outcomes
    table = visits(snapshot.mart, "city", Period())
    counted = table.filter(pa.array(settled(table, outcome, AS_OF)))
    assert set(counted["status"].to_pylist()) == {"no_show", "arrived"}
    assert pc.max(counted["arrived_at"]).as_py() <= AS_OF - timedelta(days=outcome.maturity_days)
    assert set(table["status"].to_pylist()) == {"no_show", "arrived", "booked", "cancelled"}


def test_what_is_decided_after_the_training_window_changes_nothing(snapshot):
    """Leakage: labels and states of later appointments are turned around, and the same model comes out."""
    later = pc.greater_equal(snapshot.mart["arrived_at"], pa.scalar(UNTIL, pa.timestamp("us", tz="UTC")))
    turned = pc.if_else(later, pc.invert(snapshot.mart["no_show"]), snapshot.mart["no_show"])
    place = snapshot.mart.column_names.index("no_show")
    other = snapshot.mart.set_column(place, "no_show", turned)
    models = [
        train_candidate(USE_CASE, table, snapshot.vocabulary, site="city", train_until=UNTIL, seed=1).digest
        for table in (snapshot.mart, other)
    ]
    assert models[0] == models[1]


def test_the_candidate_beats_last_times_behaviour_and_its_bundle_comes_back(snapshot, tmp_path: Path):
    result = backtest(
        USE_CASE,
        snapshot.mart,
        snapshot.vocabulary,
        site="city",
        train_until=UNTIL,
        test_from=UNTIL,
        seed=1,
        as_of=AS_OF,
    )
    assert {"missed_last", "no_show_label", "no_show_score", "race"} <= set(result.predictions.column_names)
    assert "triage_level" not in result.predictions.column_names
    label, score, last = (
        np.asarray(result.predictions[name].to_pylist(), np.float64)
        for name in ("no_show_label", "no_show_score", "missed_last")
    )
    assert len(label) > 500 and roc_auc_score(label, score) > roc_auc_score(label, last) + 0.02 > 0.55
    write_bundle(result.candidate.model, tmp_path / "bundle")
    assert model_digest(load_bundle(tmp_path / "bundle")) == result.candidate.digest
    assert result.candidate.parameters == parameters_of(USE_CASE) != DEFAULT


def test_triage_keeps_its_digest_and_parameters_and_a_declaration_survives_its_document():
    triage = load_use_case("triage")
    assert parameters_of(triage) == DEFAULT and {"grain", "practice", "learner"} & set(triage.document()) == set()
    for one in (triage, USE_CASE):
        again = UseCase.model_validate(one.document())
        assert (again, again.digest) == (one, one.digest)

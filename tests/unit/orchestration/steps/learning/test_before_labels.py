"""What serving's scores promise and what came: matured labels only, displayed cards apart, and the gap in two parts."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.evidence import Evidence
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning import before_labels
from orchestration.steps.learning.before_labels import (
    estimated_evidence,
    in_canonical_names,
    shadow_gap_evidence,
)
from orchestration.steps.learning.stores import CandidateRecord, predictions_file
from tests.unit.orchestration.steps.conftest import NOON

Record = Callable[..., CandidateRecord]
TRIAGE = load_use_case("triage")
WINDOW = {"served_from": "a", "served_until": "b"}
N = 1200


def served() -> pa.Table:
    """Calibrated scores; the first 300 visits too young for a label, the last 300 with a card."""
    draw = np.random.default_rng(1)
    p = draw.beta(1.2, 4, N)
    arrived = [NOON - timedelta(days=1 if n < 300 else 40, minutes=n) for n in range(N)]
    table = {"arrived_at": arrived, "at": arrived, "known_at": arrived, "labels_known_at": [NOON] * N}
    outcomes = {one.name: draw.random(N) < p for one in TRIAGE.outcomes}
    scores = [json.dumps({one.name: float(x) for one in TRIAGE.outcomes}) for x in p]
    return pa.table({**table, **outcomes, "scores": scores, "is_displayed": [n >= 900 for n in range(N)], "x": p})


def test_what_has_not_matured_is_left_out_and_displayed_cards_are_apart(record: Record) -> None:
    found = estimated_evidence(record(), served(), TRIAGE, WINDOW)
    assert found.kind == "estimated"
    assert found.figures["estimated.critical_care.prevalence"].n == N
    assert found.figures["estimated.critical_care.realised_prevalence"].n == 600
    told = found.to_json()["detail"]["outcomes"]["critical_care"]  # type: ignore[index, call-overload]
    assert (told["matured"], told["not_matured"]) == (900, 300)  # type: ignore[index, call-overload]
    assert sum(one["realised"]["prevalence"]["n"] for one in told["displayed"]) == 300  # type: ignore[index, call-overload, union-attr, misc]
    assert "blind to concept drift" in str(found.detail["blind_spot"])
    ratio = found.figures["estimated.critical_care.observed_over_expected"]
    assert ratio.lower is not None and ratio.upper is not None
    assert ratio.lower < 1 < ratio.upper


@pytest.fixture
def gap(settings: Settings, record: Record, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Evidence]:
    """Judges the gap of served visits whose score from the warehouse is their `x`, as it was in the test period."""
    made, rows = record(), served()
    path = predictions_file(settings, made)
    path.parent.mkdir(parents=True)
    p = rows["x"]
    judged = {f"{one.name}_label": rows[one.label_column] for one in TRIAGE.outcomes}
    judged |= {f"{one.name}_score": p for one in TRIAGE.outcomes}
    pq.write_table(pa.table({**judged, TRIAGE.practice.column: pa.array([3] * N)}), path)

    def predict_row(row: dict[str, float], explained: object) -> dict[str, SimpleNamespace]:
        return {one.name: SimpleNamespace(probability=row["x"]) for one in TRIAGE.outcomes}

    model = SimpleNamespace(feature_names=("x",), predict_row=predict_row)
    monkeypatch.setattr(before_labels, "load_bundle", lambda *_: model)

    def judge(is_lost: np.ndarray, is_apart: np.ndarray) -> Evidence:
        scores = [
            json.dumps({one.name: 0.2 if lost else p for one in TRIAGE.outcomes})
            for lost, p in zip(is_lost, rows["x"].to_pylist(), strict=True)
        ]
        served_so = rows.set_column(rows.schema.get_field_index("scores"), "scores", pa.array(scores))
        return shadow_gap_evidence(settings, made, served_so, TRIAGE, WINDOW, is_apart)

    return judge


def test_scores_that_serving_alone_got_wrong_are_infrastructure(gap: Callable[..., Evidence]) -> None:
    found = gap(np.ones(N, bool), np.zeros(N, bool))
    infrastructure = found.figures["shadow_gap.admission.infrastructure"]
    time = found.figures["shadow_gap.admission.time"]
    assert infrastructure.upper is not None and infrastructure.upper < -0.1
    assert time.lower is not None and time.upper is not None
    assert time.lower < 0 < time.upper
    assert found.figures["shadow_gap.admission.served"].value == 0.5
    assert infrastructure.n == 600
    assert (found.figures["shadow_gap.set_apart"].value, found.figures["shadow_gap.set_apart"].n) == (0.0, N)


def test_visits_of_a_corrected_fault_are_no_infrastructure_and_are_counted(gap: Callable[..., Evidence]) -> None:
    """The service scored the values that the source had sent; the warehouse has those that it sent again."""
    is_wrong = np.arange(N) % 10 == 0
    counted, left_out = gap(is_wrong, np.zeros(N, bool)), gap(is_wrong, is_wrong)
    name = "shadow_gap.admission.infrastructure"
    assert counted.figures[name].value is not None and counted.figures[name].value < 0
    assert (left_out.figures[name].value, left_out.figures[name].n) == (0.0, 540)
    assert (left_out.figures["shadow_gap.set_apart"].value, left_out.figures["shadow_gap.set_apart"].n_events) == (
        0.1,
        120,
    )
    assert "own records were sent again" in str(left_out.detail["rule"])


def test_the_clock_of_a_label_has_one_name_whatever_the_mart_calls_it() -> None:
    appointments = load_use_case("appointments")
    assert in_canonical_names(pa.table({"starts_at": [1], "x": [2]}), appointments).column_names == ["arrived_at", "x"]
    assert in_canonical_names(pa.table({"arrived_at": [1]}), TRIAGE).column_names == ["arrived_at"]


def test_before_any_outcome_has_settled_nothing_is_realised(record: Record) -> None:
    rows = served().slice(0, 300)
    for outcome in TRIAGE.outcomes:
        index = rows.column_names.index(outcome.label_column)
        rows = rows.set_column(index, outcome.label_column, pa.nulls(300, pa.bool_()))
    found = estimated_evidence(record(), rows, TRIAGE, WINDOW)
    assert found.figures["estimated.critical_care.prevalence"].value is not None
    assert not [name for name in found.figures if "realised" in name or "observed" in name]
    told = found.to_json()["detail"]["outcomes"]["critical_care"]  # type: ignore[index, call-overload]
    assert (told["matured"], told["not_matured"]) == (0, 300)  # type: ignore[index, call-overload]

"""From a table of predictions to what evaluation takes: settled rows only, and thresholds that the card uses."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.metrics.sample import MetricInputError
from evaluation.policies import load_policy
from ml.usecases import load_use_case
from orchestration.steps.learning.judging import evaluate_predictions, samples_of, thresholds_of, write_table

TRIAGE, POLICY = load_use_case("triage"), load_policy("triage")

PREDICTIONS = pa.table(
    {
        "critical_care_label": [True, False, None, False],
        "critical_care_score": [0.9, 0.1, 0.5, 0.2],
        "admission_label": [None, True, True, False],
        "admission_score": [0.8, 0.7, 0.6, 0.1],
        "triage_level": pa.array([1, None, 3, 5], pa.int32()),
        "sex": ["female", "male", None, "female"],
        "unit": ["ED", "ED", "ED", None],
    }
)


def test_a_row_with_an_unsettled_label_is_left_out_and_never_counted_as_no() -> None:
    critical, admission = samples_of(PREDICTIONS, TRIAGE)
    assert (critical.outcome, critical.y.tolist(), critical.p.tolist()) == ("critical_care", [1, 0, 0], [0.9, 0.1, 0.2])
    assert (admission.outcome, admission.y.tolist(), admission.p.tolist()) == ("admission", [1, 1, 0], [0.7, 0.6, 0.1])


def test_the_nurses_level_and_the_subgroups_stay_with_their_rows() -> None:
    critical, admission = samples_of(PREDICTIONS, TRIAGE)
    assert critical.practice is not None and admission.practice is not None
    np.testing.assert_array_equal(critical.practice.urgency, [-1, np.nan, -5])
    np.testing.assert_array_equal(admission.practice.recorded, [False, True, True])
    assert critical.attributes == {"sex": ["female", "male", "female"], "unit": ["ED", "ED", None]}
    assert admission.attributes["sex"] == ["male", None, "female"]


def test_nothing_settled_is_refused_and_not_judged_as_zero() -> None:
    nothing = PREDICTIONS.set_column(0, "critical_care_label", pa.array([None] * 4, pa.bool_()))
    with pytest.raises(MetricInputError, match="no rows to judge"):
        samples_of(nothing, TRIAGE)


def test_the_cards_thresholds_are_judged_for_its_outcome_alone_in_order_and_once() -> None:
    found = thresholds_of(POLICY, TRIAGE)
    shown = {POLICY.card.display_threshold, POLICY.card.warning_threshold}
    assert set(found) == {outcome.name for outcome in TRIAGE.outcomes}
    assert shown <= set(found[POLICY.card.outcome])
    for ladder in found.values():
        assert list(ladder) == sorted(set(ladder)) and {0.02, 0.05, 0.1, 0.2, 0.3} <= set(ladder)


def test_every_judgement_is_about_the_model_and_data_it_was_given() -> None:
    rng = np.random.default_rng(3)
    risk = rng.uniform(size=400)
    table = pa.table(
        {
            **{f"{name}_label": rng.uniform(size=400) < risk for name in ("critical_care", "admission")},
            **{f"{name}_score": risk for name in ("critical_care", "admission")},
            "triage_level": rng.integers(1, 6, 400),
            "sex": ["female", "male"] * 200,
        }
    )
    done = evaluate_predictions(
        table,
        TRIAGE,
        POLICY,
        site="city",
        model="a" * 64,
        data="b" * 64,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        window={"rows": 400},
        seed=7,
    )
    assert [one.kind for one in done.evidence] == ["performance", "calibration", "net_benefit", "subgroups"]
    assert {(one.site, one.subject_model, one.subject_data) for one in done.evidence} == {("city", "a" * 64, "b" * 64)}
    assert set(done.outcomes) == {"critical_care", "admission"}


def test_a_table_is_written_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "new" / "predictions.parquet"
    write_table(PREDICTIONS, path)
    assert pq.read_table(path).equals(PREDICTIONS)
    assert [each.name for each in path.parent.iterdir()] == ["predictions.parquet"]

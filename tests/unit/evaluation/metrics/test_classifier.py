"""The whole evaluation of a classifier: documents, names, and the backtest's JSON."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from evaluation.evidence import Evidence, EvidenceHead
from evaluation.metrics import CurrentPractice, LabelledScores, MetricInputError, evaluate_classifier
from evaluation.metrics.charts import calibration_picture, decision_picture, roc_picture

HEAD = EvidenceHead("triage", "nhamcs", "a" * 64, "b" * 64, datetime(2026, 11, 22, tzinfo=UTC), {"from": "2020"})


def sample(outcome="critical_care", n=3000, events=True, practice=True):
    rng = np.random.default_rng(11)
    x = rng.normal(-2.5, 1.2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float) * events
    level = np.where(rng.random(n) < 0.2, np.nan, np.clip(np.round(3 - 0.5 * (x + 2.5)), 1, 5))
    return LabelledScores(
        outcome,
        y,
        1 / (1 + np.exp(-x)),
        CurrentPractice.from_triage_level(level) if practice else None,
        {"sex": rng.choice(["female", "male"], n).tolist()},
    )


@pytest.fixture(scope="module")
def evaluation():
    thresholds = {"critical_care": [0.05, 0.1], "admission": [0.3]}
    return evaluate_classifier([sample(), sample("admission")], thresholds, HEAD, seed=1)


def test_four_documents_come_back_that_validate(evaluation):
    assert [document.kind for document in evaluation.evidence] == [
        "performance",
        "calibration",
        "net_benefit",
        "subgroups",
    ]
    for document in evaluation.evidence:
        assert Evidence.from_json(json.loads(json.dumps(document.to_json()))) == document
        assert document.to_json()["detail"]["window"] == {"from": "2020"}


@pytest.mark.parametrize(
    "name",
    [
        "auroc",
        "auprc",
        "brier",
        "prevalence",
        "auroc.current_practice",
        "calibration_slope",
        "calibration_intercept",
        "net_benefit@0.05",
        "net_benefit_gain@0.1",
        "alerts_per_100@0.05",
        "sensitivity@0.05",
        "ppv@0.05",
        "auroc_gap.sex",
        "calibration_gap.sex",
    ],
)
def test_every_figure_of_the_seams_is_there_with_bounds(evaluation, name):
    figures = {key: figure for document in evaluation.evidence for key, figure in document.figures.items()}
    figure = figures[f"critical_care.{name}"]
    assert figure.lower <= figure.value <= figure.upper


def test_backtest_json_has_the_promised_members(evaluation):
    outcome = evaluation.outcomes["critical_care"]
    promised = {"prevalence", "auroc", "auprc", "brier", "calibration_slope", "calibration_intercept"}
    assert promised <= outcome.keys()
    assert set(outcome["net_benefit"]) == {"0.05", "0.1"}
    assert outcome["current_practice"]["auroc"] < outcome["auroc"]
    json.dumps(evaluation.outcomes, allow_nan=False)


def test_the_same_seed_gives_the_same_digests(evaluation):
    thresholds = {"critical_care": [0.05, 0.1], "admission": [0.3]}
    again = evaluate_classifier([sample(), sample("admission")], thresholds, HEAD, seed=1)
    assert [d.digest for d in again.evidence] == [d.digest for d in evaluation.evidence]


def test_an_outcome_without_events_has_no_figures_but_reasons():
    evaluation = evaluate_classifier([sample(events=False)], {"critical_care": [0.05]}, HEAD, seed=1)
    performance, calibration, net_benefit, subgroups = evaluation.evidence
    assert performance.figures["critical_care.auroc"].value is None
    assert "0 events" in performance.detail["not_estimable"]["critical_care.auroc"]
    assert calibration.figures["critical_care.calibration_slope"].value is None
    assert net_benefit.figures["critical_care.sensitivity@0.05"].value is None
    assert subgroups.figures["critical_care.auroc_gap.sex"].value is None
    assert evaluation.outcomes["critical_care"]["auroc"] is None
    assert evaluation.outcomes["critical_care"]["current_practice"] == {"auroc": None}


def test_without_current_practice_there_is_no_such_figure():
    evaluation = evaluate_classifier([sample(practice=False)], {}, HEAD, seed=1)
    assert "critical_care.auroc.current_practice" not in evaluation.evidence[0].figures
    assert evaluation.outcomes["critical_care"]["current_practice"] == {"auroc": None}
    assert evaluation.outcomes["critical_care"]["net_benefit"] == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"practice": CurrentPractice.from_triage_level([1])}, "current practice has 1 rows"),
        ({"attributes": {"sex": ["female"]}}, "attribute sex has 1 rows"),
        ({"p": np.array([0.1, 1.2])}, "score in row 1"),
    ],
)
def test_vectors_of_another_length_or_range_are_refused(changes, message):
    members = {"outcome": "x", "y": np.array([0.0, 1.0]), "p": np.array([0.1, 0.9])}
    with pytest.raises(MetricInputError, match=message):
        LabelledScores(**(members | changes))


def test_practice_of_two_lengths_is_refused():
    with pytest.raises(MetricInputError, match="differ in length"):
        CurrentPractice(np.array([1.0]), np.array([True, False]))


@pytest.mark.parametrize("draw", [roc_picture, calibration_picture, decision_picture])
def test_a_picture_is_the_same_bytes_for_the_same_rows(draw):
    assert draw(sample()).startswith(b"\x89PNG")
    first = draw(sample(), "svg")
    assert b"<svg" in first
    assert first == draw(sample(), "svg")
    assert first != draw(sample(n=2000), "svg")


def test_decision_picture_shows_the_current_practice_only_where_it_is_known():
    assert decision_picture(sample(), "svg") != decision_picture(sample(practice=False), "svg")

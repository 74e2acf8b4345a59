"""The drift report: evidence beside evidently's page."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift import DriftFeature, DriftInputError, drift_report
from evaluation.evidence import Evidence, EvidenceHead

HEAD = EvidenceHead("triage", "city", "a" * 64, "b" * 64, datetime(2026, 11, 22, tzinfo=UTC), {"reference": "2018"})
FEATURES = [
    DriftFeature("heart_rate", "numeric"),
    DriftFeature("temperature_c", "numeric"),
    DriftFeature("sex", "categorical"),
    DriftFeature("seen_72h", "boolean"),
    DriftFeature("pain_score", "numeric"),
]


def window(seed, n=1200, shift=0.0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "heart_rate": rng.normal(80 + 20 * shift, 20, n),
            "temperature_c": pa.array(rng.normal(37, 0.6, n), mask=rng.random(n) < 0.2),
            "sex": pa.array(rng.choice(["female", "male", None], n)),
            "seen_72h": pa.array(rng.random(n) < 0.05),
            "pain_score": pa.nulls(n, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def shifted():
    return drift_report(window(1), window(2, shift=0.4), FEATURES, HEAD, seed=3, max_rows=800)


def test_the_shifted_feature_is_flagged_by_us_and_by_evidently(shifted):
    assert shifted.drifted == ("heart_rate",)
    rows = {row["feature"]: row for row in shifted.evidence.to_json()["detail"]["features"]}
    assert rows["heart_rate"]["evidently"]["drifted"] is True
    assert rows["sex"]["evidently"]["drifted"] is False
    assert rows["heart_rate"]["effect"] == pytest.approx(0.4, abs=0.1)


def test_figures_count_only_what_could_be_judged(shifted):
    assert shifted.evidence.figures["drift.share"].value == pytest.approx(1 / 4)
    effect = shifted.evidence.figures["drift.max_effect"]
    assert effect.lower < effect.value < effect.upper


def test_a_feature_without_values_is_not_judged_and_not_shown_to_evidently(shifted):
    rows = {row["feature"]: row for row in shifted.evidence.to_json()["detail"]["features"]}
    assert rows["pain_score"]["verdict"] == "too few rows"
    assert rows["pain_score"]["evidently"] is None


def test_evidence_is_valid_and_the_same_again(shifted):
    assert Evidence.from_json(json.loads(json.dumps(shifted.evidence.to_json()))) == shifted.evidence
    again = drift_report(window(1), window(2, shift=0.4), FEATURES, HEAD, seed=3, max_rows=800)
    assert again.evidence.digest == shifted.evidence.digest


def test_the_page_stands_alone(shifted):
    assert shifted.html is not None
    assert "heart_rate" in shifted.html
    for loading in ('<script src="http', '<link rel="stylesheet" href="http'):
        assert loading not in shifted.html


def test_identical_windows_show_no_drift():
    result = drift_report(window(1), window(1), FEATURES, HEAD, seed=3)
    assert result.drifted == ()
    assert result.evidence.figures["drift.share"].value == 0.0


def test_too_few_rows_give_no_figure_and_no_page():
    result = drift_report(window(1, n=150), window(2, n=150, shift=2.0), FEATURES, HEAD, seed=3)
    assert result.html is None
    assert {figure.value for figure in result.evidence.figures.values()} == {None}


@pytest.mark.parametrize("max_rows", [0, 100_001])
def test_a_sample_that_is_none_or_too_large_is_refused(max_rows):
    with pytest.raises(DriftInputError, match="max_rows"):
        drift_report(window(1), window(2), FEATURES, HEAD, seed=1, max_rows=max_rows)


def test_no_features_is_refused():
    with pytest.raises(DriftInputError, match="no features"):
        drift_report(window(1), window(2), [], HEAD, seed=1)

"""Drift as Markdown: what an asset's metadata shows of it."""

from dataclasses import replace

import pytest

from evaluation.reports import drift_markdown


@pytest.fixture
def drift(model):
    return model.use_cases[0].sites[0].evidence_of("drift")


def with_features(drift, *verdicts):
    [row] = drift.detail["features"]
    features = [{**row, "feature": f"f{i}", "verdict": v, "effect": i / 100} for i, v in enumerate(verdicts)]
    detail = {**drift.detail, "features": features, "reference_rows": 1200, "current_rows": 400}
    return replace(drift, detail=detail)


def test_the_sentence_counts_what_drifted_and_on_how_many_visits(drift):
    first, *_ = drift_markdown(with_features(drift, "drifted", "stable", "too few rows")).splitlines()
    assert first == "**1 of 3 features drifted.** 1\u202f200 visits before, 400 since."


def test_the_table_has_drifted_features_first_and_then_those_that_moved_most(drift):
    lines = drift_markdown(with_features(drift, "drifted", *["stable"] * 20)).splitlines()
    assert "The 13 that moved most:" in lines[0]
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| F0", *[f"| F{i}" for i in range(20, 8, -1)]]
    assert lines[4].split(" | ")[1:] == [
        "drifted",
        "0.00",
        "0.16",
        "10.0\u202f% → 20.0\u202f%",
        "drifted (Wasserstein, 0.400) |",
    ]
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_nothing_drifted_is_said_in_words(drift):
    assert drift_markdown(with_features(drift, "stable")).startswith("**None of 1 features drifted.**")


def test_a_name_with_a_bar_stays_in_its_cell(drift):
    [row] = drift.detail["features"]
    text = drift_markdown(replace(drift, detail={**drift.detail, "features": [{**row, "feature": "a|b"}]}))
    assert "| A\\|b |" in text and "hidden visits before" in text

"""Objectives are OpenSLO documents that are read strictly; those of the house all load."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from evaluation.slo import ObjectiveError, load_objectives, read_objectives
from evaluation.slo.load import FOLDER, duration

FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TEXT = (FOLDER / "triage.yaml").read_text("utf-8").split("---\n")[0]


def changed(path: str, value: object) -> str:
    document = yaml.safe_load(TEXT)
    *steps, last = path.split(".")
    at = document
    for step in steps:
        at = at[int(step)] if step.isdigit() else at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return yaml.safe_dump(document)


@pytest.mark.parametrize("name", FILES)
def test_every_objective_of_the_house_loads_and_says_who_promised_it_and_why(name: str) -> None:
    found = load_objectives(name)
    assert found
    assert all(one.owner and one.rationale and 0 < one.target < 1 and one.alerts for one in found)


def test_triage_promises_what_the_mission_says() -> None:
    first = load_objectives("triage")[0]
    assert (first.target, first.at_most, first.window) == (0.995, timedelta(seconds=30), timedelta(days=28))
    assert first.weight("1") > first.weight("3") > first.weight("5") == first.weight(None) == 1


def test_a_use_case_without_a_file_promises_nothing() -> None:
    assert load_objectives("nothing") == ()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("apiVersion", "openslo/v2", "apiVersion"),
        ("spec.objectives.0.target", 1.0, "less than 1"),
        ("spec.objectives.0.taget", 0.9, "spec.objectives.0.taget: Extra inputs"),
        ("spec.timeWindow.0.duration", "28 days", "duration"),
        ("spec.timeWindow.0.isRolling", False, "isRolling"),
        ("spec.indicator.spec.ratioMetric.good.metricSource.spec.atMost", None, "good alone says atMost"),
        ("spec.indicator.spec.ratioMetric.total.metricSource.spec.measure", "answer_time", "same measure"),
        ("spec.indicator.spec.ratioMetric.good.metricSource.spec.weights", {"1": 0.5}, "greater than or equal to 1"),
        ("metadata.annotations.rationale", None, "rationale"),
        ("metadata.labels", {}, "label use_case"),
        ("spec.alertPolicies.0.spec.conditions.0.spec.condition.alertAfter", "1h", "alertAfter below lookbackWindow"),
        ("spec.alertPolicies.0.spec.conditions.0.spec.condition.lookbackWindow", "52w", "within 28 days"),
    ],
)
def test_what_cannot_be_measured_by_is_refused_by_name(path: str, value: object, said: str) -> None:
    with pytest.raises(ObjectiveError, match=said) as refused:
        read_objectives(changed(path, value), "mine.yaml")
    assert "mine.yaml" in str(refused.value)


def test_two_of_one_name_and_no_yaml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectiveError, match="stands there twice"):
        read_objectives(f"{TEXT}---\n{TEXT}", "mine.yaml")
    with pytest.raises(ObjectiveError, match="key given twice: kind"):
        read_objectives(TEXT.replace("kind: SLO\n", "kind: SLO\nkind: SLO\n", 1), "mine.yaml")
    with pytest.raises(ObjectiveError, match="no YAML"):
        read_objectives("a: [", "mine.yaml")
    (tmp_path / "staffing.yaml").write_text(TEXT)
    with pytest.raises(ObjectiveError, match="is about 'triage'"):
        load_objectives("staffing", tmp_path)


def test_durations_have_a_unit() -> None:
    assert [duration(text) for text in ("30s", "5m", "2h", "3d", "1w")] == [
        timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=2), timedelta(days=3), timedelta(weeks=1),
    ]  # fmt: skip
    with pytest.raises(ObjectiveError, match="is no duration"):
        duration("30")

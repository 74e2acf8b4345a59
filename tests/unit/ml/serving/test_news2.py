"""NEWS2 against the published chart, value by value: RCP, NEWS2 (December 2017), chart 1 and chart 2."""

from typing import Any

import pytest

from ml.serving.news2 import PARAMETERS, Observations, news2
from ml.serving.rules import PLAUSIBLE, triage_reasons
from ml.usecases import load_use_case

CHART_1: dict[str, list[tuple[float, float, int]]] = {
    "respiration_rate": [(1, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, 60, 3)],
    "oxygen_saturation": [(50, 91, 3), (92, 93, 2), (94, 95, 1), (96, 100, 0)],
    "systolic_bp": [(50, 90, 3), (91, 100, 2), (101, 110, 1), (111, 219, 0), (220, 280, 3)],
    "pulse": [(20, 40, 3), (41, 50, 1), (51, 90, 0), (91, 110, 1), (111, 130, 2), (131, 200, 3)],
    "temperature_c": [(30.0, 35.0, 3), (35.1, 36.0, 1), (36.1, 38.0, 0), (38.1, 39.0, 1), (39.1, 42.0, 2)],
}
"""As printed: from, to, points. Whole numbers; temperature in tenths."""
NORMAL: dict[str, Any] = {
    "respiration_rate": 16,
    "oxygen_saturation": 97,
    "is_on_oxygen": False,
    "systolic_bp": 120,
    "pulse": 70,
    "consciousness": "alert",
    "temperature_c": 37.0,
}


def total(**changes: Any) -> int:
    return news2(Observations(**{**NORMAL, **changes})).total


@pytest.mark.parametrize("parameter", CHART_1)
def test_every_value_of_the_chart_scores_as_printed(parameter: str) -> None:
    step = 10 if parameter == "temperature_c" else 1
    for lowest, highest, points in CHART_1[parameter]:
        for read in range(round(lowest * step), round(highest * step) + 1):
            assert total(**{parameter: read / step}) == points, f"{parameter} {read / step}"


@pytest.mark.parametrize(
    ("saturation", "on_air", "on_oxygen"),
    [
        (83, 3, 3), (84, 2, 2), (85, 2, 2), (86, 1, 1), (87, 1, 1), (88, 0, 0), (92, 0, 0),
        (93, 0, 1), (94, 0, 1), (95, 0, 2), (96, 0, 2), (97, 0, 3), (100, 0, 3),
    ],
)  # fmt: skip
def test_scale_2_is_that_of_the_chart_and_not_known_without_air_or_oxygen(
    saturation: int, on_air: int, on_oxygen: int
) -> None:
    by_scale_2 = {"oxygen_saturation": saturation, "is_scale_2": True}
    assert total(**by_scale_2) == on_air
    assert total(**by_scale_2, is_on_oxygen=True) == on_oxygen + 2
    unknown = news2(Observations(**{**NORMAL, **by_scale_2, "is_on_oxygen": None}))
    assert unknown.points.get("oxygen saturation") == (on_air if saturation <= 92 else None)


@pytest.mark.parametrize("state", ["confusion", "voice", "pain", "unresponsive"])
def test_whoever_is_not_alert_scores_3_and_oxygen_2(state: str) -> None:
    assert total(consciousness=state) == 3
    assert total(is_on_oxygen=True) == 2
    assert total() == 0


@pytest.mark.parametrize(
    ("changes", "score", "risk"),
    [
        ({}, 0, "low"),
        ({"pulse": 115, "temperature_c": 39.2}, 4, "low"),
        ({"systolic_bp": 90}, 3, "low-medium"),
        ({"systolic_bp": 90, "pulse": 91}, 4, "low-medium"),
        ({"pulse": 115, "temperature_c": 39.2, "oxygen_saturation": 95}, 5, "medium"),
        ({"pulse": 115, "temperature_c": 39.2, "is_on_oxygen": True}, 6, "medium"),
        ({"pulse": 131, "systolic_bp": 90, "temperature_c": 36.0}, 7, "high"),
    ],
)
def test_thresholds_are_those_of_chart_2(changes: dict[str, Any], score: int, risk: str) -> None:
    found = news2(Observations(**{**NORMAL, **changes}))
    assert (found.total, found.risk, found.missing) == (score, risk, ())


@pytest.mark.parametrize(("read", "points"), [(35.04, 3), (35.05, 1), (38.04, 0), (38.05, 1), (39.05, 2)])
def test_a_reading_between_two_values_of_the_chart_is_rounded_half_up(read: float, points: int) -> None:
    assert total(temperature_c=read) == points


def test_what_was_not_observed_is_named_and_the_score_is_the_least_it_can_be() -> None:
    found = news2(Observations(systolic_bp=85))
    assert (found.total, found.red) == (3, ("systolic blood pressure",))
    assert found.missing == tuple(name for name in PARAMETERS if name != "systolic blood pressure")
    assert news2(Observations()).total == 0


def test_the_rule_of_triage_shows_the_score_from_5_or_a_single_3_on_and_says_that_it_is_the_least() -> None:
    quiet = {"respiratory_rate": 18.0, "heart_rate": 95.0, "temperature_c": 38.5, "oxygen_saturation": 95.0}
    assert triage_reasons(quiet) == []
    assert triage_reasons({**quiet, "systolic_bp": 100.0}) == ["NEWS2 at least 5 (medium risk)"]
    assert triage_reasons({"systolic_bp": 80.0}) == [
        "NEWS2 at least 3, 3 for systolic blood pressure (low-medium risk)"
    ]
    assert triage_reasons({"temperature_c": 98.6, "systolic_bp": 12.0}) == [], "no reading of a living person"
    assert triage_reasons({}) == []


def test_readings_are_plausible_within_the_bounds_of_the_use_case() -> None:
    declared = {feature.name: feature.bounds for feature in load_use_case("triage").features}
    assert {name: declared[name] for name in PLAUSIBLE} == PLAUSIBLE

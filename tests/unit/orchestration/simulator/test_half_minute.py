"""A fault of meaning at one source: every record is valid, every value possible, and each is half of what is so."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.simulator import HalfMinute, Scenario, live_requests, simulate_group

from .conftest import SEED, START

SITE, SINCE, UNTIL = "rural", START + timedelta(days=1), START + timedelta(days=3)
FAULT = Scenario(half_minute=HalfMinute(SITE, SINCE, UNTIL))
BREATHS = "9279-1"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("faulty")
    simulate_group(home, sites=[SITE], start=START, days=4, seed=SEED, scenario=FAULT, feeds=["ehr_fhir"])
    return home


def lines(home: Path, day: int) -> list[dict]:
    text = (home / "drops" / SITE / str(START + timedelta(days=day)) / "Observation.ndjson").read_text()
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def breaths(resources: list[dict], status: str = "final") -> dict[str, float]:
    return {
        one["id"]: one["valueQuantity"]["value"]
        for one in resources
        if one["code"]["coding"][0]["code"] == BREATHS and one["status"] == status and "subject" in one
        and one["valueQuantity"]["code"] == "/min" and one["valueQuantity"]["value"] < 200
    }  # fmt: skip


def test_breaths_are_halved_on_the_faulty_days_alone_and_nothing_else_changes(
    home: Path, summary, faulty: Path
) -> None:
    assert lines(faulty, 0) == lines(home, 0)
    for day in (1, 2):
        right, wrong = breaths(lines(home, day)), breaths(lines(faulty, day))
        assert right.keys() == wrong.keys() and len(right) > 20
        assert all(wrong[one] == max(round(right[one] / 2), 4) for one in right)
    others = [[one for one in lines(where, 2) if one["id"] not in right] for where in (home, faulty)]
    assert others[0] == others[1]


def test_what_was_wrong_is_sent_again_right_when_the_fault_is_over(home: Path, faulty: Path) -> None:
    wrong = {**breaths(lines(faulty, 1)), **breaths(lines(faulty, 2))}
    right = {**breaths(lines(home, 1)), **breaths(lines(home, 2))}
    again = breaths(lines(faulty, 3), "corrected")
    assert set(again) <= set(wrong) and len(again) >= 0.98 * len(wrong)  # one in many is damaged on its way
    assert all(again[one] == right[one] for one in again)
    assert all(one["meta"]["versionId"] == "2" for one in lines(faulty, 3) if one["status"] == "corrected")
    plain = {one: value for one, value in breaths(lines(faulty, 3)).items() if one in breaths(lines(home, 3))}
    assert plain == {one: breaths(lines(home, 3))[one] for one in plain} and len(plain) > 20


def test_live_requests_carry_the_same_fault_at_that_site_alone() -> None:
    asked = [{"start": START, "seed": SEED, "scenario": one} for one in (Scenario(), FAULT)]
    for site, is_same in ((SITE, False), ("district", True)):
        calm, wrong = (next(iter(live_requests(site, SINCE, **one))).body["prefetch"]["vitals"] for one in asked)
        assert (calm == wrong) is is_same

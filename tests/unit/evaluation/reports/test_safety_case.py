"""The page of the safety case tells every line of the scoreboard in words, and escapes what it prints."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evaluation.reports.safety_case import SafetyCaseView, after, reached, render_safety_case, shown

FOUND: dict[str, Any] = {
    "fault": "late-feed", "family": "feeds", "title": "Late feed", "done": "Nothing comes.", "barrier": "freshness",
    "promised": True, "blind_spot": None, "detected": True, "said": "ehr_fhir <is> stale", "seconds": 1.234,
    "days": 7.0, "also": ["meaning"], "contained": True,
    "reached": {"lake": 0, "withheld": 1200, "omop": None, "model": None, "cards": None},
}  # fmt: skip
MISSED = {**FOUND, "fault": "x", "detected": False, "said": None, "seconds": None, "days": None, "also": []}
BLIND = {**MISSED, "fault": "y", "promised": False, "blind_spot": "Nobody compares them.", "contained": False}


def page(*lines: dict[str, Any]) -> str:
    nulls = {"alarms": 1, "looks": 9, "barriers": {"gate": {"looks": 9, "alarms": 1}}}
    run = {"seed": 7, "alarms": [{"course": "a release", "barrier": "gate", "about": "x", "said": "wolf"}]}
    document = {
        "faults": lines,
        "detected": sum(one["detected"] for one in lines),
        "missed": ["x"],
        "blind_spots": ["y"],
        "null_runs": {**nulls, "runs": [run]},
        "seconds": 61.0,
    }
    return render_safety_case(SafetyCaseView(document, datetime(2026, 11, 28, tzinfo=UTC), "0.1.0"))


def test_each_verdict_is_told_and_nothing_that_was_said_is_taken_for_markup() -> None:
    text = page(FOUND, MISSED, BLIND)
    assert "1 of 3" in text and "1 in 9 looks, 1 seed" in text
    assert [text.count(f">{word}</span>") for word in ("detected", "missed", "blind spot")] == [1, 1, 1]
    assert "ehr_fhir &lt;is&gt; stale" in text and "Nothing. Nobody compares them." in text
    assert "shown to nobody" in text and "SHOWN TO PEOPLE" in text and "wolf" in text


def test_the_page_says_that_it_is_simulated_and_no_clinical_claim() -> None:
    assert "Simulated engineering evidence" in page(FOUND) and "nothing here is a clinical claim" in page(FOUND)


@pytest.mark.parametrize(
    ("seconds", "days", "told"),
    [
        (0.009, None, "at once"),
        (0.01, None, "0.01 s"),
        (9.994, None, "9.99 s"),
        (12.4, None, "12 s"),
        (1.2, 3.0, "1.20 s, day 3 of the feed"),
    ],
    ids=["at once", "at the bound", "seconds", "long", "a feed"],
)
def test_how_long_it_took_is_told_in_seconds_and_of_a_feed_with_its_day(
    seconds: float, days: float | None, told: str
) -> None:
    assert after({**FOUND, "seconds": seconds, "days": days}) == told


def test_how_far_it_came_is_counted_and_what_has_no_place_is_left_out() -> None:
    assert reached(FOUND) == "1,200 rows missing from it"
    assert reached({"reached": dict.fromkeys(FOUND["reached"])}) == "not counted"
    assert reached({"reached": {**dict.fromkeys(FOUND["reached"]), "model": 0}}) == "nothing"
    assert [shown({"contained": one}) for one in (None, True, False)] == ["", "shown to nobody", "SHOWN TO PEOPLE"]
    assert reached({"reached": {"cards": 1, "lake": 2}}) == "2 wrong rows of the lake, 1 card"

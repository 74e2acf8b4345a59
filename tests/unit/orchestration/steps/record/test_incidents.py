"""Incidents: opened once, closed by a person with a cause, listed with the open ones first."""

import pytest

from orchestration.settings import Settings
from orchestration.steps.record import incidents
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.incidents import (
    ALL_SITES,
    ALL_USE_CASES,
    UnknownIncident,
    close_incident,
    list_incidents,
    open_incident,
    open_run_incident,
    report_incident,
)
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.status import open_incidents
from tests.unit.orchestration.steps.conftest import NOON


def opened(settings: Settings, name: str, site: str = "city") -> None:
    open_incident(settings, name, use_case="triage", site=site, severity="low", what="Something happened.")


def closed(settings: Settings, name: str) -> None:
    close_incident(settings, name, cause="a cable", done="a new cable", finding="feed", actor=Actor("ada"))


def open_names(settings: Settings, site: str = "city") -> list[object]:
    return [entry.payload["incident"] for entry in open_incidents(open_records(settings), "triage", site)]


def test_an_incident_is_open_until_it_is_closed_and_only_at_its_site(settings: Settings) -> None:
    opened(settings, "one")
    opened(settings, "two")
    opened(settings, "three", "rural")
    closed(settings, "one")
    assert open_names(settings) == ["two"] and open_names(settings, "rural") == ["three"]
    listed = list_incidents(settings)
    assert [(one["incident"], one["is_open"]) for one in listed] == [("three", True), ("two", True), ("one", False)]
    assert (listed[-1]["cause"], listed[-1]["done"]) == ("a cable", "a new cable")


def test_what_is_not_open_cannot_be_closed_and_the_open_ones_are_named(settings: Settings) -> None:
    opened(settings, "one")
    with pytest.raises(UnknownIncident, match="open are: one"):
        closed(settings, "two")
    closed(settings, "one")
    with pytest.raises(UnknownIncident, match="open are: none"):
        closed(settings, "one")


def test_a_person_who_saw_something_is_named(settings: Settings) -> None:
    entry = report_incident(settings, "triage", "city", "A card named the wrong unit.", "high", Actor("ada"))
    [one] = list_incidents(settings)
    assert entry["actor"] == one["found_by"] == "ada" and one["release"] is None
    assert entry["proof"] == "none"


def test_two_incidents_seen_within_a_second_are_two(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "now", lambda: NOON)
    for what in ("A card named the wrong unit.", "The board is empty."):
        report_incident(settings, "triage", "city", what, "high", Actor("ada"))
    assert {one["what"] for one in list_incidents(settings)} == {"A card named the wrong unit.", "The board is empty."}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """The messages that go out: site, title, words."""
    found: list[tuple[str, str, str]] = []

    def tell(_: Settings, site: str, title: str, body: str) -> bool:
        found.append((site, title, body))
        return True

    monkeypatch.setattr(incidents, "notify", tell)
    return found


def test_a_failed_run_opens_one_incident_however_often_it_is_reported(
    settings: Settings, told: list[tuple[str, str, str]]
) -> None:
    for _ in range(2):
        open_run_incident(settings, "0123456789abcdef", "build", "city", "triage")
    open_run_incident(settings, "fedcba9876543210", "build", None)
    open_run_incident(settings, "00000000aaaaaaaa", "build", "nowhere")
    assert {(one["incident"], one["use_case"], one["site"]) for one in list_incidents(settings)} == {
        ("run-01234567", "triage", "city"),
        ("run-fedcba98", ALL_USE_CASES, ALL_SITES),
        ("run-00000000", ALL_USE_CASES, ALL_SITES),
    }
    assert len(list_incidents(settings)) == 3
    assert [(site, title) for site, title, _ in told] == [
        ("city", "Incident: triage at city"),
        (ALL_SITES, "Incident: all at all"),  # of the two runs that failed for the same reason, the first is told
    ]
    assert "run 01234567 of build failed" in told[0][2] and "incident report run-01234567" in told[0][2]


def test_an_incident_of_all_sites_is_open_at_every_site(settings: Settings) -> None:
    """A run that failed for the group (its tables, say) concerns whatever is served anywhere."""
    opened(settings, "run-01234567", ALL_SITES)
    assert open_names(settings, "city") == open_names(settings, "rural") == ["run-01234567"]


def test_an_incident_that_came_back_after_it_was_closed_is_open_wherever_one_looks(settings: Settings) -> None:
    opened(settings, "drift")
    closed(settings, "drift")
    opened(settings, "drift")
    assert [one["is_open"] for one in list_incidents(settings)] == [True]
    assert open_names(settings) == ["drift"]

"""A feed is stale when its cadence and its latency have passed, by the clock given; an outage is one incident."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.freshness import (
    Verdict,
    present_of,
    site_freshness,
    stale_now,
    tell,
    unattended_freshness,
)
from orchestration.steps.record import incidents
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.status import open_incidents
from tests.unit.orchestration.steps.conftest import NOON

DUE = timedelta(days=1, hours=6)  # the census: daily, six hours on the way


def arrived(
    settings: Settings,
    feed: str,
    at: datetime,
    site: str = "city",
    *,
    held: bool = False,
    first: datetime | None = None,
) -> None:
    digest = hashlib.sha256(f"{feed}{at}{site}".encode()).hexdigest()
    path = settings.home / "receipts" / site / feed / f"{digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = {"received": 1, "quarantined": int(held)}
    times = {"arrived_at": at.isoformat(), "first_arrived_at": first.isoformat() if first else None}
    path.write_text(json.dumps({**counts, **times}))


def verdict(settings: Settings, clock: datetime, feed: str = "census", site: str = "city") -> Verdict:
    return next(one.verdict for one in site_freshness(settings, site, clock) if one.feed == feed)


def test_a_feed_is_fresh_until_cadence_and_latency_have_passed(settings: Settings) -> None:
    arrived(settings, "census", NOON)
    clocks = (NOON, NOON + DUE, NOON + DUE + timedelta(seconds=1))
    assert [verdict(settings, clock) for clock in clocks] == [Verdict.FRESH, Verdict.FRESH, Verdict.STALE]


def test_a_past_day_is_judged_by_what_had_arrived_by_then(settings: Settings) -> None:
    arrived(settings, "census", NOON)
    arrived(settings, "census", NOON + timedelta(days=9))
    assert verdict(settings, NOON + timedelta(days=3)) is Verdict.STALE
    assert verdict(settings, NOON + timedelta(days=9)) is Verdict.FRESH
    assert verdict(settings, NOON - timedelta(days=1)) is Verdict.NEVER_SENT


def test_a_feed_that_never_came_is_neither_fresh_nor_stale(settings: Settings) -> None:
    judged = site_freshness(settings, "city", NOON)
    assert {one.verdict for one in judged} == {Verdict.NEVER_SENT}
    assert [one.feed for one in judged] == list(load_site("city").feeds)
    assert "whether it is late cannot be said" in judged[0].sentence
    assert stale_now(judged) == []


def test_a_feed_that_the_site_does_not_list_is_not_asked_about(settings: Settings) -> None:
    arrived(settings, "x12_837", NOON, "city")
    assert "x12_837" not in {one.feed for one in site_freshness(settings, "city", NOON)}


def test_a_file_that_was_held_back_whole_brought_nothing(settings: Settings) -> None:
    arrived(settings, "census", NOON)
    arrived(settings, "census", NOON + timedelta(days=2), held=True)
    assert verdict(settings, NOON + timedelta(days=2)) is Verdict.STALE


def test_what_is_taken_out_of_quarantine_did_not_arrive_again(settings: Settings) -> None:
    arrived(settings, "census", NOON + timedelta(days=3), first=NOON)
    assert verdict(settings, NOON + timedelta(days=3)) is Verdict.STALE


def test_an_outage_is_one_incident_and_one_message_and_ends_with_the_next_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str, str]] = []

    def keep(_: Settings, site: str, title: str, body: str) -> bool:
        told.append((site, title, body))
        return True

    monkeypatch.setattr(incidents, "notify", keep)
    arrived(settings, "census", NOON)
    for days in (2, 3):
        tell(settings, site_freshness(settings, "city", NOON + timedelta(days=days)))
    [one] = list_incidents(settings)
    assert one["is_open"] and one["incident"] == "stale-census-city-20260301120000"
    assert "census of city is stale: last file 2026-03-01 12:00 UTC" in one["what"]
    assert len(open_incidents(open_records(settings), "triage", "city")) == 1
    arrived(settings, "census", NOON + timedelta(days=4))
    tell(settings, site_freshness(settings, "city", NOON + timedelta(days=4)))
    [one] = list_incidents(settings)
    assert not one["is_open"] and "Files arrive again" in one["done"]
    tell(settings, site_freshness(settings, "city", NOON + timedelta(days=8)))
    assert [one["is_open"] for one in list_incidents(settings)] == [True, False]
    assert [site for site, *_ in told] == ["city", "city"]
    assert "census of city is stale: last file 2026-03-01 12:00 UTC" in told[0][2]


def test_an_incident_of_one_site_is_not_ended_by_another(settings: Settings) -> None:
    arrived(settings, "census", NOON)
    arrived(settings, "census", NOON + timedelta(days=4), "district")
    tell(settings, site_freshness(settings, "city", NOON + timedelta(days=4)))
    tell(settings, site_freshness(settings, "district", NOON + timedelta(days=4)))
    assert [(one["site"], one["is_open"]) for one in list_incidents(settings)] == [("city", True)]


def test_a_simulated_site_is_judged_at_its_own_present(settings: Settings) -> None:
    arrived(settings, "ehr_fhir", NOON)
    arrived(settings, "census", NOON - timedelta(hours=1))
    today = datetime(2027, 1, 1, tzinfo=UTC)
    assert present_of(settings, "city", today) == NOON
    assert stale_now(unattended_freshness(settings, today)) == []
    arrived(settings, "ehr_fhir", NOON + timedelta(days=2))
    assert stale_now(unattended_freshness(settings, today)) == ["stale-census-city-20260301110000"]


def test_a_real_site_is_judged_by_the_clock_on_the_wall(settings: Settings) -> None:
    assert not load_site("samples").simulated
    assert present_of(settings, "samples", NOON) == NOON


@pytest.mark.parametrize(
    ("environment", "hours", "expected"), [("development", 29, "fresh"), ("production", 29, "stale")]
)
def test_an_environment_may_agree_another_latency(
    settings: Settings, environment: str, hours: int, expected: str
) -> None:
    from dataclasses import replace

    from orchestration.settings import Environment

    there = replace(settings, environment=Environment(environment))
    arrived(there, "census", NOON)
    assert verdict(there, NOON + timedelta(hours=hours)) == expected

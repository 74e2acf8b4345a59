"""Who read what of patients, told without naming a patient: cards of the service, and looks at pages."""

import json
import os
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from ml.serving.ops.readers import LOOKS, Look, record_look
from ml.serving.tables import CARD_SEEN, EVENT, microseconds, open_database
from orchestration.settings import Settings
from orchestration.steps.record.records import now
from orchestration.steps.watching.reads import cards_seen, reads_of
from tests.unit.orchestration.steps.conftest import NOON

NURSE, OTHER = "ab" * 16, "cd" * 16
BEGIN, HOUR = NOON - timedelta(days=28), timedelta(hours=1)


def card(settings: Settings, patient: str, users: list[str], *, site: str = "city", ago: timedelta = HOUR) -> str:
    """A card of a patient that went out once to each of some users."""
    event = str(uuid4())
    at = microseconds(NOON - ago)
    row = {
        "event_id": event, "at_us": at, "kind": "call", "use_case": "triage", "site": site, "visit_key": patient,
        "patient_key": patient, "status": "scored", "is_displayed": True, "card_uuid": str(uuid4()), "payload": "{}",
    }  # fmt: skip
    seen = {
        "event_id": event,
        "at_us": at,
        "use_case": "triage",
        "site": site,
        "client": None,
        "why": "encounter-start",
    }
    engine = open_database(settings.events_url)
    with engine.begin() as connection:
        connection.execute(insert(EVENT).values(**row))
        for user in users:
            connection.execute(insert(CARD_SEEN).values(**seen, user_key=user))
    engine.dispose()
    return event


def look(settings: Settings, page: str, sites: tuple[str, ...] = ("city",), **said: Any) -> None:
    told = {"at": now() - HOUR, "who": OTHER, "role": "engineer", "why": "a fault", **said}
    record_look(settings.home, Look(**told, sites=sites, page=page))


def test_a_home_where_nothing_was_served_knows_of_no_card_and_has_no_reads(settings: Settings) -> None:
    assert cards_seen(settings, "city", BEGIN) is None and reads_of(settings, "city", BEGIN) == []


def test_cards_count_as_seen_once_they_went_out_to_somebody_at_this_site_in_this_time(settings: Settings) -> None:
    mine = card(settings, "1" * 32, [NURSE, OTHER])
    for others in ({"users": []}, {"users": [NURSE], "site": "rural"}, {"users": [NURSE], "ago": 29 * 24 * HOUR}):
        card(settings, "2" * 32, **others)  # type: ignore[arg-type]
    assert cards_seen(settings, "city", BEGIN) == {mine}


def test_reads_of_cards_tell_who_why_when_how_often_and_of_how_many_but_not_whom(settings: Settings) -> None:
    for number in range(11):
        card(settings, f"{number:032x}", [NURSE, NURSE, *([OTHER] if number < 3 else [])], ago=(number + 1) * HOUR)
    card(settings, "f" * 32, [NURSE], site="rural", ago=HOUR)
    nurse, other = reads_of(settings, "city", BEGIN)
    assert (nurse.who, nurse.what, nurse.why, nurse.times, nurse.patients) == (
        NURSE[:8], "card", "encounter-start", 22, "11",
    )  # fmt: skip
    assert (nurse.first, nurse.last) == (NOON - 11 * HOUR, NOON - HOUR)
    assert (other.who, other.times, other.patients) == (OTHER[:8], 3, "1 to 10")


def test_a_card_that_was_seen_again_in_a_chart_is_told_as_a_read_of_its_own_of_the_same_patient(
    settings: Settings,
) -> None:
    event = card(settings, "1" * 32, [NURSE])
    at = microseconds(NOON - HOUR / 2)
    row = {"event_id": event, "at_us": at, "use_case": "triage", "site": "city", "user_key": OTHER}
    engine = open_database(settings.events_url)
    with engine.begin() as connection:
        connection.execute(insert(CARD_SEEN).values(**row, client="https://ehr.example.org", why="patient-view"))
    engine.dispose()
    chart, triage = reads_of(settings, "city", BEGIN)
    assert (chart.who, chart.why, chart.times, chart.patients) == (OTHER[:8], "patient-view", 1, "1 to 10")
    assert (triage.who, triage.why) == (NURSE[:8], "encounter-start")
    assert cards_seen(settings, "city", BEGIN) == {event}, "one card, whoever saw it"


def test_looks_at_pages_are_told_by_kind_with_the_count_that_lies_beside_the_page(settings: Settings) -> None:
    folder = settings.home / "reports" / "incidents"
    folder.mkdir(parents=True)
    (folder / "one-for-engineers.html.site").write_text(json.dumps({"site": "city", "patients": 240}))
    look(settings, "reports/incidents/one-for-engineers.html")
    look(settings, "reports/incidents/one-for-engineers.html", at=now())
    look(settings, "reports/reviews/meaning-1.html", sites=(), at=now() - 2 * HOUR)
    look(settings, "reports/incidents/two-for-engineers.html", sites=("rural",))
    look(settings, "operations")  # aggregates
    look(settings, "reports/reviews/meaning-1.html", at=now() - timedelta(days=29))
    incident, review = reads_of(settings, "city", BEGIN)
    assert (incident.who, incident.role, incident.what, incident.why) == (OTHER[:8], "engineer", "incidents", "a fault")
    assert (incident.times, incident.patients) == (2, "240") and incident.last - incident.first > timedelta(minutes=59)
    assert (review.what, review.times, review.patients) == ("reviews", 1, "not counted")
    assert [one.patients for one in reads_of(settings, "rural", BEGIN)] == ["not counted", "not counted"]


def test_whoever_was_not_signed_in_is_said_to_be_nobody(settings: Settings) -> None:
    look(settings, "reports/reviews/meaning-1.html", who="nobody signed in")
    assert reads_of(settings, "city", BEGIN)[0].who == "nobody signed in"


def test_a_look_that_a_crash_tore_is_told_as_one_and_hides_no_other(settings: Settings) -> None:
    look(settings, "reports/reviews/meaning-1.html")
    path = settings.home / LOOKS
    path.write_bytes(path.read_bytes() + path.read_bytes()[:40])
    look(settings, "reports/reviews/meaning-2.html")

    found = reads_of(settings, "city", BEGIN)

    assert len(path.read_text().splitlines()) == 3
    assert [one.times for one in found if one.what == "reviews"] == [1, 1]
    assert [(one.who, one.why) for one in found if one.what != "reviews"] == [("not readable", "torn on disk")]


@pytest.mark.parametrize("days", [27, 29])
def test_a_torn_look_is_as_old_as_the_one_after_it_and_is_told_no_longer_than_others(
    settings: Settings, days: int
) -> None:
    """It was written before the next was, so that it cannot be younger."""
    path = settings.home / LOOKS
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"at": "2026-0\n')
    after = now() - timedelta(days=days)
    look(settings, "reports/reviews/meaning-1.html", at=after)
    look(settings, "reports/reviews/meaning-2.html", at=now() - timedelta(days=2))
    torn = [one for one in reads_of(settings, "city", BEGIN) if one.why == "torn on disk"]
    assert [one.last for one in torn] == ([after] if days < 28 else [])


@pytest.mark.parametrize("days", [27, 29])
def test_a_torn_look_that_is_the_last_is_as_old_as_the_file(settings: Settings, days: int) -> None:
    path = settings.home / LOOKS
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"at": "2026-0')
    written = (now() - timedelta(days=days)).timestamp()
    os.utime(path, (written, written))
    assert len(reads_of(settings, "city", BEGIN)) == (days < 28)

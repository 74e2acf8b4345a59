"""An incident told: who was affected, how it was found, what was done; and what came back too often."""

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from evaluation.policies import load_policy
from ml.serving.tables import EVENT, microseconds, open_database
from orchestration.steps.record.incident_groups import REPEATED, groups_of
from orchestration.steps.record.incidents import (
    NoFinding,
    Seen,
    UnknownIncident,
    close_incident,
    list_incidents,
    open_incident,
    report_incident,
)
from orchestration.steps.record.records import now
from orchestration.steps.watching.incident_report import close_and_print, listed, report_of
from orchestration.steps.watching.trigger_watch import watch_triggers
from tests.unit.orchestration.steps.governed import Governed

MINUTE = timedelta(minutes=1)


def calls(city: Governed, patients: list[str], *, shown: bool, ago: timedelta, status: str = "fallback") -> None:
    pointer = city.pointer
    assert pointer is not None
    engine = open_database(city.settings.events_url)
    with engine.begin() as connection:
        for patient in patients:
            row = {
                "event_id": str(uuid4()), "at_us": microseconds(now() - ago), "kind": "call", "use_case": "triage",
                "site": "city", "visit_key": patient, "patient_key": patient, "release_digest": pointer.release,
                "generation": pointer.generation, "stage": "assistive", "tier": "rule", "status": status,
                "is_displayed": shown, "card_uuid": str(uuid4()) if shown else None, "payload": "{}",
            }  # fmt: skip
            connection.execute(insert(EVENT).values(**row))
    engine.dispose()


@pytest.fixture(autouse=True)
def walls_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("orchestration.steps.watching.signals", "orchestration.steps.watching.incident_report"):
        monkeypatch.setattr(f"{module}.clock_of", lambda _settings, _site, wall: wall)


def test_a_triggers_incident_counts_who_was_affected_in_its_window_by_release(city: Governed) -> None:
    people = [uuid4().hex for _ in range(20)]
    calls(city, [uuid4().hex], shown=True, ago=90 * MINUTE)
    calls(city, people, shown=False, ago=2 * MINUTE)
    calls(city, people[:3], shown=True, ago=MINUTE)
    [opened] = watch_triggers(city.settings, now()).incidents
    calls(city, [uuid4().hex], shown=True, ago=timedelta())
    answer = report_of(city.settings, opened["payload"]["incident"])
    found = answer.document["affected"]
    assert (found["patients"], found["visits"], found["cards"], found["calls"]) == (20, 20, 3, 23)
    assert {one["patient"] for one in found["ids"]} == set(people)
    assert answer.document["detected"]["how"] == "trigger on serving.share_failed"
    assert [one["what"] for one in answer.document["timeline"]][-2:] == ["tier change rule", "incident opened"]
    assert "20 patients in 20 visits; 3 cards were shown in 23 calls" in str(answer.text)
    page = (city.settings.home / answer.document["page"]).read_text()
    assert people[0] in page and "tier change rule" in page


def test_clinicians_get_counts_and_what_to_do_and_no_id_and_no_machinery(city: Governed) -> None:
    people = [uuid4().hex for _ in range(20)]
    calls(city, people, shown=True, ago=MINUTE)
    [opened] = watch_triggers(city.settings, now()).incidents
    answer = report_of(city.settings, opened["payload"]["incident"], "clinicians")
    page = (city.settings.home / answer.document["page"]).read_text()
    for words in (str(answer.document), str(answer.text), page):
        assert people[0] not in words and "Measured" not in words
    assert "20 patients" in page and "No card does not mean low risk" in page
    said = city.settings.home / f"{answer.document['page']}.site"
    assert json.loads(said.read_bytes()) == {"site": "city", "patients": 20}


def test_what_a_person_says_of_it_is_in_the_report(city: Governed) -> None:
    seen = Seen(now() - 30 * MINUTE, "ehr_fhir", "Two triages were done again.")
    entry = report_incident(city.settings, "triage", "city", "Units were swapped.", "medium", city.signs("mia"), seen)
    name = entry["payload"]["incident"]
    document = report_of(city.settings, name).document
    assert 1799 < document["detected"]["seconds"] < 1900 and document["detected"]["how"] == "a person"
    assert (document["feed"], document["consequence"]) == ("ehr_fhir", "Two triages were done again.")
    assert document["affected"]["calls"] == 0 and "Nobody that the service knows of" in str(
        report_of(city.settings, name).text
    )
    assert "30 minutes after it began" in str(report_of(city.settings, name).text)
    close_and_print(
        city.settings, name, cause="A unit in kPa.", done="Mapped.", actor=city.signs("ada"), finding="feed",
        consequence="Four triages were done again.",
    )  # fmt: skip
    page = (city.settings.home / document["page"]).read_text()
    assert "feed: A unit in kPa." in page, "the page that was printed before it was closed"
    plan = document["plan"]
    opened = datetime.fromisoformat(document["opened_at"])
    first, asked = plan["steps"][0], load_policy("triage").rollback
    assert plan["decides"] == list(asked.decides) and first["do"] == asked.steps[0].do
    assert datetime.fromisoformat(first["due_at"]) - opened == asked.steps[0].within_minutes * MINUTE
    closed = report_of(city.settings, name)
    assert "feed: A unit in kPa." in str(closed.text) and "Four triages" in str(closed.text)


@pytest.mark.parametrize("words", ["", " ", "unknown", "N/A", "TBD.", "?", "-"])
def test_closing_takes_a_finding(city: Governed, words: str) -> None:
    open_incident(city.settings, "one", use_case="triage", site="city", severity="low", what="Something.")
    whole = {"cause": "A cable.", "done": "Mended.", "finding": "feed"}
    for given in ({**whole, member: words} for member in whole):
        with pytest.raises(NoFinding, match="stays open"):
            close_incident(city.settings, "one", actor=city.signs("ada"), **given)
    assert list_incidents(city.settings)[0]["is_open"]


def test_a_name_that_nobody_opened_is_told_with_what_there_is(city: Governed) -> None:
    with pytest.raises(UnknownIncident, match="There is no incident 'two'; known are none"):
        report_of(city.settings, "two")


@pytest.mark.parametrize(("times", "is_defect"), [(REPEATED - 1, False), (REPEATED, True)])
def test_a_cause_that_comes_back_is_a_defect_of_the_process(city: Governed, times: int, is_defect: bool) -> None:
    for number in range(times):
        name = f"incident-20260101-00000{number}"
        open_incident(
            city.settings, name, use_case="triage", site="city", severity="low", what="x", actor=city.signs("ada")
        )
        close_incident(
            city.settings, name, cause="No file.", done="Asked.", actor=city.signs("ada"), finding="feed"
        )  # fmt: skip
    open_incident(city.settings, "other", use_case="triage", site="city", severity="low", what="y")
    found = listed(city.settings)
    group = next(one for one in found["groups"] if one["cause"] == "feed")
    assert (len(group["incidents"]), group["open"], group["is_process_defect"]) == (times, 0, is_defect)
    assert bool(found.get("warnings")) is is_defect
    assert (report_of(city.settings, "incident-20260101-000000").document["process_defect"] is not None) is is_defect


@pytest.mark.parametrize(
    ("name", "detail", "cause"),
    [
        ("stale-labs-city-2026010{n}T000000", {}, "stale-labs-city"),
        ("outage-0a4b1f6{n}-1c2d-4e3f-8a9b-00112233445{n}", {}, "serving-outage"),
        ("tier-0a4b1f6{n}-1c2d-4e3f-8a9b-00112233445{n}", {}, "serving-stepped-down"),
        ("outage-0a4b1f6{n}-1c2d-4e3f-8a9b-00112233445{n}", {"cause": "serving-outage-late"}, "serving-outage-late"),
    ],
)
@pytest.mark.parametrize(("days", "is_defect"), [(44, True), (46, False)])
def test_what_comes_back_once_in_a_long_while_is_none(
    days: int, is_defect: bool, name: str, detail: dict[str, str], cause: str
) -> None:
    incidents = [
        {
            "incident": name.format(n=n), "use_case": "all", "site": "city", "detail": detail,
            "found_by": "pilothouse", "finding": None, "is_open": False,
            "opened_at": (now() + n * timedelta(days=days)).isoformat(),
        }
        for n in range(3)
    ]  # fmt: skip
    [group] = groups_of(incidents)
    assert group.cause == cause and group.is_process_defect is is_defect

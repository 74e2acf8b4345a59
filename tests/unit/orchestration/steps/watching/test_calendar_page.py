"""The release calendar written from a home: its page, its file, the pack's section, and what is shown in the graph."""

from datetime import timedelta

from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.watching.release_events import release_events
from orchestration.steps.watching.reporting import write_all_reports
from tests.unit.orchestration.steps.governed import Governed


def plan(one: Governed) -> str:
    """Announce a change at the city, as the command records it; its subject is of no importance here."""
    subject = dict.fromkeys(("model", "data", "contracts", "policy", "card"), "1" * 64)
    span = {"starts_at": now() + timedelta(days=2), "until": now() + timedelta(days=2, hours=1)}
    told = {"use_case": "triage", "site": one.site, "change": "change-1", "stage": "decision_support", "reason": "go"}
    open_records(one.settings).append("change_planned", "ada", {**told, **span, "subject": subject}, at=now())
    return "change-1"


def test_a_home_shows_what_is_planned_and_what_was_taken_back_wherever_somebody_looks(city: Governed) -> None:
    change = plan(city)
    roll_back(city.settings, "triage", "city", None, "too many alerts", city.signs("ada"))
    written = write_all_reports(city.settings)
    reports = city.settings.reports
    assert {reports / "calendar.html", reports / "calendar.ics"} <= set(written)
    page, file = (reports / "calendar.html").read_text(), (reports / "calendar.ics").read_bytes().decode()
    assert change in page and "too many alerts" in page and "Turn of the year" in page
    assert f"UID:{change}@pilothouse\r\n" in file
    assert 'href="calendar.html"' in (reports / "index.html").read_text()
    pack = (reports / "board-packs" / "triage-city" / "board-pack.html").read_text()
    assert 'href="../../calendar.html"' in pack and change in pack and "Change control" in pack
    shown = [one for one in release_events(city.settings, 0) if one.document["kind"] == "change_planned"]
    assert [one.is_change for one in shown] == [False] and shown[0].stands["from"] < shown[0].stands["until"]


def test_a_cancelled_plan_is_told_by_its_name(city: Governed) -> None:
    told = {"use_case": "triage", "site": "city", "change": plan(city), "reason": "the trainer is ill"}
    open_records(city.settings).append("change_cancelled", "ada", told, at=now())
    assert release_events(city.settings, 0)[-1].sentence == (
        "change cancelled: change-1, by ada (claimed). the trainer is ill"
    )


def test_a_calendar_that_cannot_be_read_costs_no_report(city: Governed) -> None:
    (city.settings.home / "calendar.yaml").write_text("{")
    write_all_reports(city.settings)
    assert "Every promotion waits: calendar.yaml: is not YAML" in (city.settings.reports / "calendar.html").read_text()
    pack = (city.settings.reports / "board-packs" / "triage-city" / "board-pack.html").read_text()
    assert "Not all could be read: calendar.yaml: is not YAML" in pack

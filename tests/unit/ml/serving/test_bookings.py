"""The hook `appointment-book`: a card at the booking desk, what it is not for, and the rule without a model."""

from typing import Any
from uuid import uuid4

import pytest
from serving_homes import KEY, NOW, Home
from sqlalchemy import select

from evaluation.policies import load_policy
from ml.features.pseudonym import pseudonym
from ml.registry.stages import Stage, Tier
from ml.serving.tables import EVENT, open_database
from ml.usecases import load_use_case
from orchestration.steps.releases.card import card_layout
from tests.unit.ml.training.clinic import candidate

SERVICE = "/cds-services/pilothouse-appointments"


@pytest.fixture(scope="module")
def layout() -> dict[str, Any]:
    return card_layout(load_use_case("appointments"), load_policy("appointments"))


@pytest.fixture
def clinic(home: Home, layout: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a release of appointments that nothing points to yet."""
    folder = tmp_path_factory.getbasetemp() / "clinic-of-bookings"
    home.release(layout, candidate(folder).model, use_case="appointments")
    return home


def events(home: Home) -> list[dict[str, Any]]:
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(EVENT).order_by(EVENT.c.id)).mappings()]
    engine.dispose()
    return rows


def point(home: Home, **more: Any) -> None:
    home.point(home.released[-1], use_case="appointments", **more)


def appointment(identifier: str, start: str, status: str) -> dict[str, Any]:
    actor = [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}]
    return {"resourceType": "Appointment", "id": identifier, "status": status, "start": start, "participant": actor}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def call(*history: dict[str, Any], start: str = "2026-05-08T15:00:00Z", **context: Any) -> dict[str, Any]:
    about = {
        "userId": "Practitioner/c",
        "patientId": "p1",
        "appointments": bundle(appointment("a1", start, "proposed")),
    }
    return {
        "hook": "appointment-book",
        "hookInstance": str(uuid4()),
        "context": {**about, **context},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}, "history": bundle(*history)},
    }


MISSED = appointment("a0", "2026-02-08T15:00:00Z", "noshow")


def test_the_service_is_discovered_where_it_was_released_and_triage_everywhere(clinic: Home):
    with clinic.serving() as client:
        services = client.get("/sites/city/cds-services").json()["services"]
        assert [one["id"] for one in services] == ["pilothouse-triage", "pilothouse-triage-chart"]
        point(clinic)
        found = client.get("/sites/city/cds-services").json()["services"][1]
    assert (found["id"], found["hook"]) == ("pilothouse-appointments", "appointment-book")
    assert "never a reason to deny" in found["description"] and set(found["prefetch"]) == {"patient", "history"}


def test_a_long_lead_after_a_missed_appointment_gets_a_card_that_says_what_it_is_not_for(clinic: Home):
    point(clinic)
    with clinic.serving() as client:
        [card] = client.post(SERVICE, json=call(MISSED)).json()["cards"]
        assert client.post(SERVICE, json=call(start="2026-03-06T15:00:00Z")).json() == {"cards": []}
    assert card["summary"].startswith("Risk of missing this appointment:") and card["indicator"] == "info"
    assert "Never a reason to deny, delay or downgrade an appointment" in card["detail"]
    assert "Race, ethnicity, language, payer, age and sex are not looked at" in card["detail"]
    assert "You decide" in card["detail"] and "suggestions" not in card
    assert "confirmed" in {reason["code"] for reason in card["overrideReasons"]}


def test_in_shadow_the_risk_is_kept_with_the_appointment_and_nobody_sees_it(clinic: Home):
    point(clinic, stage=Stage.SHADOW)
    with clinic.serving() as client:
        assert client.post(SERVICE, json=call(MISSED)).json() == {"cards": []}
        status = {(one["use_case"], one["stage"]) for one in client.get("/api/v1/status").json()["releases"]}
    assert status == {("appointments", "shadow")}
    [event] = events(clinic)
    assert (event["use_case"], event["status"]) == ("appointments", "scored")
    assert event["visit_key"] == pseudonym(KEY, "Appointment", "a1")
    assert event["patient_key"] == pseudonym(KEY, "Patient", "p1")


@pytest.mark.parametrize(("history", "cards"), [((MISSED,), 1), ((), 0)])
def test_without_the_model_the_rule_is_what_people_go_by_today(clinic: Home, history: tuple[Any, ...], cards: int):
    point(clinic, tier=Tier.RULE)
    with clinic.serving() as client:
        found = client.post(SERVICE, json=call(*history)).json()["cards"]
    assert len(found) == cards
    assert all(card["summary"] == "Worth a reminder by rule: the last appointment was missed" for card in found)
    assert all(card["indicator"] == "info" and "ESI" not in card["detail"] for card in found)


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (call(patientId="p2"), 422, "another patient"),
        (call(appointments={}), 412, "no Bundle of Appointments"),
        ({**call(), "hook": "encounter-start"}, 400, "hook"),
        ({**call(), "prefetch": {}}, 412, "prefetch.patient"),
        (call(appointments=bundle(appointment("a1", "2026-05-08T15:00:00Z", "cancelled"))), 200, ""),
        (call(start=NOW.isoformat()), 200, ""),
    ],
)
def test_a_call_that_cannot_be_answered_says_why(clinic: Home, sent: dict[str, Any], status: int, said: str):
    point(clinic)
    with clinic.serving() as client:
        answer = client.post(SERVICE, json=sent)
    assert answer.status_code == status and said in answer.text
    assert status != 200 or answer.json() == {"cards": []}


def test_a_call_that_is_sent_again_gets_the_same_answer_and_feedback_is_taken(clinic: Home):
    point(clinic)
    body = call(MISSED)
    with clinic.serving() as client:
        first, again = (client.post(SERVICE, json=body).json() for _ in range(2))
        item = {"card": first["cards"][0]["uuid"], "outcome": "overridden", "outcomeTimestamp": NOW.isoformat()}
        item["overrideReason"] = {"reason": {"code": "confirmed"}}
        taken = client.post(f"{SERVICE}/feedback", json={"feedback": [item]})
    assert first == again and taken.json() == {"stored": 1}

"""The standard's own JSON blocks: what ours look like, and what happens when theirs arrive."""

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema_rs import Draft6Validator
from serving_homes import SERVICE, Client, Home, call

from ml.registry.card import Suggestion
from ml.registry.stages import Stage
from ml.serving.cards import offered
from ml.serving.hooks import Card, Discovery, FeedbackRequest, HookResponse
from ml.serving.services import SERVICES, TRIAGE_CHART, TRIAGE_SERVICE
from ml.usecases import load_use_case

OURS = TRIAGE_SERVICE.description
CHART = f"/cds-services/{TRIAGE_CHART.id}"
SHARED = Path(os.environ.get("PILOTHOUSE_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
EXAMPLES = SHARED / "cds_hooks" / "json_examples"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not EXAMPLES.exists(), reason=f"no CDS Hooks examples in PILOTHOUSE_SHARED_DATA ({SHARED})"),
]
BLOCKS = {path.stem: json.loads(path.read_text()) for path in sorted(EXAMPLES.glob("*.json"))}


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(block, id=name) for name, block in BLOCKS.items() if name.endswith(kind)]


@pytest.fixture
def client(home: Home) -> Any:
    home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    with home.serving() as running:
        yield running


def members(block: object, name: str) -> list[dict[str, Any]]:
    """Every object found under a member of that name, anywhere in a block."""
    if isinstance(block, list):
        return [found for item in block for found in members(item, name)]
    if not isinstance(block, dict):
        return []
    here = block.get(name, [])
    listed = here if isinstance(here, list) else [here]
    return [item for item in listed if isinstance(item, dict)] + [
        found for value in block.values() for found in members(value, name)
    ]


def shape(value: object) -> object:
    """The JSON type of a value, members included."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value).__name__


def test_the_examples_are_all_there() -> None:
    assert len(BLOCKS) == 45
    assert len(of_kind("discovery")) >= 3
    assert len(of_kind("request")) >= 3
    assert len(of_kind("response")) >= 3


@pytest.mark.parametrize("block", of_kind("discovery"))
def test_our_discovery_has_the_shape_of_theirs(client: Client, block: dict[str, Any]) -> None:
    ours = client.get("/cds-services").json()["services"]
    assert set(ours[0]) <= {"hook", "title", "description", "id", "prefetch", "usageRequirements"}
    assert Discovery.model_validate({"services": ours}).services == [OURS, TRIAGE_CHART.description]
    for theirs in block["services"]:
        common = set(theirs) & set(ours[0]) - {"prefetch"}
        assert {"hook", "description", "id"} <= common
        assert {key: shape(ours[0][key]) for key in common} == {key: shape(theirs[key]) for key in common}
        for template in theirs.get("prefetch", {}).values():
            assert isinstance(template, str)


def test_prefetch_uses_only_what_encounter_start_has_in_its_context() -> None:
    used = {name for template in OURS.prefetch.values() for name in re.findall(r"{{(.*?)}}", template)}
    assert used == {"context.patientId", "context.encounterId"}
    assert set(OURS.prefetch) == {"patient", "encounter", "vitals", "triage", "conditions"}


@pytest.mark.parametrize("block", of_kind("response"))
def test_our_cards_have_the_shape_of_theirs(client: Client, block: dict[str, Any]) -> None:
    [ours] = client.post(SERVICE, json=call()).json()["cards"]
    for theirs in block.get("cards", []):
        common = (set(theirs) & set(ours)) - {"overrideReasons", "suggestions", "source"}
        assert {"summary", "indicator"} <= common or "uuid" in common
        assert {key: shape(ours[key]) for key in common} == {key: shape(theirs[key]) for key in common}
        assert set(ours["source"]) <= {"label", "url", "icon", "topic"}
        for reason in theirs.get("overrideReasons", []):
            assert set(ours["overrideReasons"][0]) == set(reason)


def test_our_card_keeps_the_standard_s_own_rules(client: Client) -> None:
    response = client.post(SERVICE, json=call())
    assert response.headers["content-type"] == "application/json"
    [card] = HookResponse.model_validate(response.json()).cards
    assert isinstance(card, Card)
    assert len(card.summary) < 140
    assert card.suggestions is not None
    assert card.selectionBehavior is not None, "required as soon as there is a suggestion"
    allowed = {
        "uuid",
        "summary",
        "detail",
        "indicator",
        "source",
        "suggestions",
        "selectionBehavior",
        "overrideReasons",
        "links",
    }
    assert set(response.json()) == {"cards"}, "no systemActions: nothing is done that nobody accepted"
    assert set(response.json()["cards"][0]) <= allowed
    assert card.source.topic is not None and card.source.topic.display
    assert all(reason.system and reason.display for reason in card.overrideReasons)
    assert [link.type for link in card.links or []] == ["absolute"]


def r4(name: str) -> Draft6Validator:
    """The published schema of one resource type, with all it refers to but contained resources."""
    path = SHARED / "fhir_r4_schema" / "fhir.schema.json.gz"
    definitions = json.loads(gzip.decompress(path.read_bytes()))["definitions"]
    definitions["ResourceList"] = {"type": "object"}
    needed: set[str] = set()
    unread = {name}
    while unread:
        needed |= unread
        found = {ref for one in unread for ref in re.findall(r"#/definitions/(\w+)", json.dumps(definitions[one]))}
        unread = found - needed
    return Draft6Validator({"$ref": f"#/definitions/{name}", "definitions": {one: definitions[one] for one in needed}})


def test_what_a_suggestion_creates_is_valid_fhir_r4_and_about_the_call_s_own_patient(client: Client) -> None:
    validator = r4("Task")
    assert not validator.is_valid({"resourceType": "Task", "status": "requested", "colour": "red"})
    card = client.post(SERVICE, json=call()).json()["cards"][0]
    actions = [action for suggestion in card["suggestions"] for action in suggestion["actions"]]
    assert actions and all(action["type"] == "create" and action["description"] for action in actions)
    for action in actions:
        assert [str(error) for error in validator.iter_errors(action["resource"])] == []
        assert action["resource"]["intent"] == "proposal", "a card orders nothing"
        assert action["resource"]["for"] == {"reference": "Patient/p1"}


@pytest.mark.parametrize("use_case", SERVICES)
def test_the_suggestions_of_the_product_s_own_cards_are_valid_fhir_r4(use_case: str) -> None:
    text = load_use_case(use_case).card
    assert text.topic is not None and text.suggestion is not None
    made = offered(UUID(int=1), Suggestion.model_validate(text.suggestion), is_visit=use_case == "triage")
    [action] = made["actions"]
    assert [str(error) for error in r4("Task").iter_errors(action["resource"])] == []


@pytest.mark.parametrize("block", of_kind("request"))
def test_a_request_of_another_hook_is_told_which_hook_is_answered_here(client: Client, block: dict[str, Any]) -> None:
    for path, hook in ((SERVICE, "encounter-start"), ("/cds-services/pilothouse-appointments", "appointment-book")):
        response = client.post(path, json=block)
        said = response.json()
        assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
        assert set(said) == {"type", "title", "status", "detail", "instance"}
        assert f"at hook: Input should be '{hook}'" in said["detail"]
        assert "some-opaque-fhir-access-token" not in response.text and "1288992" not in response.text


CHARTS = [block for block in of_kind("request") if block.values[0]["hook"] == "patient-view"]


@pytest.mark.parametrize("block", CHARTS)
def test_a_chart_that_is_opened_as_they_write_it_is_answered_without_cards(
    client: Client, block: dict[str, Any]
) -> None:
    """Of no visit that was triaged here, or of none; one leaves out the patient, whom the standard requires."""
    response = client.post(CHART, json=block)
    if "patientId" in block["context"]:
        assert (response.status_code, response.json()) == (200, {"cards": []})
    else:
        assert response.status_code == 400 and "at context.patientId:" in response.json()["detail"]
    assert "some-opaque-fhir-access-token" not in response.text and "1288992" not in response.text


def test_the_examples_open_charts_with_a_visit_without_one_and_without_a_patient() -> None:
    named = [{"patientId", "encounterId"} & set(block.values[0]["context"]) for block in CHARTS]
    assert sorted(map(len, named)) == [0, 1, 2]


@pytest.mark.parametrize("block", of_kind("request"))
def test_a_request_to_a_service_that_is_not_ours_is_told_where_ours_are(client: Client, block: dict[str, Any]) -> None:
    response = client.post("/cds-services/static-patient-greeter", json=block)
    assert (response.status_code, response.json()["type"]) == (404, "urn:pilothouse:problem:unknown-service")
    assert response.json()["detail"].startswith("There is no service of that name; GET /cds-services lists")


@pytest.mark.parametrize("block", of_kind("request"))
def test_a_request_as_theirs_for_our_hook_is_understood(client: Client, block: dict[str, Any]) -> None:
    """Their envelope, our hook: the prefetch is another service's, so what we need was not sent: 412."""
    context = {"userId": "Practitioner/1", "patientId": "1288992", "encounterId": "89284"}
    assert client.post(SERVICE, json={**block, "hook": "encounter-start", "context": context}).status_code == 412


@pytest.mark.parametrize("block", [pytest.param(block, id=name) for name, block in BLOCKS.items()])
def test_no_example_anywhere_breaks_the_service(client: Client, block: Any) -> None:
    is_of_a_chart = isinstance(block, dict) and block.get("hook") == "patient-view"
    others = (f"{CHART}/feedback",) if is_of_a_chart else (CHART, f"{CHART}/feedback")
    for path in (SERVICE, f"{SERVICE}/feedback", *others):
        response = client.post(path, json=block)
        assert 400 <= response.status_code < 500
        assert response.headers["content-type"] == "application/problem+json"
    asked = {**call(), "prefetch": block if isinstance(block, dict) else {"patient": block}}
    assert client.post(SERVICE, json=asked).status_code in (412, 422)


def test_feedback_as_the_standard_writes_it_is_understood() -> None:
    """CDS Hooks 2.0, section Feedback: the two examples in words of the standard."""
    for item in (
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
            "outcomeTimestamp": "2020-12-11T00:00:00Z",
        },
        {
            "card": "9368d37b-283f-44a0-93ea-547cebab93ed",
            "outcome": "overridden",
            "overrideReason": {
                "reason": {"code": "d7ecf885", "system": "https://example.com/cds-hooks/override-reason-system"},
                "userComment": "clinician entered comment",
            },
            "outcomeTimestamp": "2020-12-11T00:00:00Z",
        },
    ):
        assert FeedbackRequest.model_validate({"feedback": [item]}).feedback[0].outcome == item["outcome"]


def test_every_override_reason_of_the_examples_is_a_coding_like_ours() -> None:
    reasons = [reason for block in BLOCKS.values() for reason in members(block, "overrideReasons")]
    assert len(reasons) >= 4
    assert all(set(reason) == {"code", "system", "display"} for reason in reasons)

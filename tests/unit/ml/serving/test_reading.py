"""A call is read while its token is checked, and nothing of it is used before the check is over."""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from serving_homes import CARD, NOW, SERVICE, Home, call, prefetch, tiny_model

from ml.features.request import RequestRefused
from ml.serving import Problem
from ml.serving.beside import Beside
from ml.serving.reading import READ_AHEAD_BYTES, Reading
from ml.serving.running import Running
from ml.serving.services import TRIAGE_SERVICE, Rules
from tests.unit.ml.serving.issuer import BASE, ask, token, trust


@pytest.fixture(scope="module")
def rules() -> Rules:
    model = tiny_model()
    return TRIAGE_SERVICE.rules(model.feature_names, model.vocabulary, UTC)


def reading(body: object) -> Reading:
    return Reading(TRIAGE_SERVICE, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_what_was_read_ahead_is_what_would_have_been_read_later(rules: Rules) -> None:
    body = call(prefetch(saturation=41.0))
    ahead, later = reading(body), reading(body)
    ahead.ahead(rules, NOW)
    assert ahead.features(ahead.call, rules, NOW) == later.features(later.call, rules, NOW)
    assert ahead.features(ahead.call, rules, NOW).values["oxygen_saturation"] == 41.0


def test_a_call_is_read_once(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reading(call())
    read.ahead(rules, NOW)
    monkeypatch.setattr("ml.serving.reading.decoded", None)
    monkeypatch.setattr("ml.serving.reading.shaped", None)
    monkeypatch.setattr(type(rules), "features", None)
    assert read.features(read.call, rules, NOW).eligible


def test_features_are_read_again_by_other_rules_and_of_a_call_that_was_completed(rules: Rules) -> None:
    read = reading(call(prefetch(saturation=41.0)))
    read.ahead(rules, NOW)
    other = TRIAGE_SERVICE.bare_rules(UTC)
    assert set(read.features(read.call, other, NOW).values) != set(read.features(read.call, rules, NOW).values)
    completed = read.call.model_copy(update={"prefetch": prefetch(saturation=77.0)})
    assert read.features(completed, rules, NOW).values["oxygen_saturation"] == 77.0


def test_a_record_is_of_the_server_that_the_call_names_whatever_its_prefetch_says(rules: Rules) -> None:
    sent = {**prefetch(saturation=41.0), "fhirServer": "https://other.example/fhir"}
    for entry in sent["vitals"]["entry"]:
        entry["resource"]["subject"] = {"reference": "https://other.example/fhir/Patient/p1"}
    for server, expected in (("https://other.example/fhir", 41.0), ("https://ehr.example/fhir", None)):
        read = reading({**call(sent), "fhirServer": server})
        assert read.features(read.call, rules, NOW).values["oxygen_saturation"] == expected


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"no json", "not-json"), (b'{"a":1,"a":1}', "member-repeated"), ({"hook": "other"}, "invalid-request")],
    ids=["no JSON", "said twice", "another hook"],
)
def test_what_cannot_be_read_is_told_when_it_is_asked_for(rules: Rules, body: object, kind: str) -> None:
    read = reading(body)
    read.ahead(rules, NOW)
    with pytest.raises(Problem) as refused:
        _ = read.call
    assert refused.value.kind == kind


def test_a_prefetch_that_is_refused_is_refused_when_its_features_are_asked_for(rules: Rules) -> None:
    read = reading(call({"patient": None}))
    read.ahead(rules, NOW)
    with pytest.raises(RequestRefused):
        read.features(read.call, rules, NOW)


def test_a_large_body_waits_for_its_token(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reading({**call(), "note": "x" * READ_AHEAD_BYTES})
    monkeypatch.setattr("ml.serving.reading.decoded", None)
    read.ahead(rules, NOW)
    monkeypatch.undo()
    assert read.features(read.call, rules, NOW).eligible


class _WaitsForTheReading(Beside):
    """Checks a signature only once the call was read: without the reading beside it, the check would never end."""

    def __init__(self) -> None:
        super().__init__("waits")
        self.is_read = threading.Event()

    def submit(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        def later() -> Any:
            assert self.is_read.wait(10)
            return work()

        return super().submit(later)


@pytest.fixture
def trusting(home: Home) -> Home:
    return trust(home)


def test_the_call_is_read_while_its_signature_is_checked(trusting: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    checks, read_ahead = _WaitsForTheReading(), Reading.ahead

    def ahead(self: Reading, *args: Any) -> None:
        read_ahead(self, *args)
        checks.is_read.set()

    monkeypatch.setattr(Reading, "ahead", ahead)
    with trusting.serving(base_url=BASE) as client:
        running: Running = client.app.state.running
        monkeypatch.setattr(running, "_checks", checks)
        assert ask(client, token()).status_code == 200


@pytest.mark.parametrize("body", [b"no json", json.dumps(call({})).encode()], ids=["no JSON", "no prefetch"])
def test_who_is_not_trusted_learns_nothing_of_what_was_read(trusting: Home, body: bytes) -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    with trusting.serving(base_url=BASE) as client:

        def sent(written: str) -> int:
            headers = {"Authorization": f"Bearer {written}", "Content-Type": "application/json"}
            return client.post(SERVICE, content=body, headers=headers).status_code

        assert sent(token(other)) == 401
        assert sent(token()) in (400, 412, 422)


def test_the_pointer_that_counts_is_the_one_of_the_answer(trusting: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read ahead by a release that is replaced meanwhile is read again by the one that answers."""
    read_ahead = Reading.ahead

    def ahead(self: Reading, *args: Any) -> None:
        read_ahead(self, *args)
        trusting.now += timedelta(minutes=1)
        trusting.point(trusting.release({**CARD, "outcome_label": "something else"}, tiny_model()))

    with trusting.serving(base_url=BASE) as client:
        assert "something else" not in ask(client, token()).text
        monkeypatch.setattr(Reading, "ahead", ahead)
        assert "something else" in ask(client, token()).text

"""Whatever arrives, the service answers with cards or with a problem, and never with its own failure."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_homes import SERVICE, Client, Home, call

RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
SOUND = call()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One running service for every example."""
    home = Home.at(tmp_path_factory.mktemp("fuzz"))
    home.point(home.release())
    with home.serving() as running:
        yield running


def check(client: Client, path: str, body: bytes) -> None:
    response = client.post(path, content=body)
    assert response.status_code in (200, 400, 404, 409, 412, 422), response.text
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    elif not path.endswith("/feedback"):
        assert isinstance(response.json()["cards"], list)


@RELAXED
@given(body=st.binary(max_size=200))
def test_any_bytes(client: Client, body: bytes) -> None:
    check(client, SERVICE, body)
    check(client, f"{SERVICE}/feedback", body)


@RELAXED
@given(document=JSON)
def test_any_json(client: Client, document: Any) -> None:
    body = json.dumps(document).encode()
    check(client, SERVICE, body)
    check(client, f"{SERVICE}/feedback", body)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in steps for place in places(inner, (*path, step)))]


def replaced(document: Any, place: tuple[Any, ...], replacement: Any) -> Any:
    if not place:
        return replacement
    changed = copy.deepcopy(document)
    target = changed
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = replacement
    return changed


@RELAXED
@given(place=st.sampled_from(places(SOUND)), replacement=JSON)
def test_a_sound_call_with_anything_in_one_place(client: Client, place: tuple[Any, ...], replacement: Any) -> None:
    document = replaced(SOUND, place, replacement)
    if isinstance(document, dict) and place != ("hookInstance",):
        document["hookInstance"] = str(uuid4())
    check(client, SERVICE, json.dumps(document).encode())


FEEDBACK = {
    "feedback": [
        {
            "card": str(uuid4()),
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "a", "system": "b"}, "userComment": "c"},
            "outcomeTimestamp": "2026-03-02T12:00:00Z",
        },
        {
            "card": str(uuid4()),
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": str(uuid4())}],
            "outcomeTimestamp": "2026-03-02T12:00:00Z",
        },
    ]
}


@RELAXED
@given(place=st.sampled_from(places(FEEDBACK)), replacement=JSON)
def test_feedback_with_anything_in_one_place(client: Client, place: tuple[Any, ...], replacement: Any) -> None:
    check(client, f"{SERVICE}/feedback", json.dumps(replaced(FEEDBACK, place, replacement)).encode())


CHART = f"{SERVICE}-chart"
OPENED = {
    "hook": "patient-view",
    "hookInstance": str(uuid4()),
    "context": {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1"},
    "prefetch": {},
}


@RELAXED
@given(place=st.sampled_from(places(OPENED)), replacement=JSON)
def test_a_chart_with_anything_in_one_place(client: Client, place: tuple[Any, ...], replacement: Any) -> None:
    document = replaced(OPENED, place, replacement)
    if isinstance(document, dict) and place != ("hookInstance",):
        document["hookInstance"] = str(uuid4())
    check(client, CHART, json.dumps(document).encode())


@RELAXED
@given(path=st.text(alphabet="abc/.%_-AB09<>\"' é", max_size=30))
def test_any_address(client: Client, path: str) -> None:
    for prefix in ("/board/", "/sites/", "/api/v1/board/", "/"):
        cleaned = path.replace("?", "").replace("%", "")
        if prefix == "/":
            cleaned = cleaned.lstrip("/")  # two slashes at the start name a host, which is the client's to refuse
        response = client.get(prefix + cleaned)
        assert response.status_code in (200, 307, 404, 405, 422)

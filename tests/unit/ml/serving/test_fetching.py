"""What a call lacks is read from the client's own FHIR server: only there, only what is asked for, in time."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from serving_homes import SERVICE, Client, Home, call, prefetch

from ml.serving import ServingRefused, fetching
from ml.serving.clients import configured, load_clients
from ml.serving.outbound import connect, fetch
from tests.unit.ml.serving.issuer import BASE, LISTED, ask, token, trust, write_clients

SERVER = "https://fhir.example.org/r4"
SECRET = "opaque-fhir-token"
AUTHORIZATION = {
    "access_token": SECRET,
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/*.read",
    "subject": "x",
}


class FhirServer:
    """A FHIR server that has one visit, by path; `instead` answers a path in another way."""

    def __init__(self) -> None:
        sent = prefetch()
        self.resources = {
            "/r4/Patient/p1": sent["patient"],
            "/r4/Encounter/e1": sent["encounter"],
            "/r4/Condition": sent["conditions"],
        }
        self.by_code = {"75636-1": sent["triage"], "8867-4": sent["vitals"]}
        self.instead: dict[str, Any] = {}
        self.asked: list[httpx.Request] = []

    def connect(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if path in self.instead:
            answer = self.instead[path]
            return answer if isinstance(answer, httpx.Response) else await answer()
        if path == "/r4/Observation":
            code = request.url.params["code"]
            return httpx.Response(200, json=next(found for one, found in self.by_code.items() if one in code))
        return httpx.Response(200, json=self.resources[path])


@pytest.fixture
def fhir() -> FhirServer:
    return FhirServer()


@contextmanager
def serving(home: Home, fhir: FhirServer, *servers: str) -> Iterator[Client]:
    trust(home, fhir_servers=list(servers or (SERVER,)))
    with home.serving(base_url=BASE, connect=fhir.connect) as client:
        yield client


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in prefetch().items() if key not in keys}


def send(client: Client, sent: dict[str, Any], **changes: Any) -> httpx.Response:
    body = call(sent, **{"fhirServer": SERVER, "fhirAuthorization": AUTHORIZATION, **changes})
    return client.post(SERVICE, json=body, headers={"Authorization": f"Bearer {token()}"})


def test_a_call_without_prefetch_is_answered_as_one_with_it(
    home: Home, fhir: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), serving(home, fhir) as client:
        [fetched] = send(client, {}).json()["cards"]
        [sent] = ask(client, token()).json()["cards"]
        assert 'pilothouse_fhir_reads_total{outcome="read"} 5.0' in client.get("/metrics").text
    assert (fetched["summary"], fetched["detail"]) == (sent["summary"], sent["detail"])
    assert {str(request.url).partition("?")[0] for request in fhir.asked} == {
        f"{SERVER}/{path}" for path in ("Patient/p1", "Encounter/e1", "Observation", "Condition")
    }
    assert {request.headers["authorization"] for request in fhir.asked} == {f"Bearer {SECRET}"}
    assert SECRET not in caplog.text
    assert not [path for path in home.path.glob("events.db*") if SECRET.encode() in path.read_bytes()]


def test_only_what_is_missing_is_read_and_null_is_not_missing(home: Home, fhir: FhirServer) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    with serving(home, fhir) as client:
        sent = {**without("vitals"), "conditions": None, "triage": failed}
        assert send(client, sent).status_code == 200
    assert [request.url.path for request in fhir.asked] == ["/r4/Observation"] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"fhirServer": "https://evil.example/r4"},
        {"fhirServer": "https://fhir.example.org.evil.example/r4"},
        {"fhirServer": "https://fhir.example.org/r4/../other"},
        {"fhirServer": "http://fhir.example.org/r4"},
        {"fhirServer": "https://fhir.example.org"},
        {"fhirAuthorization": None},
    ],
)
def test_nothing_is_read_from_a_server_that_is_not_listed_or_without_a_token(
    home: Home, fhir: FhirServer, changes: dict[str, Any]
) -> None:
    with serving(home, fhir) as client:
        assert send(client, without("patient"), **changes).status_code == 412
    assert fhir.asked == []


def test_a_client_reads_from_its_own_servers_alone(home: Home, fhir: FhirServer) -> None:
    with serving(home, fhir, "https://other.example.org/r4") as client:
        assert send(client, without("patient")).status_code == 412
    assert fhir.asked == []


@pytest.mark.parametrize("identifier", ["..", "p1/../p2", "p1?x=y", "p1#", "p" * 65, "p 1"])
def test_an_id_that_is_none_is_put_into_no_address(home: Home, fhir: FhirServer, identifier: str) -> None:
    context = {"userId": "Practitioner/n1", "patientId": identifier, "encounterId": "e1"}
    with serving(home, fhir) as client:
        assert send(client, without("patient"), context=context).status_code == 412
    assert fhir.asked == []


async def _hang() -> httpx.Response:
    await asyncio.sleep(30)
    return httpx.Response(200)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401), "status 401"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), "status 302"),
        (httpx.Response(200, content=b"<html>"), "no JSON"),
        (httpx.Response(200, json=[]), "no resource"),
        (httpx.Response(200, json={"resourceType": "OperationOutcome"}), "no resource"),
        (httpx.Response(200, content=b" " * (1024 * 1024 + 1)), "an answer of over 1048576 bytes"),
        (_hang, "no answer within"),
    ],
    ids=range(7),
)
def test_a_server_that_fails_leaves_what_is_needed_missing(
    home: Home,
    fhir: FhirServer,
    answer: Any,
    said: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "READ_WITHIN_SECONDS", 0.2)
    fhir.instead["/r4/Patient/p1"] = answer
    with serving(home, fhir) as client:
        refused = send(client, without("patient"))
    assert (refused.status_code, refused.json()["type"]) == (412, "urn:pilothouse:problem:prefetch-missing")
    assert f"A client's FHIR server gave no Patient: {said}" in caplog.text
    assert "p1" not in caplog.text.replace("/cds-services", "")


def test_all_pages_of_a_search_are_read_and_half_of_them_are_none(home: Home, fhir: FhirServer) -> None:
    whole = prefetch()["vitals"]["entry"]
    second = {"resourceType": "Bundle", "type": "searchset", "entry": whole[2:]}
    link = [{"relation": "next", "url": f"{SERVER}/page2"}]
    fhir.by_code["8867-4"] = {"resourceType": "Bundle", "type": "searchset", "entry": whole[:2], "link": link}
    fhir.resources["/r4/page2"] = second
    with serving(home, fhir) as client:
        [paged] = send(client, without("vitals")).json()["cards"]
        [sent] = ask(client, token()).json()["cards"]
        assert paged["summary"] == sent["summary"]
        link[0]["url"] = "https://evil.example/page2"
        asked = len(fhir.asked)
        send(client, without("vitals"))
    assert [request.url.host for request in fhir.asked[asked:]] == ["fhir.example.org"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fhirServer": None},
        {"fhirServer": "ftp://fhir.example.org"},
        {"fhirAuthorization": {"token_type": "Bearer"}},
        {"fhirAuthorization": {**AUTHORIZATION, "access_token": "a\r\nX: y"}},
        {"fhirAuthorization": {**AUTHORIZATION, "token_type": "MAC"}},
    ],
)
def test_a_malformed_authorization_is_said_without_its_token(
    home: Home, fhir: FhirServer, changes: dict[str, Any]
) -> None:
    with serving(home, fhir) as client:
        refused = send(client, prefetch(), **changes)
    assert refused.status_code == 400
    assert SECRET not in json.dumps(refused.json())


def test_outside_development_a_fhir_server_is_an_https_address(home: Home) -> None:
    trust(home)
    write_clients(home.path, {**LISTED, "fhir_servers": ["http://fhir.example.org"]}, base_url=BASE)
    clients = load_clients(home.path, connect)
    configured(home.config(), clients)
    with pytest.raises(ServingRefused, match=r"fhir_servers of https://ehr\.example\.org must be https"):
        configured(home.config(environment="production"), clients)


def test_a_session_that_one_answer_opens_is_never_sent_with_another_call() -> None:
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "JSESSIONID=of-one-user; Path=/"}, content=b"{}")

    async def twice() -> None:
        async with connect() as client:
            client._transport = httpx.MockTransport(answer)
            client._mounts = {}
            for _ in range(2):
                await fetch(client, f"{SERVER}/Patient/p1", 100)

    asyncio.run(twice())
    assert sent == [None, None]

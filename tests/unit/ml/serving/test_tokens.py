"""Trusting CDS clients over HTTP: good tokens pass once, every other is refused alike."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm
from serving_homes import KEY, NOW, SERVICE, Client, Home, call, prefetch
from sqlalchemy import create_engine, text

from ml.features.pseudonym import pseudonym
from ml.serving import ServingRefused, StoreUnavailable
from ml.serving import trusting as trusting_module
from ml.serving.app import create_app
from ml.serving.clients import configured, load_clients
from ml.serving.events import EventStore
from ml.serving.metrics import Meters
from ml.serving.outbound import connect
from ml.serving.trusting import Trust
from tests.unit.ml.serving.issuer import (
    BASE,
    EC_KEY,
    ISSUER,
    JKU,
    LISTED,
    RSA_KEY,
    ask,
    claims,
    key_set,
    public,
    token,
    trust,
    write_clients,
)

OTHER = ec.generate_private_key(ec.SECP384R1())
P256 = ec.generate_private_key(ec.SECP256R1())
RSA_1024 = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.fixture
def trusting(home: Home) -> Home:
    return trust(home)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One running service that trusts one issuer, for every attack."""
    home = trust(Home.at(tmp_path_factory.mktemp("trusting")), tenants=["harbour"])
    with home.serving(base_url=BASE) as client:
        yield client


def part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def signed(payload: bytes | str, header: dict[str, Any] | bytes | None = None) -> str:
    """A token with our sound signature over whatever the payload and the header are."""
    named = header if isinstance(header, bytes) else json.dumps(header or SOUND_HEADER).encode()
    content = part(named) + b"." + part(payload if isinstance(payload, bytes) else payload.encode())
    return (content + b"." + part(ECAlgorithm(ECAlgorithm.SHA384).sign(content, EC_KEY))).decode()


SOUND_HEADER = {"alg": "ES384", "kid": "ec", "typ": "JWT"}


def unsigned(alg: str, signature: bytes = b"") -> str:
    content = part(json.dumps({**SOUND_HEADER, "alg": alg}).encode()) + b"." + part(json.dumps(claims()).encode())
    return (content + b"." + part(signature)).decode()


def hmac_with_public_key(pem: bytes, algorithm: str = "HS384") -> str:
    content = part(json.dumps({**SOUND_HEADER, "alg": algorithm}).encode()) + b"." + part(json.dumps(claims()).encode())
    return (content + b"." + part(HMACAlgorithm(HMACAlgorithm.SHA384).sign(content, pem))).decode()


def short_rsa() -> str:
    content = part(json.dumps({**SOUND_HEADER, "alg": "RS384", "kid": "rsa"}).encode())
    content += b"." + part(json.dumps(claims()).encode())
    return (content + b"." + part(RSAAlgorithm(RSAAlgorithm.SHA384).sign(content, RSA_1024))).decode()


def tampered() -> str:
    head, _, signature = token().split(".")
    return ".".join((head, part(json.dumps(claims(tenant="other")).encode()).decode(), signature))


def status(home: Home, written: str | None, path: str = SERVICE) -> int:
    with home.serving(base_url=BASE) as client:
        return ask(client, written, path).status_code


def now() -> int:
    return int(time.time())


PEM = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HUGE = 10**30
ATTACKS: dict[str, tuple[str, Callable[[], str | None]]] = {
    "no header": ("no token", lambda: None),
    "an empty token": ("no token", lambda: ""),
    "garbage": ("malformed", lambda: "not.a.token!"),
    "two parts": ("malformed", lambda: token().rpartition(".")[0]),
    "five parts, as if encrypted": ("malformed", lambda: f"{token()}.a.a"),
    "white space inside": ("malformed", lambda: token().replace(".", ". ", 1)),
    "letters of no alphabet": ("malformed", lambda: token() + "\u00e9"),
    "a huge token": ("too long", lambda: token(note="x" * 9000)),
    "alg none": ("malformed", lambda: unsigned("none")),
    "alg none with a signature": ("algorithm", lambda: unsigned("none", b"x")),
    "alg nOnE": ("algorithm", lambda: unsigned("nOnE", b"x")),
    "HMAC": ("algorithm", lambda: token("x" * 48, "HS384")),
    "HMAC with the public key": ("algorithm", lambda: hmac_with_public_key(PEM)),
    "HMAC with the public key, said to be ES384": ("signature", lambda: hmac_with_public_key(PEM, "ES384")),
    "ES256": ("algorithm", lambda: token(P256, "ES256")),
    "RS256": ("algorithm", lambda: token(RSA_KEY, "RS256", "rsa")),
    "RSA of 1024 bits": ("signature", short_rsa),
    "the algorithm of another key": ("key id", lambda: token(RSA_KEY, "RS384", "ec")),
    "another key": ("signature", lambda: token(OTHER)),
    "an empty signature": ("malformed", lambda: token().rpartition(".")[0] + "."),
    "a signature of zeros": ("signature", lambda: token().rpartition(".")[0] + "." + part(b"\0" * 96).decode()),
    "a short signature": ("signature", lambda: token()[:-10]),
    "changed claims": ("signature", tampered),
    "no type": ("type", lambda: signed(json.dumps(claims()), {"alg": "ES384", "kid": "ec"})),
    "another type": ("type", lambda: token(headers={"typ": "at+jwt"})),
    "no key id": ("key id", lambda: token(kid=None)),
    "a key id that is no text": ("key id", lambda: signed(json.dumps(claims()), {**SOUND_HEADER, "kid": 7})),
    "an unknown key id": ("key id", lambda: token(kid="unknown")),
    "a foreign jku": ("jku", lambda: token(OTHER, headers={"jku": "https://evil.example/jwks.json"})),
    "a jku that only begins like ours": ("jku", lambda: token(headers={"jku": f"{JKU}.evil.example"})),
    "an embedded jwk": ("key brought along", lambda: token(OTHER, headers={"jwk": public(OTHER, "ec")})),
    "an embedded certificate": ("key brought along", lambda: token(headers={"x5c": ["MII"]})),
    "a certificate's address": ("key brought along", lambda: token(headers={"x5u": "https://evil.example"})),
    "critical rules": ("key brought along", lambda: signed(json.dumps(claims()), {**SOUND_HEADER, "crit": ["b64"]})),
    "the wrong issuer": ("issuer", lambda: token(iss="https://stranger.example")),
    "our issuer with a slash": ("issuer", lambda: token(iss=f"{ISSUER}/")),
    "an issuer that is no text": ("issuer", lambda: signed(json.dumps(claims(iss=[ISSUER])))),
    "the discovery's audience": ("audience", lambda: token(aud=f"{BASE}/cds-services")),
    "the audience of the Host header": ("audience", lambda: token(aud=f"http://test{SERVICE}")),
    "another service's audience": ("audience", lambda: token(path="/cds-services/pilothouse-appointments")),
    "an audience that is a longer address": ("audience", lambda: token(aud=f"{BASE}{SERVICE}/")),
    "an audience that is an object": ("audience", lambda: signed(json.dumps(claims(aud={"a": BASE + SERVICE})))),
    "audiences that are no texts": ("audience", lambda: signed(json.dumps(claims(aud=[[BASE + SERVICE]])))),
    "expired": ("expired", lambda: token(iat=now() - 300, exp=now() - 31)),
    "not yet valid": ("not yet valid", lambda: token(nbf=now() + 60)),
    "issued in the future": ("not yet valid", lambda: token(iat=now() + 60, exp=now() + 120)),
    "a lifetime over five minutes": ("lifetime", lambda: token(exp=now() + 302)),
    "an end before its beginning": ("lifetime", lambda: token(iat=now(), exp=now() - 1)),
    "exp as text": ("exp", lambda: signed(json.dumps(claims(exp=str(now() + 60))))),
    "exp that is not a number": ("malformed", lambda: signed(json.dumps(claims(exp=float("nan"))))),
    "exp at the end of time": ("iat", lambda: signed(json.dumps(claims(exp=HUGE, iat=HUGE - 1)))),
    "iat true": ("iat", lambda: signed(json.dumps(claims(iat=True)))),
    "nbf as a list": ("nbf", lambda: signed(json.dumps(claims(nbf=[])))),
    "a jti that is no text": ("jti", lambda: signed(json.dumps(claims(jti=7)))),
    "a jti too long": ("jti", lambda: token(jti="x" * 257)),
    "an empty jti": ("jti", lambda: token(jti="")),
    "a jti with NUL": ("jti", lambda: token(jti="a\0b")),
    "a tenant that is not listed": ("tenant", lambda: token(tenant="elsewhere")),
    "a tenant that is no text": ("tenant", lambda: signed(json.dumps(claims(tenant=["harbour"])))),
    "no tenant where tenants are listed": ("tenant", lambda: token(without="tenant")),
    "claims nested without end": ("malformed", lambda: signed("[" * 4000)),
    "claims that are a list": ("malformed", lambda: signed("[]")),
    "claims that are no UTF-8": ("malformed", lambda: signed(b'{"iss": "\xff"}')),
    "a header that is a list": ("malformed", lambda: signed(json.dumps(claims()), b"[]")),
    "an algorithm that is a list": ("algorithm", lambda: signed(json.dumps(claims()), b'{"alg": ["ES384"]}')),
    **{f"no {name}": (check, lambda name=name: token(without=name)) for name, check in (
        ("iss", "issuer"), ("aud", "audience"), ("exp", "exp"), ("iat", "iat"), ("jti", "jti"),
    )},
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_gets_the_same_answer_and_the_log_says_which_check_failed(
    service: Client, attack: str, caplog: pytest.LogCaptureFixture
) -> None:
    check, make = ATTACKS[attack]
    written = make()
    answer = ask(service, written)
    refused = {**answer.json(), "instance": ""}
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = "" if check == "no token" else ', error="invalid_token"'
    assert answer.headers["www-authenticate"] == f'Bearer realm="cds-services"{error}'
    assert refused == {**ask(service, None).json(), "instance": ""}, "the body says nothing about the check"
    [said, _] = [record.getMessage() for record in caplog.records if record.name == "pilothouse.serving"]
    assert said.startswith(f"A token was refused: {check} (issuer ")
    assert not written or written not in caplog.text


def test_refusals_are_counted_by_their_check(service: Client) -> None:
    ask(service, token(kid="unknown"))
    assert 'pilothouse_refused_tokens_total{check="key id"}' in service.get("/metrics").text


def test_nothing_is_stored_of_a_call_that_is_refused(trusting: Home) -> None:
    with trusting.serving(base_url=BASE) as client:
        assert ask(client, token(OTHER)).status_code == 401
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: token(),
        lambda: token(RSA_KEY, "RS384", "rsa"),
        lambda: token(aud=["https://elsewhere", BASE + SERVICE]),
        lambda: token(headers={"jku": JKU}),
        lambda: token(nbf=now() + 20, iat=now() + 20, exp=now() + 320),
        lambda: token(iat=now() - 300, exp=now() - 20),
        lambda: token(iat=time.time() - 1.5, exp=now() + 200),
        lambda: signed(json.dumps(claims()), {**SOUND_HEADER, "typ": "jwt"}),
    ],
    ids=["ES384", "RS384", "two audiences", "our jku", "a clock ahead", "a clock behind", "fractions", "small letters"],
)
def test_a_sound_token_passes(service: Client, make: Callable[[], str]) -> None:
    assert ask(service, make()).status_code == 200


def test_a_token_for_the_site_s_own_address_passes(service: Client) -> None:
    site = f"/sites/city{SERVICE}"
    assert ask(service, token(path=site), site).status_code == 200
    assert ask(service, token(), site).status_code == 401


def test_the_scheme_is_written_in_any_case_and_is_no_other(service: Client) -> None:
    assert ask(service, token(), scheme="bearer").status_code == 200
    assert ask(service, token(), scheme="Basic").status_code == 401


def test_a_token_passes_once_even_after_a_restart(trusting: Home, caplog: pytest.LogCaptureFixture) -> None:
    written = token()
    assert status(trusting, written) == 200
    assert status(trusting, written) == 401
    assert f"used before (issuer {ISSUER})" in caplog.text


def test_of_one_token_sent_many_times_at_once_one_call_is_answered(service: Client) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    answers = service.together(SERVICE, [call() for _ in range(10)], headers=headers)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


def test_a_token_is_spent_by_a_call_that_is_refused_and_by_one_of_another_process(trusting: Home) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    with trusting.serving(base_url=BASE) as one, trusting.serving(base_url=BASE) as other:
        assert (
            one.post(SERVICE, content="{", headers={**headers, "content-type": "application/json"}).status_code == 400
        )
        assert other.post(SERVICE, json=call(), headers=headers).status_code == 401
        assert other.get("/api/v1/board/city/ED").json()["calls"] == 0, "nothing is stored of it"
        answered = [one.post(SERVICE, json=call(), headers=headers).status_code for _ in range(3)]
        assert answered == [401] * 3


def test_a_token_whose_call_could_not_be_stored_may_be_sent_again(
    trusting: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = token()
    with trusting.serving(base_url=BASE) as client:
        with monkeypatch.context() as patch:
            patch.setattr(EventStore, "record", _unavailable)
            assert ask(client, written).status_code == 503
        assert [ask(client, written).status_code for _ in range(2)] == [200, 401]


async def _unavailable(*_: object) -> None:
    raise StoreUnavailable("away")


def test_who_read_a_card_and_why_is_on_record_each_time_that_it_goes_out(trusting: Home) -> None:
    child = {**prefetch()["patient"], "birthDate": "2020-06-01"}
    sick, well = call(), call(prefetch(patient=child))
    with trusting.serving(base_url=BASE) as client:
        for body in (sick, sick, well, {**sick, "context": {**sick["context"], "userId": "Practitioner/n2"}}):
            client.post(SERVICE, json=body, headers={"Authorization": f"Bearer {token()}"})
    with create_engine(trusting.config().event_store_url).connect() as connection:
        rows = connection.execute(text("select client, user_key, why from serving_card_seen order by id")).all()
        [event] = connection.execute(text("select distinct event_id from serving_card_seen")).all()
        shown = connection.execute(text("select event_id from serving_event where is_displayed")).scalar_one()
    assert [(client, why) for client, _, why in rows] == [(ISSUER, "encounter-start")] * 2
    assert {key for _, key, _ in rows} == {pseudonym(KEY, "Staff", "Practitioner/n1")}
    assert event == (shown,), "neither a call without a card nor another call's hookInstance reads one"


def test_a_simulated_clock_that_runs_ahead_forgets_no_token(trusting: Home) -> None:
    trusting.now = datetime.now(UTC) + timedelta(days=3)
    written = token()
    with trusting.serving(base_url=BASE) as client:
        assert ask(client, written).status_code == 200
        ask(client, token())
        assert ask(client, written).status_code == 401


def test_a_token_for_the_service_is_good_for_its_feedback(trusting: Home) -> None:
    with trusting.serving(base_url=BASE) as client:
        card = ask(client, token()).json()["cards"][0]["uuid"]
        body = {"feedback": [{"card": card, "outcome": "overridden", "outcomeTimestamp": NOW.isoformat()}]}
        path = f"{SERVICE}/feedback"
        assert client.post(path, json=body).status_code == 401
        for audience in (SERVICE, path):
            headers = {"Authorization": f"Bearer {token(path=audience)}"}
            assert client.post(path, json=body, headers=headers).status_code == 200


@pytest.mark.parametrize(("sites", "expected"), [(["district"], 403), (["city"], 200)])
def test_a_client_may_be_trusted_for_some_sites_only(home: Home, sites: list[str], expected: int) -> None:
    assert status(trust(home, sites=sites), token()) == expected


def test_discovery_and_health_need_no_token(service: Client) -> None:
    assert [service.get(path).status_code for path in ("/cds-services", "/healthz", "/readyz")] == [200, 200, 200]
    assert service.get("/api/v1/status").json()["is_authenticated"] is True


@pytest.mark.parametrize("environment", ["validation", "production"])
def test_outside_development_nothing_starts_without_trusted_clients_and_an_https_address(
    home: Home, environment: str
) -> None:
    with pytest.raises(ServingRefused, match=rf"In {environment} every client .* list them in clients.json"):
        create_app(home.config(environment=environment))
    trust(home)
    with pytest.raises(ServingRefused, match=r"say it in clients.json as base_url"):
        create_app(home.config(environment=environment))
    write_clients(home.path, {"iss": ISSUER, "jwks_file": "jwks.json"}, base_url=BASE)
    create_app(home.config(environment=environment))


def test_the_audience_is_built_on_the_address_that_the_file_says(trusting: Home) -> None:
    write_clients(trusting.path, {"iss": ISSUER, "jwks_file": "jwks.json"}, base_url="https://hooks.example/pilot/")
    with trusting.serving() as client:
        assert ask(client, token(aud=f"https://hooks.example/pilot{SERVICE}")).status_code == 200
        assert ask(client, token()).status_code == 401


def test_development_says_openly_that_clients_are_not_authenticated(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pilothouse.serving"):
        create_app(home.config())
    assert "Clients are not authenticated" in caplog.text


def padded(key: Any, kid: str) -> dict[str, Any]:
    """A short RSA key that zeros before its modulus make look long."""
    entry = public(key, kid)
    modulus = base64.urlsafe_b64decode(entry["n"] + "==")
    return {**entry, "n": part(b"\0" * 128 + modulus).decode()}


SOUND = public(EC_KEY, "ec")


@pytest.mark.parametrize(
    ("clients", "jwks", "message"),
    [
        ([], None, "clients.json breaks its schema at clients"),
        ([{"iss": ISSUER}], None, "name jwks_file, a key set in the home folder, or jku"),
        ([{"iss": ISSUER, "jku": "http://ehr.example.org/jwks.json"}], None, r"breaks its schema at clients.0.jku"),
        ([{"iss": ISSUER, "jku": "https://u:p@ehr.example.org/"}], None, r"breaks its schema at clients.0.jku"),
        ([{"iss": ISSUER, "jwks_file": "../jwks.json"}], None, "breaks its schema at clients.0.jwks_file"),
        ([{"iss": ISSUER, "jwks_file": "a/../../jwks.json"}], None, "outside the home folder"),
        ([{"iss": ISSUER, "jwks_file": "absent.json"}], None, "is no key set"),
        ([LISTED] * 2, key_set(SOUND), "lists one issuer twice"),
        ([LISTED], key_set(), "holds no key"),
        ([LISTED], "[]", "is no key set"),
        ([LISTED], '{"keys": {}}', "must be a list"),
        ([LISTED], key_set({"kty": "oct", "k": "eA", "kid": "h"}), "neither EC P-384"),
        ([LISTED], key_set(public(P256, "w")), "neither EC P-384"),
        ([LISTED], key_set(public(RSA_1024, "w")), "neither EC P-384"),
        ([LISTED], key_set(padded(RSA_1024, "w")), "neither EC P-384"),
        ([LISTED], key_set({**SOUND, "y": SOUND["x"]}), "cannot be read"),
        ([LISTED], key_set({**SOUND, "d": "AA"}), "private key"),
        ([LISTED], key_set({**SOUND, "use": "enc"}), "not for signatures"),
        ([LISTED], key_set({**SOUND, "key_ops": 7}), "not for signatures"),
        ([LISTED], key_set({**SOUND, "alg": "ES256"}), "for another algorithm"),
        ([LISTED], key_set({**public(RSA_KEY, "r"), "alg": "RS256"}), "for another algorithm"),
        ([LISTED], key_set(SOUND, public(OTHER, "ec")), "one key id stands for two keys"),
        ([LISTED], key_set({**SOUND, "kid": ""}), "a key has no id"),
    ],
    ids=range(23),  # keys are drawn anew in every process, and a name must be the same in all
)
def test_a_list_of_clients_that_cannot_be_trusted_stops_the_start(
    tmp_path: Path, clients: list[Any], jwks: str | None, message: str
) -> None:
    write_clients(tmp_path, *clients)
    if jwks is not None:
        (tmp_path / "jwks.json").write_text(jwks)
    with pytest.raises(ServingRefused, match=message):
        load_clients(tmp_path, connect)


def test_a_list_of_another_schema_stops_the_start(home: Home) -> None:
    (home.path / "clients.json").write_text('{"schema": "pilothouse.clients/2", "clients": []}')
    with pytest.raises(ServingRefused, match="schema"):
        create_app(home.config())


class Published:
    """The web as the service sees it: one key set, and who was asked for what."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = entries
        self.asked: list[str] = []

    def connect(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(200, content=key_set(*self.entries))


def test_a_key_set_at_an_address_is_read_once_and_only_there(home: Home) -> None:
    home.point(home.release())
    write_clients(home.path, {"iss": ISSUER, "jku": JKU})
    web = Published(public(EC_KEY, "ec"), public(P256, "weak"))
    with home.serving(base_url=BASE, connect=web.connect) as client:
        assert web.asked == [], "nothing is fetched before a token needs it"
        foreign = token(OTHER, headers={"jku": "https://evil.example/jwks.json"})
        assert ask(client, foreign).status_code == 401
        assert web.asked == [], "an address of the token's own is never followed"
        for headers in ({}, {"jku": JKU}):
            assert ask(client, token(headers=headers)).status_code == 200
        for kid in ("a", "b", "weak"):
            assert ask(client, token(OTHER, kid=kid)).status_code == 401
    assert web.asked == [JKU]


def test_a_client_whose_key_set_cannot_be_reached_is_refused_and_not_believed(home: Home) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    home.point(home.release())
    write_clients(home.path, {"iss": ISSUER, "jku": JKU})
    with home.serving(base_url=BASE, connect=lambda: httpx.AsyncClient(transport=httpx.MockTransport(fail))) as client:
        assert ask(client, token()).status_code == 401


def test_an_issuer_over_its_own_rate_is_told_when_to_come_back_and_its_token_is_not_spent(home: Home) -> None:
    trust(home, calls_per_second=0.2)
    written = token()
    with home.serving(base_url=BASE) as client:
        assert ask(client, token()).status_code == 200
        refused = ask(client, written)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 1


def test_refused_tokens_use_up_their_address_and_never_hold_up_a_sound_one(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    trust(home, calls_per_second=1000)
    write_clients(home.path, {**LISTED, "calls_per_second": 1000}, calls_per_second=0.4)
    with home.serving(base_url=BASE) as client:
        assert [ask(client, token(OTHER)).status_code for _ in range(4)] == [401, 401, 429, 429]
        assert ask(client, token()).status_code == 200
    assert caplog.text.count("A token was refused") == 2, "a flood does not fill the log"


def test_outside_development_there_is_a_rate_and_origins_come_from_the_file(home: Home) -> None:
    trust(home)
    write_clients(home.path, LISTED, base_url=BASE, cors_origins=["https://ehr.example.org"])
    config = configured(home.config(environment="production"), load_clients(home.path, connect))
    assert (config.calls_per_second, config.cors_origins) == (100.0, ("https://ehr.example.org",))
    for origin in ("*", "https://*.example.org", "https://ehr.example.org/"):
        write_clients(home.path, LISTED, base_url=BASE, cors_origins=[origin])
        with pytest.raises(ServingRefused, match="cors_origins"):
            load_clients(home.path, connect)


@pytest.fixture
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusting_module, "LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(trusting_module, "RETRY_EVERY_SECONDS", 0.0)


@pytest.mark.usefixtures("looks_at_once")
def test_a_client_that_is_listed_or_struck_off_while_the_service_runs_is_trusted_or_not(
    trusting: Home, caplog: pytest.LogCaptureFixture
) -> None:
    other = "https://other.example.org"
    (trusting.path / "other.json").write_text(key_set(public(OTHER, "other")))
    with trusting.serving(base_url=BASE) as client:
        assert ask(client, token(OTHER, kid="other", iss=other)).status_code == 401
        write_clients(trusting.path, LISTED, {"iss": other, "jwks_file": "other.json"}, base_url="https://new.example")
        assert ask(client, token(OTHER, kid="other", iss=other)).status_code == 200
        assert "base_url changed: restart for that" in caplog.text
        write_clients(trusting.path, {"iss": other, "jwks_file": "other.json"})
        assert ask(client, token()).status_code == 401


@pytest.mark.usefixtures("looks_at_once")
@pytest.mark.parametrize("broken", ["gone", "{", "no key set", "too long"])
def test_a_list_that_cannot_be_trusted_changes_nothing_and_is_told_until_it_is_mended(
    trusting: Home, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = trusting.path / "clients.json"
    sound, told = path.read_text(), "The list from before is still used"
    with trusting.serving(base_url=BASE) as client:
        if broken == "gone":
            path.unlink()
        elif broken == "no key set":
            write_clients(trusting.path, {"iss": ISSUER, "jwks_file": "nowhere.json"})
        else:
            path.write_text(sound + " " * (1 << 20) if broken == "too long" else broken)
        for _ in range(3):
            assert ask(client, token()).status_code == 200
        assert told in client.get("/api/v1/status").json()["clients_problem"]
        assert "pilothouse_clients_refused 1.0" in client.get("/metrics").text
        assert caplog.text.count(told) == 1, "a broken file does not fill the log"
        path.write_text(sound)
        assert client.get("/api/v1/status").json()["clients_problem"] is None
        assert "pilothouse_clients_refused 0.0" in client.get("/metrics").text


def test_a_list_is_looked_at_once_a_second_at_most(trusting: Home) -> None:
    now = 0.0
    trust_now = trusting_of(trusting, lambda: now)
    write_clients(trusting.path, LISTED, {"iss": "https://b.example", "jku": JKU})
    asyncio.run(trust_now.look())
    assert trust_now.clients is not None and len(trust_now.clients.by_issuer) == 1
    now = 1.0
    asyncio.run(trust_now.look())
    assert len(trust_now.clients.by_issuer) == 2


def trusting_of(home: Home, clock: Callable[[], float]) -> Trust:
    return Trust(home.config(), load_clients(home.path, connect), Meters(), clock)

"""Trusting CDS clients: good tokens pass once, every other is refused."""

import json
import logging
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from serving_homes import SERVICE, Home, call

from ml.serving import ServingRefused
from ml.serving.app import create_app
from ml.serving.tokens import TrustedClients

BASE = "https://cds.example.org"
ISSUER = "https://ehr.example.org"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(*entries: dict[str, Any]) -> str:
    return json.dumps({"keys": list(entries)})


def public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


@pytest.fixture
def trusting(home: Home) -> Home:
    home.point(home.release())
    write_clients(home.path, {"iss": ISSUER, "jwks_file": "jwks.json"})
    (home.path / "jwks.json").write_text(key_set(public(EC_KEY, "ec"), public(RSA_KEY, "rsa")))
    return home


def write_clients(folder: Path, *clients: dict[str, Any]) -> None:
    document = {"schema": "pilothouse.clients/1", "clients": list(clients)}
    (folder / "clients.json").write_text(json.dumps(document))


def token(
    key: Any = EC_KEY,
    algorithm: str = "ES384",
    kid: str | None = "ec",
    without: str = "",
    path: str = SERVICE,
    **claims: Any,
) -> str:
    now = int(time.time())
    payload = {"iss": ISSUER, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid4()), **claims}
    payload.pop(without, None)
    return jwt.encode(payload, key, algorithm, headers={} if kid is None else {"kid": kid})


def status(home: Home, written: str | None, path: str = SERVICE) -> int:
    headers = {} if written is None else {"Authorization": f"Bearer {written}"}
    with home.serving(base_url=BASE) as client:
        response = client.post(path, json=call(), headers=headers)
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.status_code != 401 or response.headers["www-authenticate"] == "Bearer"
    return response.status_code


def test_signed_tokens_of_both_algorithms_pass(trusting: Home) -> None:
    assert status(trusting, token()) == 200
    assert status(trusting, token(RSA_KEY, "RS384", "rsa")) == 200
    assert status(trusting, token(aud=["https://elsewhere", BASE + SERVICE])) == 200
    site = f"/sites/city{SERVICE}"
    assert status(trusting, token(path=site), site) == 200


HMAC = "x" * 48
OTHER = ec.generate_private_key(ec.SECP384R1())
WEAK = ec.generate_private_key(ec.SECP256R1())


def forged_none() -> str:
    import base64

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"iss": ISSUER, "aud": BASE + SERVICE, "iat": now, "exp": now + 60, "jti": "1"}
    return f"{part({'alg': 'none', 'kid': 'ec'})}.{part(claims)}."


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: "",
        lambda: "not.a.token",
        lambda: "x" * 9000,
        forged_none,
        lambda: token(HMAC, "HS384"),
        lambda: token(OTHER),
        lambda: token(WEAK, "ES256"),
        lambda: token(RSA_KEY, "RS256", "rsa"),
        lambda: token(RSA_KEY, "RS384", "ec"),
        lambda: token(kid=None),
        lambda: token(kid="unknown"),
        lambda: token(iss="https://stranger.example"),
        lambda: token(aud="https://cds.example.org/cds-services"),
        lambda: token(aud=f"http://test{SERVICE}"),
        lambda: token(exp=int(time.time()) - 60),
        lambda: token(exp=int(time.time()) + 3600),
        lambda: token(iat=int(time.time()) + 600, exp=int(time.time()) + 700),
        lambda: token(jti=7),
        lambda: token(jti="x" * 257),
        lambda: token(jti=""),
        *[(lambda name=name: token(without=name)) for name in ("iss", "aud", "exp", "iat", "jti")],
    ],
)
def test_every_other_token_is_refused(trusting: Home, make: Any) -> None:
    assert status(trusting, make()) == 401


def test_a_token_passes_once_even_after_a_restart(trusting: Home) -> None:
    written = token()
    assert status(trusting, written) == 200
    assert status(trusting, written) == 401


def test_a_token_for_the_service_is_good_for_its_feedback(trusting: Home) -> None:
    from serving_homes import NOW

    with trusting.serving(base_url=BASE) as client:
        first = client.post(SERVICE, json=call(), headers={"Authorization": f"Bearer {token()}"})
        card = first.json()["cards"][0]["uuid"]
        body = {"feedback": [{"card": card, "outcome": "accepted", "outcomeTimestamp": NOW.isoformat()}]}
        path = f"{SERVICE}/feedback"
        assert client.post(path, json=body).status_code == 401
        for audience in (SERVICE, path):
            headers = {"Authorization": f"Bearer {token(path=audience)}"}
            assert client.post(path, json=body, headers=headers).status_code == 200


def test_a_client_may_be_trusted_for_some_sites_only(trusting: Home) -> None:
    write_clients(trusting.path, {"iss": ISSUER, "jwks_file": "jwks.json", "sites": ["district"]})
    assert status(trusting, token()) == 403
    write_clients(trusting.path, {"iss": ISSUER, "jwks_file": "jwks.json", "sites": ["city"]})
    assert status(trusting, token()) == 200


def test_discovery_and_health_need_no_token(trusting: Home) -> None:
    with trusting.serving(base_url=BASE) as client:
        assert [client.get(path).status_code for path in ("/cds-services", "/healthz", "/readyz")] == [200, 200, 200]
        assert client.get("/api/v1/status").json()["is_authenticated"] is True


def test_production_does_not_start_without_trusted_clients(home: Home) -> None:
    with pytest.raises(ServingRefused, match=r"list them in clients.json"):
        create_app(home.config(environment="production"))


def test_development_says_openly_that_clients_are_not_authenticated(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pilothouse.serving"):
        create_app(home.config())
    assert "Clients are not authenticated" in caplog.text


WEAK_RSA = {"kty": "RSA", "kid": "w", "n": "x" * 100, "e": "AQAB"}


@pytest.mark.parametrize(
    ("clients", "jwks", "message"),
    [
        ([], None, "clients.json breaks its schema at clients"),
        ([{"iss": ISSUER, "jwks_file": "../jwks.json"}], None, "breaks its schema at clients.0.jwks_file"),
        ([{"iss": ISSUER, "jwks_file": "a/../../jwks.json"}], None, "outside the home folder"),
        ([{"iss": ISSUER, "jwks_file": "absent.json"}], None, "is no key set"),
        ([{"iss": ISSUER, "jwks_file": "jwks.json"}] * 2, key_set(public(EC_KEY, "ec")), "lists one issuer twice"),
        ([{"iss": ISSUER, "jwks_file": "jwks.json"}], key_set(), "holds no key"),
        ([{"iss": ISSUER, "jwks_file": "jwks.json"}], "[]", "is no key set"),
        (
            [{"iss": ISSUER, "jwks_file": "jwks.json"}],
            key_set({"kty": "oct", "k": "eA", "kid": "h"}),
            "neither EC P-384",
        ),
        ([{"iss": ISSUER, "jwks_file": "jwks.json"}], key_set(public(WEAK, "w")), "neither EC P-384"),
        ([{"iss": ISSUER, "jwks_file": "jwks.json"}], key_set(WEAK_RSA), "neither EC P-384"),
    ],
    ids=range(10),  # keys are drawn anew in every process, and a name must be the same in all
)
def test_a_list_of_clients_that_cannot_be_trusted_stops_the_start(
    home: Home, clients: list[Any], jwks: str | None, message: str
) -> None:
    write_clients(home.path, *clients)
    if jwks is not None:
        (home.path / "jwks.json").write_text(jwks)
    with pytest.raises(ServingRefused, match=message):
        TrustedClients.load(home.path)


def test_a_list_of_another_schema_stops_the_start(home: Home) -> None:
    (home.path / "clients.json").write_text('{"schema": "pilothouse.clients/2", "clients": []}')
    with pytest.raises(ServingRefused, match="schema"):
        create_app(home.config())

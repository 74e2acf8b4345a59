"""A CDS client with keys of its own: what it lists with the service, and the tokens that it signs."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from serving_homes import SERVICE, Client, Home, call

BASE = "https://cds.example.org"
ISSUER = "https://ehr.example.org"
JKU = "https://ehr.example.org/jwks.json"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LISTED = {"iss": ISSUER, "jwks_file": "jwks.json"}


def key_set(*entries: dict[str, Any]) -> str:
    return json.dumps({"keys": list(entries)})


def public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


def write_clients(folder: Path, *clients: dict[str, Any], **more: Any) -> None:
    document = {"schema": "pilothouse.clients/1", "clients": list(clients), **more}
    (folder / "clients.json").write_text(json.dumps(document))


def behind_https(home: Home) -> None:
    """What a service needs outside development: an https address, and clients that it trusts."""
    write_clients(home.path, {"iss": ISSUER, "jwks_file": "jwks.json"}, base_url=BASE)
    (home.path / "jwks.json").write_text(key_set(public(EC_KEY, "ec")))


def trust(home: Home, **more: Any) -> Home:
    home.point(home.release())
    write_clients(home.path, {"iss": ISSUER, "jwks_file": "jwks.json", "jku": JKU, **more})
    (home.path / "jwks.json").write_text(key_set(public(EC_KEY, "ec"), public(RSA_KEY, "rsa")))
    return home


def claims(without: str = "", path: str = SERVICE, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    sound = {"iss": ISSUER, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid4()), "tenant": "harbour"}
    return {name: value for name, value in {**sound, **changes}.items() if name != without}


def token(
    key: Any = EC_KEY,
    algorithm: str = "ES384",
    kid: str | None = "ec",
    headers: dict[str, Any] | None = None,
    without: str = "",
    path: str = SERVICE,
    **changes: Any,
) -> str:
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(without, path, **changes), key, algorithm, headers={**named, **(headers or {})})


def ask(client: Client, written: str | None, path: str = SERVICE, scheme: str = "Bearer") -> Any:
    headers = {} if written is None else {"Authorization": f"{scheme} {written}".encode()}
    return client.post(path, json=call(), headers=headers)

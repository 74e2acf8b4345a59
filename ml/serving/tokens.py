"""Trusting CDS clients: signed tokens as CDS Hooks 2.0 asks (section "Trusting CDS Clients", RFC 7519).

Here belong `clients.json`, key sets and the checks of a token. Remembering spent tokens is the event store's.
The audience is compared with the configured base URL and never with the Host header, which the caller
chooses.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ml.registry.manifest import first_fault
from ml.serving import Problem, ServingRefused

CLIENTS_FILE = "clients.json"
SCHEMA = "pilothouse.clients/1"
ALGORITHMS = ("ES384", "RS384")
CURVE = "P-384"
MIN_RSA_BITS = 2048
LEEWAY_SECONDS = 30
MAX_LIFETIME_SECONDS = 15 * 60
"""The standard suggests five minutes at most; clocks and queues get some room, hours do not."""
MAX_TOKEN_LENGTH = 8192
MAX_JTI_LENGTH = 256
REQUIRED_CLAIMS = ["iss", "aud", "exp", "iat", "jti"]


class _Client(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: str = Field(min_length=1, max_length=512)
    jwks_file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$")
    sites: tuple[str, ...] | None = None


class _Clients(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["pilothouse.clients/1"] = Field(alias="schema")
    clients: tuple[_Client, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Token:
    """A token that was verified, but not yet spent."""

    issuer: str
    jti: str
    expires_at: datetime


@dataclass(frozen=True)
class _Trusted:
    keys: Mapping[str, jwt.PyJWK]
    sites: frozenset[str] | None


class TrustedClients:
    """The allow-list of issuers, with their keys by key id."""

    def __init__(self, clients: Mapping[str, _Trusted]) -> None:
        self._clients = clients

    @classmethod
    def load(cls, home: Path) -> "TrustedClients | None":
        """Read `<home>/clients.json` and the key sets it names; None when there is none.

        Raises `ServingRefused` for a file or a key that cannot be trusted.
        """
        path = home / CLIENTS_FILE
        if not path.exists():
            return None
        try:
            listed = _Clients.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ServingRefused(first_fault(CLIENTS_FILE, error)) from error
        trusted: dict[str, _Trusted] = {}
        for client in listed.clients:
            if client.iss in trusted:
                raise ServingRefused(f"{CLIENTS_FILE} lists one issuer twice; list its keys in one key set.")
            sites = None if client.sites is None else frozenset(client.sites)
            trusted[client.iss] = _Trusted(_keys(home, client.jwks_file), sites)
        return cls(trusted)

    def verify(self, authorization: str | None, audiences: list[str], site: str) -> Token:
        """Verify a bearer token for one of `audiences` at `site`.

        Raises `Problem` 401, or 403 for another site.
        """
        scheme, _, written = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(written) <= MAX_TOKEN_LENGTH:
            raise _unauthorised("a bearer token is required (CDS Hooks 2.0, Trusting CDS Clients)")
        client, key = self._key_of(written)
        try:
            claims = jwt.decode(
                written,
                key,
                algorithms=list(ALGORITHMS),
                audience=audiences,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.PyJWTError as error:
            raise _unauthorised(f"the token is refused ({type(error).__name__})") from error
        token = _token(claims)
        if client.sites is not None and site not in client.sites:
            raise Problem(HTTPStatus.FORBIDDEN, "site-not-allowed", "This client is not trusted for this site.")
        return token

    def _key_of(self, written: str) -> tuple[_Trusted, jwt.PyJWK]:
        try:
            header = jwt.get_unverified_header(written)
            issuer = jwt.decode(written, options={"verify_signature": False}).get("iss")
        except jwt.PyJWTError as error:
            raise _unauthorised("the token is malformed") from error
        if header.get("alg") not in ALGORITHMS:
            raise _unauthorised(f"the token must be signed with {' or '.join(ALGORITHMS)}")
        client = self._clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise _unauthorised("the token's issuer is not trusted here")
        key_id = header.get("kid")
        key = client.keys.get(key_id) if isinstance(key_id, str) else None
        if key is None or key.algorithm_name != header["alg"]:
            raise _unauthorised("the token's key is not in the issuer's key set")
        return client, key


def replayed() -> Problem:
    """The problem of a token that was used before."""
    return _unauthorised("the token was used before; sign a new one for every call")


def _token(claims: Mapping[str, Any]) -> Token:
    jti, expires, issued = claims["jti"], claims["exp"], claims["iat"]
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH or "\x00" in jti:
        raise _unauthorised(f"jti must be a string of at most {MAX_JTI_LENGTH} characters")
    if not isinstance(issued, int | float) or not 0 < expires - issued <= MAX_LIFETIME_SECONDS:
        raise _unauthorised(f"the token must expire within {MAX_LIFETIME_SECONDS // 60} minutes of being issued")
    return Token(str(claims["iss"]), jti, datetime.fromtimestamp(int(expires), tz=UTC))


def _keys(home: Path, name: str) -> dict[str, jwt.PyJWK]:
    path = (home / name).resolve()
    if not path.is_relative_to(home.resolve()):
        raise ServingRefused(f"{CLIENTS_FILE} names a key set outside the home folder; put it inside.")
    try:
        document = json.loads(path.read_bytes())
        keys = {str(entry["kid"]): jwt.PyJWK(entry, algorithm=_algorithm(entry)) for entry in document["keys"]}
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        raise ServingRefused(f"{name} is no key set of {' or '.join(ALGORITHMS)} keys with ids ({error}).") from error
    if not keys:
        raise ServingRefused(f"{name} holds no key; ask the client for its key set.")
    return keys


def _algorithm(entry: Mapping[str, Any]) -> str:
    if entry.get("kty") == "EC" and entry.get("crv") == CURVE:
        return "ES384"
    modulus = str(entry.get("n", "")) if entry.get("kty") == "RSA" else ""
    if len(modulus) * 6 >= MIN_RSA_BITS:
        return "RS384"
    raise ValueError(f"a key is neither EC {CURVE} nor RSA of at least {MIN_RSA_BITS} bits")


def _unauthorised(why: str) -> Problem:
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorised", f"Not answered: {why}.", headers)

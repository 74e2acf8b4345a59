"""A CDS client's token: signed as CDS Hooks 2.0 asks (section "Trusting CDS Clients", RFC 7515 and 7519).

Here belong the checks of a token. Whom the service trusts is `clients.py`; remembering spent tokens is the event
store's. The audience is compared with the configured base URL and never with the Host header, which the caller chooses.

Every refusal is the same 401: which check failed stands in the log and in the metrics, for the operator, and not in
the answer, for whoever tries.
"""

import asyncio
import base64
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import jwt
import orjson

from ml.serving import Problem
from ml.serving.beside import Beside
from ml.serving.clients import Clients, TrustedClient
from ml.serving.keysets import ALGORITHMS

LOG = logging.getLogger("pilothouse.serving")

LEEWAY_SECONDS = 30
MAX_LIFETIME_SECONDS = 5 * 60
MAX_TOKEN_LENGTH = 8192
MAX_JTI_LENGTH = 256
MAX_TENANT_LENGTH = 256
NAMED_KEYS = frozenset({"jwk", "x5u", "x5c", "crit"})
"""Header members that bring a key along, or ask for rules that are not known here: such a token is refused."""
MAX_SECONDS = 1e11
"""The year 5138: what lies beyond is no time of a token."""
UNSENT = "no token"
REPLAYED = "used before"
_WRITTEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenRefused(Exception):
    """A token fails a check. `check` is a word of ours, never of the token's."""

    def __init__(self, check: str, issuer: str = "") -> None:
        super().__init__(check)
        self.check = check
        self.issuer = issuer


@dataclass(frozen=True)
class Token:
    """A token that was verified, but not yet spent."""

    client: TrustedClient
    jti: str
    expires_at: datetime
    tenant: str | None = None

    @property
    def issuer(self) -> str:
        return self.client.issuer


@dataclass(frozen=True)
class Checking:
    """A token whose signature is being checked in a thread, while whoever started it reads the call."""

    client: TrustedClient
    claims: Mapping[str, Any]
    is_signed: "asyncio.Future[bool]"

    async def token(self, audiences: list[str], clock: Callable[[], float] = time.time) -> Token:
        """The token, for one of `audiences`; `clock` is the world's, in seconds. Raises `TokenRefused`."""
        try:
            if not await self.is_signed:
                raise TokenRefused("signature")
            return _token(self.client, self.claims, audiences, clock())
        except TokenRefused as refused:
            raise TokenRefused(refused.check, self.client.issuer) from refused


async def begin_check(clients: Clients, authorization: str | None, thread: Beside) -> Checking:
    """Begin to check a bearer token: whose it is, and in `thread` its signature, which takes longest.

    OpenSSL checks a signature without Python's lock. Raises `TokenRefused`.
    """
    written = _bearer(authorization)
    signed, _, signature = written.rpartition(".")
    header, claims = (_decoded(part) for part in signed.split("."))
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefused("algorithm")
    if str(header.get("typ")).upper() != "JWT":
        raise TokenRefused("type")
    if NAMED_KEYS & header.keys():
        raise TokenRefused("key brought along")
    issuer = claims.get("iss")
    client = clients.by_issuer.get(issuer) if isinstance(issuer, str) else None
    if client is None:
        raise TokenRefused("issuer")
    try:
        key = await _key(client, header)
    except TokenRefused as refused:
        raise TokenRefused(refused.check, client.issuer) from refused
    return Checking(client, claims, thread.submit(partial(_is_signed, key, signed, signature)))


def unauthorised(refused: TokenRefused) -> Problem:
    """The one problem of every refusal. Says in the log, without the token, which check failed."""
    LOG.warning("A token was refused: %s (issuer %s).", refused.check, refused.issuer or "not listed")
    asked = 'Bearer realm="cds-services"'
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorised",
        "Not answered: a valid token of a trusted client is required, new for every call (CDS Hooks 2.0, Trusting CDS "
        "Clients). The service's operator finds in its log which check failed.",
        {"WWW-Authenticate": asked if refused.check == UNSENT else f'{asked}, error="invalid_token"'},
    )


def _bearer(authorization: str | None) -> str:
    scheme, _, written = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not written:
        raise TokenRefused(UNSENT)
    if len(written) > MAX_TOKEN_LENGTH:
        raise TokenRefused("too long")
    if _WRITTEN.fullmatch(written) is None:
        raise TokenRefused("malformed")
    return written


def _decoded(part: str) -> dict[str, Any]:
    try:
        document = orjson.loads(_bytes(part))
    except ValueError as error:
        raise TokenRefused("malformed") from error
    if not isinstance(document, dict):
        raise TokenRefused("malformed")
    return document


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def _key(client: TrustedClient, header: Mapping[str, Any]) -> jwt.PyJWK:
    if "jku" in header and (client.jku is None or header["jku"] != client.jku):
        raise TokenRefused("jku")
    key_id = header.get("kid")
    key = await client.keys.key(key_id) if isinstance(key_id, str) else None
    if key is None or key.algorithm_name != header["alg"]:
        raise TokenRefused("key id")
    return key


def _is_signed(key: jwt.PyJWK, signed: str, signature: str) -> bool:
    try:
        return key.Algorithm.verify(signed.encode(), key.key, _bytes(signature))
    except ValueError:
        return False


def _token(client: TrustedClient, claims: Mapping[str, Any], audiences: list[str], now: float) -> Token:
    _check_audience(claims.get("aud"), audiences)
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if not 0 < expires - issued <= MAX_LIFETIME_SECONDS:
        raise TokenRefused("lifetime")
    if expires + LEEWAY_SECONDS <= now:
        raise TokenRefused("expired")
    if max(issued, _seconds(claims, "nbf") if "nbf" in claims else issued) - LEEWAY_SECONDS > now:
        raise TokenRefused("not yet valid")
    jti, tenant = claims.get("jti"), claims.get("tenant")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH or "\x00" in jti:
        raise TokenRefused("jti")
    if tenant is not None and (not isinstance(tenant, str) or not 0 < len(tenant) <= MAX_TENANT_LENGTH):
        raise TokenRefused("tenant")
    if client.tenants is not None and tenant not in client.tenants:
        raise TokenRefused("tenant")
    return Token(client, jti, datetime.fromtimestamp(expires, tz=UTC), tenant)


def _check_audience(said: object, audiences: list[str]) -> None:
    named = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if not all(isinstance(one, str) for one in named) or not set(named) & set(audiences):
        raise TokenRefused("audience")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        raise TokenRefused(name)
    return float(value)

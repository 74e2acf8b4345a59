"""Tokens by SMART Backend Services: a signed assertion for a short-lived access token (SMART App Launch 2, "client-
confidential-asymmetric" and "backend-services").

What does not belong here: what is asked with a token (web.py). Key, assertion and token are never logged or told.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt

from orchestration.feeds.bulk_export.addresses import require_secure, told
from orchestration.feeds.bulk_export.bounds import Pace
from orchestration.feeds.bulk_export.errors import ExportRefused, ExportUnreachable, ExportUnsafe
from orchestration.sites.bulk_export import BulkExport

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 240  # the standard allows at most five minutes
DEFAULT_LIFE, EARLY = 300.0, 30.0  # seconds: of a token that does not say, and before its end a new one is asked for
ERROR = re.compile(r"[a-z_]{1,40}")
TOKEN = re.compile(r"[!-~]{1,16384}")
OK = 200


@dataclass
class BackendServices:
    """The token of one client at one server, asked for when it is needed."""

    client: httpx.Client
    terms: BulkExport
    key: "SigningKey"
    pace: Pace
    _endpoint: str = ""
    _token: str = field(default="", repr=False)
    _until: float = 0.0

    def __call__(self, fresh: bool) -> str:
        """Return a token. Raises `ExportRefused` and `ExportUnreachable`."""
        if fresh or not self._token or self.pace.now() >= self._until - EARLY:
            self._renew()
        return self._token

    def _renew(self) -> None:
        endpoint = self._found_endpoint()
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(self.terms.scopes),
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.key.assertion(self.terms.client_id or "", endpoint, self.pace.now()),
        }
        status, document = self._asked("POST", endpoint, form)
        token, kind = document.get("access_token"), str(document.get("token_type", "")).lower()
        if status != OK or not isinstance(token, str) or not TOKEN.fullmatch(token) or kind != "bearer":
            why = str(document.get("error", ""))
            told_why = why if ERROR.fullmatch(why) else f"status {status}"
            raise ExportRefused(
                f"{told(endpoint)} gives no token ({told_why}): see that the server knows the public key "
                f"{self.key.kid!r} of client {self.terms.client_id!r} and allows it {' '.join(self.terms.scopes)!r}."
            )
        life = document.get("expires_in")
        self._token = token
        self._until = self.pace.now() + (float(life) if isinstance(life, int | float) else DEFAULT_LIFE)

    def _found_endpoint(self) -> str:
        """Return the token endpoint that the site's file names, or the server's own configuration."""
        if not self._endpoint:
            self._endpoint = self.terms.token_url or self._discovered()
            require_secure(self._endpoint)
        return self._endpoint

    def _discovered(self) -> str:
        url = f"{self.terms.base_url.rstrip('/')}/.well-known/smart-configuration"
        status, document = self._asked("GET", url, None)
        endpoint = document.get("token_endpoint")
        if status != OK or not isinstance(endpoint, str):
            raise ExportRefused(
                f"{told(url)} names no token endpoint (status {status}); name it as bulk_export.token_url in the "
                "site's file, or correct bulk_export.base_url."
            )
        known = document.get("token_endpoint_auth_signing_alg_values_supported")
        if isinstance(known, list) and known and self.key.algorithm not in known:
            raise ExportRefused(f"{told(url)} does not take {self.key.algorithm}; register a key of another kind.")
        return endpoint

    def _asked(self, method: str, url: str, form: dict[str, str] | None) -> tuple[int, dict[str, Any]]:
        require_secure(url)
        try:
            response = self.client.request(
                method, url, data=form, headers={"Accept": "application/json"}, follow_redirects=False
            )
        except httpx.TransportError as error:
            raise ExportUnreachable(
                f"{told(url)} does not answer ({type(error).__name__}); run the same command again later."
            ) from None
        try:
            document = response.json()
        except ValueError:
            document = None
        return response.status_code, document if isinstance(document, dict) else {}


@dataclass(frozen=True)
class SigningKey:
    """A private key, the name under which the server knows its public half, and the algorithm."""

    secret: Any = field(repr=False)
    kid: str
    algorithm: str

    def assertion(self, client_id: str, endpoint: str, now: float) -> str:
        """Return a signed assertion that is good once, for four minutes."""
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": endpoint,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        try:
            return jwt.encode(claims, self.secret, algorithm=self.algorithm, headers={"kid": self.kid})
        except (jwt.PyJWTError, TypeError, ValueError):
            raise ExportUnsafe(f"The key {self.kid!r} is no private key for {self.algorithm}; see its file.") from None


def read_key(path: Path, terms: BulkExport) -> SigningKey:
    """Read a PEM or JWK (or JWKS) file that only its owner can read. Raises `ExportUnsafe`."""
    if not path.is_file():
        raise ExportUnsafe(f"There is no key file {path.name!r} under the home; see bulk_export.key_file.")
    if path.stat().st_mode & 0o077:
        raise ExportUnsafe(f"{path.name} is readable by others than its owner; run: chmod 600 on it.")
    content = path.read_bytes()
    if not content.lstrip().startswith(b"{"):
        return SigningKey(content, terms.key_id or "", terms.algorithm)
    try:
        document = json.loads(content)
        listed = document.get("keys", [document])
        chosen = next(one for one in listed if terms.key_id in (None, one.get("kid")) and "d" in one)
        return SigningKey(jwt.PyJWK(chosen, terms.algorithm).key, str(chosen.get("kid") or ""), terms.algorithm)
    except (ValueError, StopIteration, AttributeError, TypeError, jwt.PyJWTError):
        raise ExportUnsafe(
            f"{path.name} holds no private key {terms.key_id or ''!r} for {terms.algorithm} in PEM or JWK form."
        ) from None

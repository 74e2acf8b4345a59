"""Key sets of CDS clients (RFC 7517): which keys are good enough, and when a set is read again.

Here belong the checks of a key and the life of a set in memory. Which set is whose is `clients.py`; checking a token
with a key is `tokens.py`.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt
import orjson

from ml.serving.outbound import Unreachable

LOG = logging.getLogger("pilothouse.serving")

CURVE = "P-384"
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
ALGORITHMS = ("ES384", "RS384")
"""What CDS Hooks 2.0 recommends (JWT Signing Algorithm); HMAC and `none` it forbids."""
MAX_KEYS = 100
MAX_BYTES = 256 * 1024
ASK_AGAIN_SECONDS = 60.0
"""A key id that is not known makes the set be read again, at most this often."""
REFRESH_SECONDS = 3600.0
"""A set this old is read again beside the calls, so that a key that was taken back goes."""
EXPIRY_SECONDS = 24 * 3600.0
"""A set that could not be read again for this long is believed no more."""

Keys = Mapping[str, jwt.PyJWK]


class KeySetInvalid(ValueError):
    """A document is no key set that can be trusted; the message says why and holds no key."""


def parse_keys(document: bytes, *, is_strict: bool) -> dict[str, jwt.PyJWK]:
    """The keys by id. A strict reading refuses a set with any key that is not good enough; another leaves it out.

    Raises `KeySetInvalid`.
    """
    try:
        entries = orjson.loads(document)["keys"]
        if not isinstance(entries, list) or len(entries) > MAX_KEYS:
            raise KeySetInvalid(f"keys must be a list of at most {MAX_KEYS}")
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise KeySetInvalid(f"no JSON object with keys ({type(error).__name__})") from error
    found: dict[str, jwt.PyJWK] = {}
    for entry in entries:
        try:
            kid, key = _key(entry)
        except KeySetInvalid:
            if is_strict:
                raise
            continue
        if kid in found:
            raise KeySetInvalid("one key id stands for two keys")
        found[kid] = key
    return found


def _key(entry: object) -> tuple[str, jwt.PyJWK]:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or not entry["kid"]:
        raise KeySetInvalid("a key has no id")
    if "d" in entry:
        raise KeySetInvalid("it holds a private key; ask the client for the public ones, and for new ones")
    uses = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        raise KeySetInvalid("a key is not for signatures")
    algorithm = _algorithm(entry)
    if entry.get("alg", algorithm) != algorithm:
        raise KeySetInvalid(f"a key is for another algorithm than {' or '.join(ALGORITHMS)}")
    try:
        return entry["kid"], jwt.PyJWK(entry, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise KeySetInvalid(f"a key cannot be read ({type(error).__name__})") from error


def _algorithm(entry: Mapping[str, Any]) -> str:
    if entry.get("kty") == "EC" and entry.get("crv") == CURVE:
        return "ES384"
    if entry.get("kty") == "RSA" and MIN_RSA_BITS <= _bits(entry.get("n")) <= MAX_RSA_BITS:
        return "RS384"
    raise KeySetInvalid(f"a key is neither EC {CURVE} nor RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")


def _bits(modulus: object) -> int:
    """The length of the number itself: zeros before it make a weak key look long."""
    try:
        return int.from_bytes(base64.urlsafe_b64decode(str(modulus) + "==")).bit_length()
    except ValueError:
        return 0


class KeySet:
    """The keys of one issuer, parsed once, and read again when a key is not known or the set is old.

    `read` gives the document or raises `Unreachable`; `clock` counts seconds.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        keys: Keys | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock = read, clock
        self._keys: Keys = keys or {}
        self._read_at = clock()
        self._asked_at = self._read_at if keys else float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id; None where the issuer has none. Known keys never wait for a network."""
        age = self._clock() - self._read_at
        known = self._keys.get(key_id) if age <= EXPIRY_SECONDS else None
        if known is not None:
            if age > REFRESH_SECONDS:
                self._ask()
            return known
        asking = self._ask()
        if asking is not None:
            await asyncio.shield(asking)
        return self._keys.get(key_id) if self._clock() - self._read_at <= EXPIRY_SECONDS else None

    def _ask(self) -> asyncio.Task[None] | None:
        """Read the set again unless that was just done; all who wait for it wait for the same reading."""
        if self._asking is not None and not self._asking.done():
            return self._asking
        now = self._clock()
        if now - self._asked_at < ASK_AGAIN_SECONDS:
            return None
        self._asked_at = now
        self._asking = asyncio.create_task(self._read_again())
        return self._asking

    async def _read_again(self) -> None:
        try:
            keys = parse_keys(await self._read(), is_strict=False)
        except (Unreachable, KeySetInvalid) as error:
            LOG.warning(
                "A client's key set could not be read again: %s. The last one is used until it is a day old.", error
            )
            return
        if not keys:
            LOG.warning("A client's key set holds no usable key any more: every token of it is refused.")
        self._keys, self._read_at = keys, self._clock()

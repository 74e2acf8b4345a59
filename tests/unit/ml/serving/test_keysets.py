"""The life of a key set: parsed once, read again when a key is unknown or the set is old, and never too often."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from ml.serving.keysets import (
    ASK_AGAIN_SECONDS,
    EXPIRY_SECONDS,
    REFRESH_SECONDS,
    KeySet,
    KeySetInvalid,
    parse_keys,
)
from ml.serving.outbound import Unreachable, fetch_once

KEYS = {kid: ec.generate_private_key(ec.SECP384R1()).public_key() for kid in ("old", "new")}


def entry(kid: str) -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(KEYS[kid])), "kid": kid}


@dataclass
class Issuer:
    """What an issuer publishes, how often it was asked, and the time it is."""

    published: list[Any] = field(default_factory=list)
    asked: int = 0
    now: float = 0.0
    is_down: bool = False

    async def read(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise Unreachable("ConnectError")
        return json.dumps({"keys": self.published}).encode()

    def key_set(self, **known: Any) -> KeySet:
        return KeySet(self.read, known or None, clock=lambda: self.now)


def known(*kids: str) -> dict[str, Any]:
    return dict(parse_keys(json.dumps({"keys": [entry(kid) for kid in kids]}).encode(), is_strict=True))


def test_a_known_key_asks_nobody() -> None:
    issuer = Issuer()
    keys = issuer.key_set(**known("old"))
    for issuer.now in (0.0, REFRESH_SECONDS):
        assert asyncio.run(keys.key("old")) is not None
    assert issuer.asked == 0


def test_the_first_unknown_key_is_asked_for_and_found() -> None:
    issuer = Issuer([entry("new")])
    keys = issuer.key_set()

    async def twice() -> None:
        assert await keys.key("new") is not None
        assert await keys.key("new") is not None

    asyncio.run(twice())
    assert issuer.asked == 1


def test_unknown_keys_make_the_issuer_be_asked_once_a_minute_and_no_more() -> None:
    issuer = Issuer([entry("old")])
    keys = issuer.key_set()

    async def many() -> None:
        assert await asyncio.gather(*(keys.key(f"forged-{number}") for number in range(50))) == [None] * 50

    asyncio.run(many())
    assert issuer.asked == 1
    issuer.now = ASK_AGAIN_SECONDS - 0.001
    asyncio.run(many())
    assert issuer.asked == 1
    issuer.now = ASK_AGAIN_SECONDS
    asyncio.run(many())
    assert issuer.asked == 2


def test_a_rotated_key_is_found_and_the_old_one_goes() -> None:
    issuer = Issuer([entry("old")])
    keys = issuer.key_set()

    async def rotate() -> None:
        assert await keys.key("old") is not None
        issuer.published, issuer.now = [entry("new")], ASK_AGAIN_SECONDS
        assert await keys.key("new") is not None
        assert await keys.key("old") is None

    asyncio.run(rotate())


def test_an_old_set_is_read_again_beside_the_call_so_that_a_key_taken_back_goes() -> None:
    issuer = Issuer([entry("old")])
    keys = issuer.key_set()

    async def later() -> None:
        await keys.key("old")
        issuer.published, issuer.now = [entry("new")], REFRESH_SECONDS + 1
        assert await keys.key("old") is not None, "this call does not wait"
        await asyncio.sleep(0.01)
        assert await keys.key("old") is None

    asyncio.run(later())


def test_an_issuer_that_is_down_is_believed_for_a_day(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer(is_down=True)
    keys = issuer.key_set(**known("old"))

    async def down() -> None:
        issuer.now = EXPIRY_SECONDS
        assert await keys.key("old") is not None
        issuer.now = EXPIRY_SECONDS + 1
        assert await keys.key("old") is None

    with caplog.at_level(logging.WARNING, "pilothouse.serving"):
        asyncio.run(down())
    assert "could not be read again: ConnectError" in caplog.text


def test_of_a_published_set_only_keys_that_are_good_enough_are_taken() -> None:
    weak = {**json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())), "kid": "weak"}
    document = json.dumps({"keys": [weak, {"kty": "RSA"}, 7, None, {**entry("old"), "use": "enc"}, entry("new")]})
    assert set(parse_keys(document.encode(), is_strict=False)) == {"new"}
    with pytest.raises(KeySetInvalid, match="neither EC P-384"):
        parse_keys(document.encode(), is_strict=True)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 7}', b"\xff", json.dumps({"keys": [{}] * 101}).encode()]
)
def test_what_is_no_key_set_is_said_to_be_none(document: bytes) -> None:
    with pytest.raises(KeySetInvalid):
        parse_keys(document, is_strict=False)


def _web(answer: Callable[[httpx.Request], Any]) -> Callable[[], httpx.AsyncClient]:
    return lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def _never(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(30)
    return httpx.Response(200)


def _broken(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: httpx.Response(302, headers={"Location": "https://evil.example"}), "status 302"),
        (lambda _: httpx.Response(500), "status 500"),
        (lambda _: httpx.Response(200, content=b"x" * 101), "over 100 bytes"),
        (_broken, "ConnectError"),
        (_never, "no answer within"),
    ],
    ids=["redirect", "failure", "too large", "no connection", "no answer"],
)
def test_a_key_set_is_fetched_without_redirects_and_within_bounds(answer: Any, message: str) -> None:
    with pytest.raises(Unreachable, match=message):
        asyncio.run(fetch_once(_web(answer), "https://ehr.example/jwks.json", 100, 0.05))


def test_a_key_set_that_is_as_large_as_it_may_be_is_fetched() -> None:
    got = fetch_once(_web(lambda _: httpx.Response(200, content=b"x" * 100)), "https://ehr.example/jwks.json", 100, 1)
    assert asyncio.run(got) == b"x" * 100

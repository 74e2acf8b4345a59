"""How the service reaches out to others: a client's key set, a client's FHIR server.

Here belong the connection and its bounds: https only, no redirect, a deadline, a largest answer. Whom it may reach is
decided by who asks (`clients.py`).
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

Connect = Callable[[], httpx.AsyncClient]


class Unreachable(Exception):
    """Nothing usable came back; the message names the failure, never the address or what was sent."""


def connect() -> httpx.AsyncClient:
    """A client that trusts the system's certificate authorities, follows neither the environment nor a redirect, and
    keeps no cookie: one call's session is never another's."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    context = ssl.create_default_context()
    return httpx.AsyncClient(verify=context, follow_redirects=False, trust_env=False, cookies=no_cookies)


async def fetch(
    client: httpx.AsyncClient, url: str, most_bytes: int, headers: Mapping[str, str] | None = None
) -> bytes:
    """The body of a 200 answer of at most `most_bytes`. The caller sets the deadline. Raises `Unreachable`."""
    try:
        async with client.stream("GET", url, headers=dict(headers or {}), timeout=None) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise Unreachable(f"status {answer.status_code}")
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > most_bytes:
                    raise Unreachable(f"an answer of over {most_bytes} bytes")
            return bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise Unreachable(type(error).__name__) from error


async def fetch_once(connect_: Connect, url: str, most_bytes: int, seconds: float) -> bytes:
    """Fetch over a connection of its own, within `seconds`. Raises `Unreachable`."""
    try:
        async with asyncio.timeout(seconds), connect_() as client:
            return await fetch(client, url, most_bytes)
    except TimeoutError as error:
        raise Unreachable(f"no answer within {seconds:g} seconds") from error

"""The bound on what one request may send: size, time to send it, and the kind of content.

An ASGI middleware in front of the framework, so that nothing larger is ever held, and a check of the media type. What a
body means is not their business.
"""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml.serving import Problem
from ml.serving.problems import MEDIA_TYPE, problem_body

JSON = "application/json"


class BodyLimit:
    """Answer 413 for a body over `limit_bytes` and 408 for one that takes over `timeout_seconds` to
    arrive.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, timeout_seconds: float) -> None:
        self._app = app
        self._limit = limit_bytes
        self._timeout = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body within the bounds, then hand it on as one message."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        if self._declares_too_much(scope):
            await self._refuse(scope, send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._read(receive)
        except TimeoutError:
            await self._refuse(scope, send, HTTPStatus.REQUEST_TIMEOUT)
            return
        if body is None:
            await self._refuse(scope, send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        await self._app(scope, _replay(body, receive), send)

    def _declares_too_much(self, scope: Scope) -> bool:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        return declared.isdigit() and int(declared[:20]) > self._limit

    async def _read(self, receive: Receive) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b""
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _refuse(self, scope: Scope, send: Send, status: HTTPStatus) -> None:
        too_large = status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        kind = "body-too-large" if too_large else "body-too-slow"
        bound = f"larger than {self._limit} bytes" if too_large else f"slower than {self._timeout:g} seconds"
        body = problem_body(scope["path"], status, kind, f"The body is {bound}; send the prefetch of one visit only.")
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await send(
            {
                "type": "http.response.start",
                "status": int(status),
                "headers": [*headers, (b"connection", b"close")],
            }
        )
        await send({"type": "http.response.body", "body": body})


def require_json(content_type: str | None) -> None:
    """Raise `Problem` 415 for a body that says it is something else than JSON; one that says nothing is decoded."""
    if content_type is None or content_type.partition(";")[0].strip().lower() == JSON:
        return
    raise Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "not-json-content",
        f"The body says that it is something else than JSON; send it with Content-Type: {JSON}.",
        {"Accept": JSON},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    is_sent = False

    async def replay() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

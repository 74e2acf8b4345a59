"""Bytes that are no HTTP, answered with a problem document as everything else is.

What does not belong here: requests that could be read (`problems.py`). uvicorn answers these itself, before there is a
request, and in plain text.
"""

import asyncio
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ml.serving.headers import HEADERS
from ml.serving.problems import MEDIA_TYPE, problem_body

DETAIL = "What came is no HTTP/1.1 request (RFC 9112), and the connection is closed; connect and send it anew."


def answer() -> bytes:
    """The answer as it goes over the wire. No address is known, so that `instance` is empty."""
    status = HTTPStatus.BAD_REQUEST
    body = problem_body("", status, "broken-http", DETAIL)
    headers = {**HEADERS, "Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Answering:
    transport: asyncio.Transport

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words say less
        """What both of uvicorn's protocols (h11, httptools) call where they can read no request."""
        self.transport.write(answer())
        self.transport.close()


HttpProtocol = cast("type[asyncio.Protocol]", type("HttpProtocol", (_Answering, AutoHTTPProtocol), {}))
"""The protocol that uvicorn would take by itself, but for that answer."""

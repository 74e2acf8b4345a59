"""Security headers of every answer (OWASP HTTP Headers; HTML pages may use what they hold in themselves).

Here belong the headers and the middleware that adds them. CORS is the framework's.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLAIN_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": PLAIN_POLICY,
}
ONE_YEAR = "max-age=31536000"


class SecurityHeaders:
    """An ASGI middleware that adds what an answer does not say itself. Over https, it asks for https from then on."""

    def __init__(self, app: ASGIApp, is_https: bool) -> None:
        self._app = app
        more = {"Strict-Transport-Security": ONE_YEAR} if is_https else {}
        self._plain = _encoded({**HEADERS, **more})
        self._page = _encoded({**HEADERS, **more, "Content-Security-Policy": PAGE_POLICY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers as the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower(): value for name, value in message["headers"]}
                is_page = said.get(b"content-type", b"").startswith(b"text/html")
                ours = self._page if is_page else self._plain
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in ours if name.lower() not in said),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


class HeadAsGet:
    """An ASGI middleware that answers HEAD as GET without its body (RFC 9110, 9.3.2): load balancers probe with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask for the page, and send of it what stands before the body."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]

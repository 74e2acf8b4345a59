"""Asking the server: with the token where it may be seen, patiently, within bounds, following few redirects.

What does not belong here: what is asked for (exporter.py), and how a token is come by (tokens.py).
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from orchestration.feeds.bulk_export.addresses import joined, origin_of, require_secure, told
from orchestration.feeds.bulk_export.bounds import Bounds, Pace
from orchestration.feeds.bulk_export.errors import ExportRefused, ExportUnreachable, ExportUnsafe
from orchestration.feeds.bulk_export.outcomes import codes_of

JSON_TYPE = "application/fhir+json"
PASSING = frozenset({429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
UNAUTHORISED = 401


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Web:
    """One server. `token` gives the token, a fresh one when asked; null where the server wants none.

    `trusted` are the origins that may see it.
    """

    client: httpx.Client
    token: Callable[[bool], str] | None
    trusted: frozenset[str]
    bounds: Bounds
    pace: Pace

    def ask(self, url: str, headers: Mapping[str, str], *, method: str = "GET", with_token: bool = True) -> Answer:
        """Return an answer that is no passing failure. Raises `ExportUnreachable` when failing goes on."""
        why = "nothing"
        for attempt in range(self.bounds.tries):
            try:
                with self.stream(url, headers, method=method, with_token=with_token) as response:
                    found = Answer(response.status_code, response.headers, self._bounded(response, url))
            except httpx.TransportError as error:
                wait, why = self.guess(attempt), type(error).__name__
            else:
                if found.status not in PASSING:
                    return found
                wait = self.wait_of(found.headers, attempt)
                why = f"{found.status}{codes_of(found.body)}"
            if attempt + 1 < self.bounds.tries:
                self.pace.sleep(wait)
        raise ExportUnreachable(
            f"{told(url)} failed {self.bounds.tries} times, last with {why}. What came so far is kept: run the same "
            "command again later."
        )

    @contextmanager
    def stream(
        self, url: str, headers: Mapping[str, str], *, method: str = "GET", with_token: bool = True
    ) -> Generator[httpx.Response]:
        """Open an answer; an expired token is renewed once. Raises `ExportUnsafe`, and `httpx.TransportError`."""
        response = self._sent(url, headers, method, with_token, fresh=False)
        if response.status_code == UNAUTHORISED and with_token and self.token is not None:
            response.close()
            response = self._sent(url, headers, method, with_token, fresh=True)
        try:
            yield response
        finally:
            response.close()

    def _sent(
        self, url: str, headers: Mapping[str, str], method: str, with_token: bool, *, fresh: bool
    ) -> httpx.Response:
        if with_token and self.token is not None and origin_of(url) not in self.trusted:
            raise ExportUnsafe(
                f"The server wants its token sent to {origin_of(url)}, which is not its own origin: that is not done. "
                "If those are its files, add the origin to bulk_export.file_origins in the site's file."
            )
        for _ in range(self.bounds.redirects + 1):
            require_secure(url)
            may_see = with_token and self.token is not None and origin_of(url) in self.trusted
            more = {"Authorization": f"Bearer {self.token(fresh)}"} if may_see and self.token else {}
            try:
                request = self.client.build_request(method, url, headers={**headers, **more})
            except httpx.InvalidURL as error:
                raise ExportUnsafe("The server gave an address that is none; report it to its operators.") from error
            response = self.client.send(request, stream=True, follow_redirects=False)
            if response.status_code not in REDIRECTS or method != "GET":
                return response
            response.close()
            url, fresh = self._next(url, response.headers.get("Location")), False
        raise ExportRefused(
            f"{told(url)} redirects more than {self.bounds.redirects} times; report it to its operators."
        )

    def _next(self, url: str, location: str | None) -> str:
        if not location:
            raise ExportRefused(f"{told(url)} redirects to nowhere; report it to its operators.")
        following = joined(url, location)
        if origin_of(url).startswith("https") and not origin_of(following).startswith("https"):
            raise ExportUnsafe(f"{told(url)} redirects from https to http; that is not followed. Report it.")
        return following

    def _bounded(self, response: httpx.Response, url: str) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.bounds.answer:
                raise ExportRefused(
                    f"{told(url)} answers with more than {self.bounds.answer} bytes; ask for fewer types."
                )
        return bytes(body)

    def wait_of(self, headers: Mapping[str, str], attempt: int) -> float:
        """Return how long to wait: what the server asks for, within bounds, else a guess that doubles."""
        asked = headers.get("Retry-After", "").strip()
        if asked.isdecimal():
            return self._within(float(asked[:9]))
        try:
            return self._within(parsedate_to_datetime(asked).timestamp() - self.pace.now())
        except (TypeError, ValueError, IndexError, OverflowError):
            return self.guess(attempt)

    def guess(self, attempt: int) -> float:
        """Return how long to wait where nobody says: twice as long each time."""
        return min(self.bounds.longest_guess, self.bounds.shortest_wait * 2.0 ** min(attempt, 20))

    def _within(self, seconds: float) -> float:
        return max(self.bounds.shortest_wait, min(seconds, self.bounds.longest_wait))

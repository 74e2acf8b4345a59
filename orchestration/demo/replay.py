"""The demo's emergency department: its requests go to the real service over HTTP, at the time they would be made.

What does not belong here: the service, and what the requests hold (the simulator).
"""

import json
import time
import urllib.request
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from ml.serving.advice import SCORED
from ml.serving.background import running
from orchestration.settings import Settings
from orchestration.simulator import LiveRequest
from orchestration.steps.watching.service import serving_config

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 10
CALLS = "pilothouse_calls_total"
"""The service's meter of calls, by use case, site and what a call came to."""
READING_TIME = timedelta(minutes=2)


class ReplayClock:
    """The service's clock during a replay: it stands where the simulated department stands."""

    def __init__(self) -> None:
        self.now = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Replayed:
    """What the service answered: requests sent, cards shown, feedback given by code, milliseconds per request."""

    requests: int = 0
    cards: int = 0
    feedback: dict[str, int] = field(default_factory=dict[str, int])
    milliseconds: list[float] = field(default_factory=list[float])


@contextmanager
def department(settings: Settings) -> Generator["Department"]:
    """Run the real service on a free port for the time of the block."""
    clock = ReplayClock()
    with running(serving_config(settings, base_url="http://replay", clock=clock)) as port:
        yield Department(f"http://{HOST}:{port}", clock)


class Arrivals:
    """Requests in order of time, taken up to one moment after another: the simulated world is run once for all."""

    def __init__(self, requests: Iterator[LiveRequest]) -> None:
        self._requests, self._next = requests, next(requests, None)

    def until(self, moment: datetime) -> Iterator[LiveRequest]:
        """Yield what comes before `moment` and was not taken yet."""
        while self._next is not None and self._next.requested_at < moment:
            taken, self._next = self._next, next(self._requests, None)
            yield taken


class Department:
    """Sends requests at their simulated time and answers cards the way a busy nurse might."""

    def __init__(self, base: str, clock: ReplayClock) -> None:
        self._base, self._clock = base, clock

    def replay(self, requests: Iterable[LiveRequest]) -> Replayed:
        """Send every request in order; give feedback on the cards that come back."""
        done = Replayed()
        for request in requests:
            self._clock.now = request.requested_at
            started = _milliseconds()
            answer = self._post(f"/sites/{request.site}/cds-services/pilothouse-triage", request.body)
            done.milliseconds.append(_milliseconds() - started)
            done.requests += 1
            for card in answer["cards"]:
                done.cards += 1
                self._answer(request, card, done)
        return done

    def ask(self, request: LiveRequest) -> list[dict[str, Any]]:
        """Send one request; returns the cards, to which nobody answers. Raises `URLError` where no answer comes."""
        self._clock.now = request.requested_at
        return self._post(f"/sites/{request.site}/cds-services/pilothouse-triage", request.body)["cards"]

    def stage_of(self, use_case: str, site: str) -> str | None:
        """The stage in which the running service serves a use case at a site."""
        releases = self._get("/api/v1/status")["releases"]
        return next((one["stage"] for one in releases if (one["use_case"], one["site"]) == (use_case, site)), None)

    def told_on_board(self, site: str, unit: str) -> str | None:
        """What the board of an emergency unit tells instead of advice; None where advice is as it was released."""
        return self._get(f"/api/v1/board/{site}/{unit}")["notice"]

    def scored(self, use_case: str, site: str) -> int:
        """How many calls the model itself has answered at a site since the service started, by the service's meters."""
        counted = {"use_case": use_case, "site": site, "status": SCORED}
        samples = [one for family in text_string_to_metric_families(self._read("/metrics")) for one in family.samples]
        return round(sum(one.value for one in samples if one.name == CALLS and counted.items() <= one.labels.items()))

    def _get(self, path: str) -> dict[str, Any]:
        return json.loads(self._read(path))

    def _read(self, path: str) -> str:
        with urllib.request.urlopen(self._base + path, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return answer.read().decode()

    def _answer(self, request: LiveRequest, card: dict[str, Any], done: Replayed) -> None:
        verdict = _verdict(card, done.cards)
        if verdict is None:
            return
        self._clock.now = request.requested_at + READING_TIME
        feedback = {"card": card["uuid"], "outcomeTimestamp": self._clock.now.isoformat(), **verdict}
        path = f"/sites/{request.site}/cds-services/pilothouse-triage/feedback"
        self._post(path, {"feedback": [feedback]})
        code = verdict["outcome"]
        done.feedback[code] = done.feedback.get(code, 0) + 1

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the address is the service this process runs
            self._base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if content else {}


def _verdict(card: dict[str, Any], number: int) -> dict[str, Any] | None:
    """One card in four is ignored, one in four is overridden with a reason it offers, the others are accepted."""
    if number % 4 == 0:
        return None
    if number % 4 == 1:
        reasons = card["overrideReasons"]
        reason = reasons[number // 4 % len(reasons)]
        return {"outcome": "overridden", "overrideReason": {"reason": reason}}
    taken = [{"id": one["uuid"]} for one in card.get("suggestions", [])[:1]]
    return {"outcome": "accepted", "acceptedSuggestions": taken}


def _milliseconds() -> float:
    return time.perf_counter() * 1000

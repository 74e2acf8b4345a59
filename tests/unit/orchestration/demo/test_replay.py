"""The demo's emergency department, against a small server that answers as a CDS Hooks service does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.error import URLError

import pytest

from ml.serving.advice import FALLBACK, SCORED
from ml.serving.metrics import Meters
from orchestration.demo.replay import READING_TIME, Arrivals, Department, ReplayClock
from orchestration.simulator import LiveRequest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUGGESTIONS = [{"label": "Repeat", "uuid": "s1"}, {"label": "Other", "uuid": "s2"}]
REASONS = [{"code": code, "system": "urn:reasons", "display": code} for code in ("wrong-data", "too-late")]


class Service(HTTPServer):
    """Shows a card for every visit that begins with `sick`; remembers what came, and when by the replay's clock."""

    def __init__(self, clock: ReplayClock) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.received: list[tuple[str, datetime, dict[str, Any]]] = []
        self.meters = Meters()


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, self.server.clock(), body))
        visit = str(body.get("visit", ""))
        more = {"suggestions": SUGGESTIONS} if visit.startswith("sick-with") else {}
        cards = [{"uuid": visit, "overrideReasons": REASONS, **more}] if visit.startswith("sick") else []
        content = b"" if self.path.endswith("/feedback") else json.dumps({"cards": cards}).encode()
        self.send_response(503 if visit == "unanswered" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        told = {"use_case": "triage", "site": "city", "stage": "shadow"}
        found = {"releases": [told]} if self.path.endswith("status") else {"notice": f"Paused at {self.path[-2:]}."}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.meters.text() if self.path == "/metrics" else json.dumps(found).encode())

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - as http.server has it
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(ReplayClock()) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def request(visit: str, minute: int) -> LiveRequest:
    return LiveRequest("city", "ED", NOON + timedelta(minutes=minute), "p", visit, {"visit": visit})


def department(service: Service) -> Department:
    return Department(f"http://127.0.0.1:{service.server_port}", service.clock)


def test_every_request_goes_to_its_site_in_order_at_the_time_it_would_be_made(service: Service) -> None:
    done = department(service).replay([request("well", 0), request("well-too", 5)])
    assert (done.requests, done.cards, done.feedback, len(done.milliseconds)) == (2, 0, {}, 2)
    assert [(path, at) for path, at, _ in service.received] == [
        ("/sites/city/cds-services/pilothouse-triage", NOON),
        ("/sites/city/cds-services/pilothouse-triage", NOON + timedelta(minutes=5)),
    ]
    assert min(done.milliseconds) > 0


def test_cards_are_overridden_with_an_offered_reason_accepted_or_left_alone(service: Service) -> None:
    done = department(service).replay([request(f"sick-{n}", 10 * n) for n in range(8)])
    assert (done.requests, done.cards, done.feedback) == (8, 8, {"overridden": 2, "accepted": 4})
    given = [(at, body["feedback"][0]) for path, at, body in service.received if path.endswith("/feedback")]
    codes = [one["overrideReason"]["reason"]["code"] for _, one in given if one["outcome"] == "overridden"]
    assert codes == ["wrong-data", "too-late"]
    first_at, first = given[0]
    assert first["card"] == "sick-0" and first_at == NOON + READING_TIME
    assert datetime.fromisoformat(first["outcomeTimestamp"]) == first_at


def test_of_a_card_that_suggests_the_first_suggestion_is_taken_and_of_another_none(service: Service) -> None:
    department(service).replay([request(visit, n) for n, visit in enumerate(("sick", "sick-with", "sick-plain"))])
    given = [body["feedback"][0] for path, _, body in service.received if path.endswith("/feedback")]
    taken = {one["card"]: one["acceptedSuggestions"] for one in given if one["outcome"] == "accepted"}
    assert taken == {"sick-with": [{"id": "s1"}], "sick-plain": []}


def test_requests_are_taken_once_up_to_one_moment_after_another() -> None:
    arrivals = Arrivals(request(str(minute), minute) for minute in range(6))
    taken = [[one.encounter_id for one in arrivals.until(NOON + timedelta(minutes=end))] for end in (2, 2, 4, 99, 99)]
    assert taken == [["0", "1"], [], ["2", "3"], ["4", "5"], []]
    some = Arrivals(iter([request("0", 0), request("1", 1)]))
    assert next(some.until(NOON + timedelta(minutes=9))).encounter_id == "0"
    assert [one.encounter_id for one in some.until(NOON + timedelta(minutes=9))] == ["1"]


def test_a_card_that_is_only_asked_for_gets_no_answer_and_the_service_says_where_it_stands(service: Service) -> None:
    there = Department(f"http://127.0.0.1:{service.server_port}", service.clock)
    [card] = there.ask(request("sick", 3))
    assert (card["uuid"], len(service.received), service.clock.now) == ("sick", 1, NOON + timedelta(minutes=3))
    assert (there.stage_of("triage", "city"), there.stage_of("triage", "rural")) == ("shadow", None)
    assert there.told_on_board("city", "ED") == "Paused at ED."


def test_a_request_without_an_answer_is_never_counted_as_one(service: Service) -> None:
    with pytest.raises(URLError, match="503"):
        department(service).ask(request("unanswered", 1))


def test_calls_that_the_model_scored_are_counted_by_the_services_own_meters(service: Service) -> None:
    there = department(service)
    assert there.scored("triage", "district") == 0
    for site, stage, tier, status, calls in (
        ("district", "shadow", "model", SCORED, 7), ("district", "assistive", "model", SCORED, 2),
        ("district", "shadow", "reduced", FALLBACK, 3), ("city", "shadow", "model", SCORED, 5),
    ):  # fmt: skip
        service.meters.calls.labels("triage", site, stage, tier, status).inc(calls)
    assert (there.scored("triage", "district"), there.scored("staffing", "district")) == (9, 0)

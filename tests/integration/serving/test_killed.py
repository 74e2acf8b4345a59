"""A service that is killed in the middle of its work has lost nothing that it answered."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_homes import SERVICE, SITE, Home, call
from sqlalchemy import select

from ml.serving.export import export_events
from ml.serving.tables import EVENT, open_database

ROOT = Path(__file__).parents[3]
BENCH = ROOT / "tests" / "benchmarks" / "bench_serving.py"
CLIENTS = 4
SECONDS_UNDER_LOAD = 1.5


class Service:
    """The service in a process of its own, on a port of its own."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, str(BENCH), "--serve", "pilothouse", str(self.port), str(home)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service ended before it answered"
            try:
                if self.get("/healthz") == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the service did not answer within 60 s")

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def post(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", SERVICE, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@pytest.fixture
def served(home: Home) -> Iterator[tuple[Home, list[Service]]]:
    """A home with a release, and every process that the test starts over it."""
    home.point(home.release())
    started: list[Service] = []
    yield home, started
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
        service.process.wait()


def load(service: Service, answered: dict[str, bytes], stop: threading.Event) -> None:
    """Call until told to stop or cut off; keep every answer that came back whole."""
    while not stop.is_set():
        body = call()
        try:
            status, answer = service.post(json.dumps(body).encode())
        except (OSError, http.client.HTTPException):
            return
        assert status == 200
        answered[body["hookInstance"]] = answer


def test_every_answered_call_of_a_killed_service_has_its_event(served: tuple[Home, list[Service]]) -> None:
    home, started = served
    service = Service(home.path)
    started.append(service)
    answered: dict[str, bytes] = {}
    stop = threading.Event()
    threads = [threading.Thread(target=load, args=(service, answered, stop)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS_UNDER_LOAD)
    os.kill(service.process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join(timeout=30)
    stop.set()
    assert service.process.wait(timeout=10) == -signal.SIGKILL
    assert len(answered) > CLIENTS, "the service was killed before it had any load"

    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        stored = {row.hook_instance: row.payload.encode() for row in connection.execute(select(EVENT))}
    engine.dispose()
    missing = answered.keys() - stored.keys()
    assert not missing, f"{len(missing)} of {len(answered)} answered calls have no event"
    assert {instance: stored[instance] for instance in answered} == answered
    assert len(stored) <= len(answered) + CLIENTS, "at most the calls in flight have an event and no answer"

    again = Service(home.path)
    started.append(again)
    assert again.get("/readyz") == 200
    exported = export_events(home.config().event_store_url, home.path / "drop", site=SITE)
    assert exported.mark.event >= len(answered)


def test_a_service_that_is_told_to_stop_answers_what_it_has_and_ends(served: tuple[Home, list[Service]]) -> None:
    home, started = served
    service = Service(home.path)
    started.append(service)
    status, answer = service.post(json.dumps(call()).encode())
    assert (status, len(json.loads(answer)["cards"])) == (200, 1)
    assert service.get("/board/city/ED") == 200
    service.process.terminate()
    assert service.process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_a_replay_after_the_crash_gets_the_first_answer(served: tuple[Home, list[Service]]) -> None:
    home, started = served
    body = json.dumps(call()).encode()
    answers = []
    for _ in range(2):
        service = Service(home.path)
        started.append(service)
        answers.append(service.post(body))
        service.process.kill()
        service.process.wait()
    assert answers[0] == answers[1]

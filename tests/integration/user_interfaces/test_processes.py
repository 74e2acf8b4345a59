"""Programs side by side: ports, telling when they are ready, and stopping all of them with all that they started."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from orchestration.settings import Environment, Settings
from orchestration.steps.watching import user_interfaces
from orchestration.steps.watching.user_interfaces import (
    Interface,
    InterfaceStopped,
    free_port,
    run_user_interfaces,
    stop_all,
)

SERVER = """
import http.server
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"alive")
http.server.HTTPServer(("127.0.0.1", int(__import__("sys").argv[1])), Ready).serve_forever()
"""
STUBBORN = "trap '' TERM; sleep 60 & echo started; wait; wait"


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path, Environment.DEVELOPMENT, "sqlite://", "sqlite://", "sqlite://")


def interface(name, *command, port=0):
    return Interface(name, "something", (sys.executable, "-c", *command), port, port, "/", "/", b"alive")


def server(name):
    port = free_port(0)
    return interface(name, SERVER, str(port), port=port)


def has_ended(group):
    """Whether nobody is left in a process group; whoever inherits an orphan may take a moment to let go of it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_the_usual_port_is_taken_unless_somebody_listens_there():
    usual = free_port(0)
    assert free_port(usual) == usual
    with socket.create_server(("127.0.0.1", usual)):
        other = free_port(usual)
        assert other not in (0, usual)
    assert f"({usual} is taken)" in Interface("A", "b", (), other, usual, "/", "/", b"").line


def test_stopping_ends_also_what_does_not_listen_and_what_was_left_behind(monkeypatch):
    monkeypatch.setattr(user_interfaces, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(user_interfaces, "LAST_SECONDS", 0.3)
    stubborn = subprocess.Popen(["sh", "-c", STUBBORN], start_new_session=True, stdout=subprocess.PIPE)
    leaver = subprocess.Popen(["sh", "-c", "sleep 60 & echo started"], start_new_session=True, stdout=subprocess.PIPE)
    with stubborn.stdout, leaver.stdout:
        assert stubborn.stdout.readline() == leaver.stdout.readline() == b"started\n"
        stop_all([stubborn, leaver])
    assert has_ended(stubborn.pid) and has_ended(leaver.pid)


def test_when_one_ends_the_others_are_stopped_and_its_last_words_are_told(settings, monkeypatch):
    dying = "import sys, time; print('no licence', file=sys.stderr); time.sleep(1); sys.exit(3)"
    monkeypatch.setattr(user_interfaces, "interfaces", lambda _: (server("Living"), interface("Dying", dying)))
    started = []
    start = user_interfaces._start
    monkeypatch.setattr(user_interfaces, "_start", lambda *arguments: started.append(start(*arguments)) or started[-1])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterfaceStopped, match=r"(?s)Dying ended with exit code 3.*no licence"):
        run_user_interfaces(settings, lambda _: None)
    assert len(started) == 2 and all(has_ended(one.process.pid) for one in started)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_and_the_answer_holds_their_addresses(settings, monkeypatch, order):
    both = (server("One"), server("Two"))
    monkeypatch.setattr(user_interfaces, "interfaces", lambda _: both)
    told = []

    def tell(line):
        told.append(line)
        if line == "Stop with Ctrl-C.":
            os.kill(os.getpid(), order)

    answer = run_user_interfaces(settings, tell)
    assert answer.exit_code == 0
    assert answer.document["addresses"] == {"one": both[0].address, "two": both[1].address}
    assert {both[0].line, both[1].line} <= set(told) and told[-1] == "Stopping."


def test_what_does_not_get_ready_is_named_and_the_others_go_on(settings, monkeypatch):
    silent = interface("Silent", "import time; time.sleep(60)", port=free_port(0))
    monkeypatch.setattr(user_interfaces, "interfaces", lambda _: (silent, server("Heard")))
    monkeypatch.setattr(user_interfaces, "PATIENCE_SECONDS", 3.0)
    told = []

    def tell(line):
        told.append(line)
        if line == "Stop with Ctrl-C.":
            os.kill(os.getpid(), signal.SIGTERM)

    begun = time.monotonic()
    run_user_interfaces(settings, tell)
    assert time.monotonic() - begun < 20
    assert any(line.startswith("Silent") and "not ready" in line and "silent.log" in line for line in told)
    assert any(line.startswith("Heard") and "http://" in line for line in told)

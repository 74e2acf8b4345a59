"""A listener killed at any moment: whatever it acknowledged is in the lake, and sending again doubles nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ml.features.pseudonym import pseudonym

ROOT = Path(__file__).resolve().parents[3]
STATION = Path(__file__).parent / "hl7_station.py"
KEY = b"k" * 32
COUNT = 240


class Running:
    """The station in a process of its own."""

    def __init__(self, home: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(STATION), str(home)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self.port = int(self.out.readline())

    def end(self, how: signal.Signals) -> str:
        self.process.send_signal(how)
        self.process.wait(60)
        return self.out.read()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[Running]]:
    started: list[Running] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.out.close()


def message(n: int) -> bytes:
    kind, segment = ("ADT^A08", "PV1|1|I|ICU") if n % 2 else ("ORU^R01", f"OBX|1|NM|K||{n}")
    bad = "|" + "x" * 8 if n % 10 == 9 else "20260228"
    return f"MSH|^~\\&|EHR|CITY|||20260228||{kind}|{n}|P|2.5\rPID|1||{n % 7}^^^CITY^MR||||{bad}\r{segment}\r".encode()


def send(port: int, numbers: range, stop_after: int | None, stop: object = None) -> dict[str, str]:
    """Send messages all at once; return the answers by control id until the connection ends."""
    answers: dict[str, str] = {}
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"".join(b"\x0b" + message(n) + b"\x1c\r" for n in numbers))
        came = b""
        while len(answers) < len(numbers):
            try:
                data = connection.recv(65536)
            except ConnectionError:
                break
            if not data:
                break
            came += data
            *whole, came = came.split(b"\x1c\r")
            for frame in whole:
                _, code, control = frame.split(b"\r")[1].decode().split("|")[:3]
                answers[control] = code
            if stop_after is not None and len(answers) >= stop_after:
                stop()
                stop_after = None
    return answers


def keys(home: Path) -> list[str]:
    with duckdb.connect() as db:
        files = f"'{home}/lake/hl7v2_*/site=city/*/*.parquet'"
        return [k for (k,) in db.execute(f"select _key from read_parquet({files}, union_by_name = true)").fetchall()]


def key_of(n: int) -> str:
    return pseudonym(KEY, "Message", f"EHR|CITY|{n}|20260228|CITY|{n % 7}")


@pytest.mark.parametrize("stop_after", [0, 1, 40])
def test_nothing_that_was_acknowledged_is_lost_when_the_listener_is_killed(tmp_path: Path, running, stop_after) -> None:
    running.append(Running(tmp_path))
    first = send(running[0].port, range(20), None)
    assert set(first.values()) == {"AA"}
    answers = (
        send(running[0].port, range(COUNT), stop_after or None, lambda: running[0].process.send_signal(signal.SIGKILL))
        if stop_after
        else _killed_at_once(running[0])
    )
    running[0].end(signal.SIGKILL)
    running.append(Running(tmp_path))
    assert set(answers.values()) <= {"AA", "AE"}
    stored = keys(tmp_path)
    assert {key_of(int(n)) for n, code in {**first, **answers}.items() if code == "AA"} <= set(stored)
    assert set(send(running[1].port, range(COUNT), None).values()) == {"AA"}
    assert "stopped" in running[1].end(signal.SIGTERM)
    stored = keys(tmp_path)
    assert sorted(stored) == sorted(key_of(n) for n in range(COUNT))
    assert list((tmp_path / "inbox").iterdir()) == []


def test_many_messages_make_few_lake_files_and_the_receipts_add_up(tmp_path: Path, running) -> None:
    running.append(Running(tmp_path))
    for part in range(0, COUNT, 40):
        assert set(send(running[0].port, range(part, part + 40), None).values()) == {"AA"}
    assert "stopped" in running[0].end(signal.SIGTERM)
    receipts = [json.loads(path.read_bytes()) for path in tmp_path.glob("receipts/city/hl7v2/*.json")]
    assert sum(receipt["received"] for receipt in receipts) == COUNT
    assert sum(receipt["landed"] for receipt in receipts) == COUNT
    assert len(receipts) <= 7
    assert len(list(tmp_path.glob("lake/hl7v2_adt/site=city/*/*.parquet"))) == len(receipts)


def _killed_at_once(station: Running) -> dict[str, str]:
    with socket.create_connection(("127.0.0.1", station.port), timeout=60) as connection:
        connection.sendall(b"\x0b" + message(30) + b"\x1c\r")
        station.end(signal.SIGKILL)
    return {}


def test_a_message_that_breaks_the_contract_is_answered_with_the_reason_and_kept(tmp_path: Path, running) -> None:
    running.append(Running(tmp_path))
    with socket.create_connection(("127.0.0.1", running[0].port), timeout=60) as connection:
        broken = message(1).replace(b"|20260228||ADT", b"|yesterday||ADT")
        connection.sendall(b"\x0b" + message(0) + b"\x1c\r\x0b" + broken + b"\x1c\r\x0bhello\x1c\r")
        came = b""
        while came.count(b"\x1c\r") < 3:
            came += connection.recv(65536)
    said = [frame.split(b"\r")[1].decode() for frame in came.split(b"\x1c\r")[:3]]
    assert said == [
        "MSA|AA|0",
        "MSA|AE|1|MSH-7 is a time of the form YYYY[MM[DD[HH[MM[SS[.S]]]]]][+/-ZZZZ].",
        "MSA|AR||The frame holds no HL7 message that starts with MSH.",
    ]
    assert "stopped" in running[0].end(signal.SIGTERM)
    assert len(list(tmp_path.glob("quarantine/hl7v2/site=city/*/*.parquet"))) == 1

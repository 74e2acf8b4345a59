"""A load generator in a process of its own: requests go out on a schedule, whatever became of the ones before.

`python -m tests.benchmarks.open_loop PLAN ANSWER` reads a `Plan` and writes one row for each request. Arrivals are
drawn from a seed (exponential gaps), and latency counts from the intended arrival, so that waiting for a busy server,
or for this process, is part of it. What does not belong here: the servers, and what the rows come to.
"""

import asyncio
import gc
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

START_IN_SECONDS = 0.5
GIVE_UP_SECONDS = 30.0
NEW_ID = "00000000-0000-4000-8000-00000000feed"
"""Stands in a body for an id that is new in every request."""
LIFETIME_SECONDS = 300
TIERS = {
    "reduced": b"This is the reduced model",
    "rule": b"by rule",
    "reference": b"No score now",
    "model": b"Risk of",
}
"""The words by which a card tells of which tier it is; the first that is found counts."""


@dataclass(frozen=True)
class Signed:
    """How a CDS client signs: its private key, and what its tokens say."""

    key_pem: str
    key_id: str
    issuer: str
    audience: str


@dataclass(frozen=True)
class Plan:
    """What goes out: `count` times `body` to `path` at `per_second`. `hurt` is sent SIGUSR1 at half of them."""

    port: int
    path: str
    body: str
    count: int
    per_second: float
    seed: int
    signed: Signed | None = None
    hurt: int | None = None

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        document = json.loads(path.read_text())
        signed = document.pop("signed")
        return cls(**document, signed=None if signed is None else Signed(**signed))


def arrivals(plan: Plan) -> list[float]:
    """Seconds after the start at which each request is due."""
    drawn, at, found = random.Random(plan.seed), 0.0, list[float]()
    for _ in range(plan.count):
        at += drawn.expovariate(plan.per_second)
        found.append(at)
    return found


def requests_of(plan: Plan, due: list[float], begins: float) -> list[bytes]:
    """Every request as it goes over the wire; its token is issued at the second at which it is due."""
    authorise = None if plan.signed is None else _signer(plan.signed, plan.seed)
    found = []
    for number, at in enumerate(due):
        drawn = random.Random(f"{plan.seed} {number}")
        body = plan.body.replace(NEW_ID, str(UUID(int=drawn.getrandbits(128), version=4)))
        head = (
            f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nContent-Type: application/json\r\n"
            f"{'' if authorise is None else authorise(begins + at)}Content-Length: {len(body.encode())}\r\n\r\n"
        )
        found.append((head + body).encode())
    return found


def _signer(signed: Signed, seed: int) -> Callable[[float], str]:
    import jwt
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(signed.key_pem.encode(), None)
    drawn = random.Random(seed)

    def header(at: float) -> str:
        claims = {"iss": signed.issuer, "aud": signed.audience, "jti": f"{drawn.getrandbits(128):032x}"}
        times = {"iat": int(at), "exp": int(at) + LIFETIME_SECONDS}
        return f"Authorization: Bearer {jwt.encode({**claims, **times}, key, 'ES384', {'kid': signed.key_id})}\r\n"

    return header


class Connections:
    """Connections to one port that are kept open; one more is made whenever all are waiting for an answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._made: list[asyncio.StreamWriter] = []

    async def close(self) -> None:
        """Close every connection that was made."""
        for writer in self._made:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._made), return_exceptions=True)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; return the status and body of its answer. Raises `OSError` and `EOFError`."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():  # a server closes what was idle for long, as it may
                break
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
            self._made.append(writer)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if b"connection: close" not in lower:
            self._free.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body


async def send(plan: Plan, due: list[float], requests: list[bytes], begins: float) -> list[dict[str, Any]]:
    """Send every request when it is due; a row for each: `at`, `ms`, `status` (0: none), `fault`, `told`."""
    connections = Connections(plan.port)

    async def one(number: int) -> dict[str, Any]:
        if plan.hurt is not None and number == plan.count // 2:
            os.kill(plan.hurt, signal.SIGUSR1)
        status, body, fault = 0, b"", None
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                status, body = await connections.ask(requests[number])
        except (OSError, EOFError, TimeoutError) as error:
            fault = type(error).__name__
        ms = 1000 * (time.time() - begins - due[number])
        return {"at": due[number], "ms": ms, "status": status, "fault": fault, "told": _told(body)}

    tasks = []
    for number, at in enumerate(due):
        await asyncio.sleep(max(0.0, begins + at - time.time()))
        tasks.append(asyncio.create_task(one(number)))
    rows = list(await asyncio.gather(*tasks))
    await connections.close()
    return rows


def _told(body: bytes) -> str:
    """What kind of answer a card says that it is."""
    return next((kind for kind, words in TIERS.items() if words in body), "no card")


def main(plan: Plan, answer: Path) -> None:
    """Prepare everything, then send."""
    due = arrivals(plan)
    preparing = time.time()
    requests_of(plan, due[:20], preparing)
    each = (time.time() - preparing) / 20
    begins = time.time() + START_IN_SECONDS + 1.5 * each * plan.count
    requests = requests_of(plan, due, begins)
    begins = max(begins, time.time() + START_IN_SECONDS)
    gc.disable()
    answer.write_text(json.dumps(asyncio.run(send(plan, due, requests, begins))))


if __name__ == "__main__":
    main(Plan.read(Path(sys.argv[1])), Path(sys.argv[2]))

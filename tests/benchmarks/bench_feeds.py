"""The feeds at work: a day after much history, HL7 v2 through files and over MLLP.

Here belongs what is measured; `stages.py` runs each in a process of its own, and `feed_figures.py` puts it beside its
yardstick.
"""

import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.feeds import Drop, land, land_drops
from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp import Ack, AckCode, ListenLimits, listen
from orchestration.feeds.mllp.frames import framed
from tests.benchmarks.bench_landing import KEY, NOW, SHARED, TYPES, timed

SEED = 7
DAYS_MEASURED = 5
REPEATED, CHANGED = 0.2, 0.05  # of a day's records: sent before, as they were or with another status
CONTROL_ID = re.compile(rb"^(MSH\|(?:[^|\r]*\|){8})([^|\r]+)", re.MULTILINE)
ONE_DAY = timedelta(days=1)


# -- a day after much history


def growth(home: Path, histories: Sequence[int]) -> dict[str, Any]:
    """Land a history, and measure single days after each of some lengths of it; the median of a few days."""
    corpus = _resources()
    days = _days(home / "drops", corpus)
    site, landed, kinds = "growth", 0, ("seconds", "cpu_seconds")
    took: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for history in histories:
        while landed < history:
            many = [Drop((next(days),), NOW + (landed + n) * ONE_DAY) for n in range(min(10, history - landed))]
            land_drops(many, site=site, feed=None, home=home, key=KEY)
            landed += len(many)
        measured: list[dict[str, float]] = []
        for _ in range(DAYS_MEASURED):
            folder, landed = next(days), landed + 1
            measured.append(timed(lambda f=folder, at=landed: _land(home, site, f, NOW + at * ONE_DAY)))
        for kind in kinds:
            took[kind][str(history)] = statistics.median(one[kind] for one in measured)
    return {**took, "resources_a_day": len(corpus)}


def _land(home: Path, site: str, path: Path, at: datetime) -> None:
    land([path], site=site, feed=None, home=home, key=KEY, arrived_at=at)


def _resources() -> list[tuple[str, str]]:
    """The real bundles' resources as (type, JSON)."""
    entries = [e["resource"] for p in sorted((SHARED / "synthea_fhir_bundles").glob("*.json")) for e in _entries(p)]
    return [(r["resourceType"], json.dumps(r, separators=(",", ":"))) for r in entries if r["resourceType"] in TYPES]


def _entries(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_bytes())["entry"]


def _days(root: Path, corpus: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """Write a day after the other: new records, some of earlier days again, and some of these changed."""
    draw, day = random.Random(SEED), 0
    while True:
        folder = root / str(day)
        folder.mkdir(parents=True)
        streams = {kind: (folder / f"{kind}.ndjson").open("w") for kind in TYPES}
        for kind, text in corpus:
            luck = draw.random()
            of = draw.randrange(day) if day and luck < REPEATED else day
            line = text.replace('"id":"', f'"id":"{of:05d}-', 1)
            is_changed = of != day and luck < CHANGED
            streams[kind].write((line[:-1] + f',"language":"x-{day}"}}' if is_changed else line) + "\n")
        for stream in streams.values():
            stream.close()
        yield folder
        day += 1


# -- HL7 v2


def messages(count: int) -> list[bytes]:
    """Real messages, again and again under other control ids."""
    real = [m for m in cut((SHARED / "hl7v2_simhospital" / "messages.out").read_bytes()) if isinstance(m, bytes)]
    return [CONTROL_ID.sub(rb"\g<1>\g<2>-%d" % (n // len(real)), real[n % len(real)]) for n in range(count)]


def hl7_files(home: Path, count: int) -> dict[str, Any]:
    """Land messages through a file, in a home that has landed some before, as every home but a new one has; the
    yardstick splits the same text at its separators, and nothing else."""
    first, *_ = everything = messages(count + 1)
    content = b"\r\n".join(everything[1:])
    before, path = home / "before.hl7", home / "messages.hl7"
    home.mkdir(parents=True, exist_ok=True)
    before.write_bytes(first)
    path.write_bytes(content)
    land([before], site="hl7", feed="hl7v2", home=home, key=KEY, arrived_at=NOW - ONE_DAY)
    split = timed(lambda: [[f.split("^") for f in s.split("|")] for s in content.decode("latin-1").split("\r")])
    landed = timed(lambda: land([path], site="hl7", feed="hl7v2", home=home, key=KEY, arrived_at=NOW))
    return {"messages": count, "landed": landed, "split": split}


# -- MLLP


def mllp(home: Path, alone: int, many: int, senders: int, ahead: int) -> dict[str, Any]:
    """Messages a second and milliseconds to the answer: one sender, many, and many that send some ahead of the answers;
    the yardstick answers after an fsync."""
    found: dict[str, Any] = {"senders": senders, "ahead": ahead}
    sent = messages(alone + 2 * many + 20)
    parts = {"alone": (sent[:alone], 1, 1), "many": (sent[alone : alone + many], senders, 1)}
    parts["pipelined"] = (sent[alone + many : alone + 2 * many], senders, ahead)
    for name, command in {"listener": _product(home), "durable_echo": _echo(home)}.items():
        home.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline())
                asyncio.run(_all_senders(port, sent[-20:], 1, 1))
                found[name] = {part: _measured(port, *what) for part, what in parts.items()}
            finally:
                process.terminate()
                process.communicate()
    return found


def _measured(port: int, sent: Sequence[bytes], senders: int, ahead: int) -> dict[str, float]:
    started = time.perf_counter()
    waits = sorted(asyncio.run(_all_senders(port, sent, senders, ahead)))
    seconds = time.perf_counter() - started
    p50, p99 = (1000 * waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
    return {"per_second": len(waits) / seconds, "p50_ms": p50, "p99_ms": p99}


def _product(home: Path) -> list[str]:
    station = Path(__file__).resolve().parents[1] / "integration" / "landing" / "hl7_station.py"
    return [sys.executable, str(station), str(home), "at its own pace"]


def _echo(home: Path) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.bench_feeds", str(home)]


async def _all_senders(port: int, sent: Sequence[bytes], senders: int, ahead: int) -> list[float]:
    waits = await asyncio.gather(*(_sender(port, sent[n::senders], ahead) for n in range(senders)))
    return [wait for one in waits for wait in one]


async def _sender(port: int, sent: Sequence[bytes], ahead: int) -> list[float]:
    """Send messages with at most `ahead` unanswered; return the seconds to each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun, waits = deque[float](), list[float]()
    for n in range(len(sent) + ahead):
        if n < len(sent):
            begun.append(time.perf_counter())
            writer.write(framed(sent[n]))
        if n >= ahead - 1 and begun:
            answer = await reader.readuntil(b"\x1c\r")
            waits.append(time.perf_counter() - begun.popleft())
            if b"MSA|AA" not in answer:
                raise ValueError(f"Not accepted: {answer[:200]!r}")
    writer.write_eof()
    await reader.read()  # until the listener hung up, so that its place is free for who comes next
    writer.close()
    return waits


async def _durable_echo(home: Path) -> None:
    """Answer when the bytes are on the disk, without looking at them: what the disk and the protocol permit."""

    def receive(frames: Sequence[bytes]) -> list[Ack]:
        with tempfile.NamedTemporaryFile(dir=home) as stream:
            stream.write(b"".join(frames))
            stream.flush()
            os.fsync(stream.fileno())
        return [Ack(AckCode.LANDED)] * len(frames)

    limits = ListenLimits(of_one_address=64)
    await listen("127.0.0.1", 0, receive, limits=limits, listening=lambda port: print(port, flush=True))


if __name__ == "__main__":
    asyncio.run(_durable_echo(Path(sys.argv[1])))

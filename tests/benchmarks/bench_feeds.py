"""The feeds at work: a day after much history, HL7 v2 through files and over MLLP, and files larger than memory.

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
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.feeds import Drop, land, land_drops
from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp import Ack, AckCode, listen
from orchestration.feeds.mllp.frames import framed
from tests.benchmarks.bench_landing import KEY, NOW, SHARED, TYPES, parse, timed

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
    site, landed, seconds = "growth", 0, dict[str, float]()
    for history in histories:
        while landed < history:
            many = [Drop((next(days),), NOW + (landed + n) * ONE_DAY) for n in range(min(10, history - landed))]
            land_drops(many, site=site, feed=None, home=home, key=KEY)
            landed += len(many)
        took: list[float] = []
        for _ in range(DAYS_MEASURED):
            folder, landed = next(days), landed + 1
            took.append(timed(lambda f=folder, at=landed: _land(home, site, f, NOW + at * ONE_DAY))["seconds"])
        seconds[str(history)] = statistics.median(took)
    return {"seconds": seconds, "resources_a_day": len(corpus)}


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
    """Land messages through a file; the yardstick splits the same text at its separators, and nothing else."""
    content = b"\r\n".join(messages(count))
    path = home / "messages.hl7"
    home.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    split = timed(lambda: [[f.split("^") for f in s.split("|")] for s in content.decode("latin-1").split("\r")])
    landed = timed(lambda: land([path], site="hl7", feed="hl7v2", home=home, key=KEY, arrived_at=NOW))
    return {"messages": count, "landed": landed, "split": split}


# -- MLLP


def mllp(home: Path, alone: int, many: int, senders: int) -> dict[str, Any]:
    """Round trips a second with one message in flight and with many; the yardstick answers after an fsync."""
    found: dict[str, Any] = {"senders": senders}
    sent = messages(2 * (alone + many))
    for name, command in {"listener": _product(home), "durable_echo": _echo(home)}.items():
        home.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline())
                _round_trips(port, sent[-20:], 1)
                found[name] = {
                    "alone": alone / _seconds(lambda p=port: _round_trips(p, sent[:alone], 1)),
                    "many": many / _seconds(lambda p=port: _round_trips(p, sent[alone : alone + many], senders)),
                }
            finally:
                process.terminate()
    return found


def _product(home: Path) -> list[str]:
    station = Path(__file__).resolve().parents[1] / "integration" / "landing" / "hl7_station.py"
    return [sys.executable, str(station), str(home), "at its own pace"]


def _echo(home: Path) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.bench_feeds", str(home)]


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _round_trips(port: int, sent: Sequence[bytes], senders: int) -> None:
    asyncio.run(_all_senders(port, sent, senders))


async def _all_senders(port: int, sent: Sequence[bytes], senders: int) -> None:
    await asyncio.gather(*(_sender(port, sent[n::senders]) for n in range(senders)))


async def _sender(port: int, sent: Sequence[bytes]) -> None:
    """Send one message after another, each when the one before is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for message in sent:
        writer.write(framed(message))
        answer = await reader.readuntil(b"\x1c\r")
        if b"MSA|AA" not in answer:
            raise ValueError(f"Not accepted: {answer[:200]!r}")
    writer.close()


async def _durable_echo(home: Path) -> None:
    """Answer when the bytes are on the disk, without looking at them: what the disk and the protocol permit."""

    def receive(frames: Sequence[bytes]) -> list[Ack]:
        with tempfile.NamedTemporaryFile(dir=home) as stream:
            stream.write(b"".join(frames))
            stream.flush()
            os.fsync(stream.fileno())
        return [Ack(AckCode.LANDED)] * len(frames)

    await listen("127.0.0.1", 0, receive, listening=lambda port: print(port, flush=True))


# -- a file larger than memory


def large_file(folder: Path, megabytes: int) -> dict[str, Any]:
    """Write one NDJSON file of real resources under ever other ids; return how many and how large."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [text for kind, text in _resources() if kind == "Observation"]
    count, size, n = 0, 0, 0
    with (folder / "Observation.ndjson").open("w") as stream:
        while size < megabytes * 1_000_000:
            block = "".join(text.replace('"id":"', f'"id":"{n:06d}-', 1) + "\n" for text in texts)
            stream.write(block)
            count, size, n = count + len(texts), size + len(block), n + 1
    return {"resources": count, "megabytes": size / 1_000_000}


def land_large(home: Path, folder: Path) -> dict[str, Any]:
    """Land it."""
    return timed(lambda: land([folder], site="large", feed=None, home=home, key=KEY, arrived_at=datetime.now(UTC)))


def parse_large(folder: Path) -> dict[str, Any]:
    """The yardstick: DuckDB parses it."""
    return timed(lambda: parse(folder))


if __name__ == "__main__":
    asyncio.run(_durable_echo(Path(sys.argv[1])))

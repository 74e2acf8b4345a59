"""An ingest killed at any moment, again and again: what it leaves behind ends in the lake of an undisturbed run."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[3]
MOST_KILLS = 6
PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from orchestration.feeds import Limits, land
print("ready", flush=True)
sys.stdin.readline()
land([Path(sys.argv[1])], site="city", feed=None, home=Path(sys.argv[2]), key=b"k" * 32,
     arrived_at=datetime(2026, 3, 1, tzinfo=UTC), limits=Limits(piece=60_000, batch_files=2))
"""


def write_drop(folder: Path) -> None:
    """Small files, and a long one that is landed in pieces; some patients come twice, some records are bad."""
    folder.mkdir()
    for n in range(5):
        patients = [{"resourceType": "Patient", "id": str((n * 20 + i) % 60), "gender": "male"} for i in range(40)]
        bad = [{"resourceType": "Patient", "id": str(n), "gender": "?"}]
        (folder / f"{n}.ndjson").write_text("\n".join(map(json.dumps, patients + bad)))
    long = [
        {"resourceType": "Patient", "id": f"long{n}", "gender": "female", "language": "x" * 200} for n in range(900)
    ]
    (folder / "long.ndjson").write_text("\n".join(map(json.dumps, long)))


def start(folder: Path, home: Path) -> subprocess.Popen[str]:
    """A landing that is ready to go, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str], seconds: float | None) -> float:
    """Let a landing run, and kill it after a while; return how long it ran."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    started = time.monotonic()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdin.close()
    process.stdout.close()
    return time.monotonic() - started


def stored(home: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        lake = f"read_parquet('{home}/lake/fhir_patient/site=city/*/*.parquet')"
        return db.execute(f"select _key, _content, _is_deleted, gender from {lake} order by all").fetchall()


def receipts(home: Path) -> list[dict[str, int]]:
    return [json.loads(path.read_bytes()) for path in home.glob("receipts/city/*/*.json")]


def held(home: Path) -> int:
    return sum(len(duckdb.sql(f"from '{path}'").fetchall()) for path in home.glob("quarantine/*/site=city/*/*.parquet"))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_by_an_ingest_that_is_killed(tmp_path: Path, seed: int) -> None:
    folder, undisturbed, home = tmp_path / "in", tmp_path / "undisturbed", tmp_path / "home"
    write_drop(folder)
    took = go(start(folder, undisturbed), None)
    assert len(stored(undisturbed)) == 960
    draw = random.Random(seed)
    for _ in range(MOST_KILLS):
        go(start(folder, home), draw.uniform(0, 1.1 * took))
    go(start(folder, home), None)
    assert stored(home) == stored(undisturbed)
    assert held(home) == held(undisturbed)
    assert sum(one["received"] for one in receipts(home)) == sum(one["received"] for one in receipts(undisturbed))
    assert [path for path in (home / "incoming").iterdir() if path.is_dir()] == []

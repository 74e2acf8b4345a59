"""The triage call over HTTP: p50 and p99, beside a bare FastAPI echo and the model's own predict, in one run.

`python -m tests.benchmarks.bench_serving [requests]` prints one JSON document. Every call is a new hookInstance, with
its event committed and fsynced before the answer; the client keeps its connections open. In shadow no card is made;
in assistive every call of these gets one, with its sentence of reason.
"""

import http.client
import importlib.util
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.registry.stages import Stage

ROOT = Path(__file__).parents[2]
WARM_UP = 100
CONCURRENCY = 8
TREES = 250
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _homes() -> Any:
    if "serving_homes" not in sys.modules:
        spec = importlib.util.spec_from_file_location("serving_homes", ROOT / "tests/unit/ml/serving/homes.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["serving_homes"] = module
        spec.loader.exec_module(module)
    return sys.modules["serving_homes"]


def serve_pilothouse(home: Path, port: int) -> None:
    """Run the service over `home` (in a child process)."""
    from ml.serving.serve import run

    run(_homes().Home.at(home).config(), port=port)


def serve_echo(port: int) -> None:
    """Run the yardstick: FastAPI that decodes the same body and answers with it."""
    import uvicorn
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> Any:
        return await request.json()

    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def full_vocabulary() -> Any:
    """The vocabulary that the mart is built with, so that the model has its real number of features."""
    from pyarrow import csv

    from ml.features.vocabulary import Vocabulary

    text = csv.ConvertOptions(strings_can_be_null=False)
    seeds = ROOT / "dbt_project" / "seeds"
    tables = (
        csv.read_csv(seeds / f"{name}.csv", convert_options=text) for name in ("complaint_groups", "history_groups")
    )
    return Vocabulary.from_tables(*(table.cast(_all_text(table)) for table in tables))


def _all_text(table: Any) -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in table.column_names])


def measure(requests: int = 2000) -> dict[str, Any]:
    """Milliseconds of the call in shadow and with a card, of the echo and of the model alone; CPU and memory."""
    homes = _homes()
    model = homes.tiny_model(full_vocabulary(), TREES)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = homes.Home.at(Path(folder))
        release = home.release(model=model)
        for stage in (Stage.SHADOW, Stage.ASSISTIVE):
            home.point(release, stage)
            bodies = [json.dumps(homes.call()).encode() for _ in range(requests + WARM_UP)]
            with Child("pilothouse", folder) as service:
                times, cpu_ms = service.post_all(homes.SERVICE, bodies)
                found |= {f"{stage}_call_ms": _figures(times), f"{stage}_cpu_ms": cpu_ms}
                if stage is Stage.SHADOW:
                    more = [json.dumps(homes.call()).encode() for _ in range(requests)]
                    together, seconds = service.post_together(homes.SERVICE, more)
                    rates = {"per_second": round(requests / seconds), "alone": round(1000 * requests / sum(times))}
                    found["calls_at_once"] = {**_figures(together), "clients": CONCURRENCY, **rates}
                found["service_peak_mb"] = service.peak_mb()
        with Child("echo") as echo:
            times, cpu_ms = echo.post_all("/echo", bodies)
            found |= {"bare_echo_ms": _figures(times), "echo_cpu_ms": cpu_ms, "echo_peak_mb": echo.peak_mb()}
    return {
        **found,
        "model_predict_row_ms": _figures(_time_model(model, requests, "predict_row")),
        "booster_predict_ms": _figures(_time_model(model, requests, "booster")),
        "durable_commit_ms": _figures(_time_commits(requests)),
        "request_bytes": len(bodies[0]),
        "features": len(model.feature_names),
        "trees": TREES,
    }


def _time_model(model: Any, requests: int, what: str) -> list[float]:
    import numpy as np

    row = dict.fromkeys(model.feature_names)
    matrix = np.full((1, len(row)), np.nan)
    booster = model.outcomes["critical_care"].booster
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        if what == "predict_row":
            model.predict_row(row, explained=())
        else:
            booster.predict(matrix, num_threads=1)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _time_commits(requests: int) -> list[float]:
    """The disk's own price: one row of an event's size, committed and fsynced by plain SQLite on the same disk."""
    times = []
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "yardstick.db")) as store:
        store.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (row TEXT)")
        for _ in range(requests):
            started = time.perf_counter()
            store.execute("INSERT INTO t VALUES (?)", ("x" * 4000,))
            store.commit()
            times.append((time.perf_counter() - started) * 1000)
    return times


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50": round(ordered[len(ordered) // 2], 3),
        "p99": round(ordered[int(len(ordered) * 0.99)], 3),
        "max": round(ordered[-1], 3),
    }


class Child:
    """A server in a process of its own."""

    def __init__(self, what: str, folder: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, __file__, "--serve", what, str(self.port), folder]
        self._process = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def __enter__(self) -> "Child":
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self._connection.connect()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise TimeoutError("The server did not start in 30 seconds.")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)

    def post_all(self, path: str, bodies: list[bytes]) -> tuple[list[float], float]:
        """Milliseconds of each call after the first `WARM_UP`, and the server's CPU milliseconds per call."""
        for body in bodies[:WARM_UP]:
            _timed(self._connection, path, body)
        before = self._cpu_seconds()
        times = [_timed(self._connection, path, body) for body in bodies[WARM_UP:]]
        return times, round(1000 * (self._cpu_seconds() - before) / len(times), 3)

    def peak_mb(self) -> float:
        """Peak resident memory of the server."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return round(int(kibibytes) * 1024 / 1e6, 1)

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND  # utime and stime, proc(5)

    def post_together(self, path: str, bodies: list[bytes]) -> tuple[list[float], float]:
        """Milliseconds of each call from `CONCURRENCY` clients at once, and the seconds of all."""
        times: list[float] = []

        def client(share: list[bytes]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            times.extend([_timed(connection, path, body) for body in share])

        threads = [threading.Thread(target=client, args=(bodies[i::CONCURRENCY],)) for i in range(CONCURRENCY)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times, time.perf_counter() - started


def _timed(connection: http.client.HTTPConnection, path: str, body: bytes) -> float:
    started = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"The server answered {response.status}: {content[:300]!r}")
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Serve in a child process, or measure and print."""
    if sys.argv[1:2] == ["--serve"]:
        what, port = sys.argv[2], int(sys.argv[3])
        serve_echo(port) if what == "echo" else serve_pilothouse(Path(sys.argv[4]), port)
        return
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 2000), indent=2))


if __name__ == "__main__":
    main()

"""The servers that answer the load, each in a process of its own: the service, an echo, and MLflow's own.

`python -m tests.benchmarks.serving_children KIND PORT FOLDER` runs one of the first two. Of the service there are two
kinds, with and without the fsync of its events; both hang their model for good when they are sent SIGUSR1. What does
not belong here: load (`open_loop.py`) and what it comes to (`bench_serving_load.py`).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_serving import ROOT, serve_echo, serve_pilothouse
from tests.benchmarks.serving_floor import serve_floor

START_SECONDS = 90.0
DURABLE, FORGETFUL, FLOOR, ECHO, MLFLOW = "durable", "forgetful", "floor", "echo", "mlflow"


@contextlib.contextmanager
def child(kind: str, folder: Path) -> Generator[tuple[int, int]]:
    """Run a server while the block lasts; gives its port and the id of its process group."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    binaries = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    environment = {"PYTHONPATH": str(ROOT), "PATH": binaries, "HOME": str(folder), **quiet}
    log = (folder / f"{kind}.log").open("wb")
    command = _mlflow(port, folder) if kind == MLFLOW else _ours(kind, port, folder)
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        _await(process, port, folder / f"{kind}.log")
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        log.close()


def _ours(kind: str, port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.serving_children", kind, str(port), str(folder)]


def _mlflow(port: int, folder: Path) -> list[str]:
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder / "model")]
    return [*serve, "--env-manager", "local", "--workers", "1", "--port", str(port)]


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"The server did not start: {log.read_text()[-2000:]}")


def hang_when_told() -> None:
    """From SIGUSR1 on the full model never answers again; the reduced one, which knows one feature, still does."""
    from ml.serving.scoring import Scorer

    whole, gate = Scorer.score, threading.Event()

    def hang(self: Scorer, values: Any) -> dict[str, float]:
        if len(self.model.features) > 1:
            gate.wait()
        return whole(self, values)

    def hurt(*_: object) -> None:
        Scorer.score = hang

    signal.signal(signal.SIGUSR1, hurt)


def forget() -> None:
    """Leave the event to the operating system: what the fsync costs is what this saves."""
    from ml.serving import tables

    durable = tables._durable_sqlite  # pyright: ignore[reportPrivateUsage]

    def unsynced(connection: Any, record: object) -> None:
        durable(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    tables._durable_sqlite = unsynced  # pyright: ignore[reportPrivateUsage]


def main(kind: str, port: int, folder: Path) -> None:
    """Serve until terminated."""
    if kind == ECHO:
        serve_echo(port)
        return
    if kind == FLOOR:
        serve_floor(folder, port)
        return
    if kind == FORGETFUL:
        forget()
    hang_when_told()
    serve_pilothouse(folder, port)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

"""All user interfaces side by side: Dagster, MLflow and the service, each a process group of its own.

Addresses are told once they answer. When one dies, on Ctrl-C and on SIGTERM, all are stopped, with everything that
they started. What does not belong here: what any of them shows.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from ml.registry import RegistryError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.watching.mlflow_access import ADMINISTRATOR, PASSWORD, guard, is_guarded
from orchestration.steps.watching.service import HOST, SERVICE_PORT

DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
POLL_SECONDS, PROBE_SECONDS = 0.5, 5.0
PATIENCE_SECONDS = 120.0
GRACE_SECONDS, LAST_SECONDS = 15.0, 3.0
LOG_LINES = 15
LOADED = "/graphql?query=" + quote(
    "{workspaceOrError{... on Workspace{locationEntries{locationOrLoadError{__typename}}}}}"
)

Progress = Callable[[str], None]


class InterfaceStopped(StepError):
    """A user interface ended by itself; the message holds the last lines that it wrote."""


@dataclass(frozen=True)
class Interface:
    """One program to run: `probe` is the path that answers with `ready` in it once the program can be used.

    `page` is what is worth opening first; `environment` is added to ours, and may hold secrets.
    """

    name: str
    shows: str
    command: tuple[str, ...]
    port: int
    usual_port: int
    page: str
    probe: str
    ready: bytes
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def line(self) -> str:
        taken = "" if self.port == self.usual_port else f" ({self.usual_port} is taken)"
        return f"{self.name:9} {self.address}{self.page}   {self.shows}{taken}"


@dataclass(frozen=True)
class Running:
    """An interface with its process, which leads its own group, and its log."""

    interface: Interface
    process: subprocess.Popen[bytes]
    log: Path


def run_user_interfaces(settings: Settings, progress: Progress) -> Answer:
    """Start all three, tell their addresses, and run until interrupted. Raises `InterfaceStopped` when one ends."""
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True)
    started: list[Running] = []
    with _interruptible() as no_more_interrupts:
        try:
            progress("Starting Dagster, MLflow and the service.")
            started.extend(_start(one, logs / f"{one.name.lower()}.log") for one in interfaces(settings))
            _tell_when_ready(started, progress)
            for line in [*_pages(settings, started[-1].interface), f"Logs      {logs}", "Stop with Ctrl-C."]:
                progress(line)
            _watch(started)
        except KeyboardInterrupt:
            progress("Stopping.")
        finally:
            no_more_interrupts()
            stop_all([one.process for one in started])
    addresses = {one.interface.name.lower(): one.interface.address for one in started}
    return Answer({"stopped": True, "addresses": addresses}, text="Stopped.")


def interfaces(settings: Settings) -> tuple[Interface, ...]:
    """Return what is run, each on its usual port or on a free one; the service is the last."""
    python, dagster, mlflow, service = sys.executable, *map(free_port, (DAGSTER_PORT, MLFLOW_PORT, SERVICE_PORT))
    here = ("--host", HOST, "--port")
    guarded, secrets = guard(settings)
    return (
        Interface(
            "Dagster",
            "graph, runs, checks, drift reports",
            (python, "-m", "dagster", "dev", "--workspace", str(PROJECT_ROOT / "workspace.yaml"), *here, str(dagster)),
            dagster,
            DAGSTER_PORT,
            "/asset-groups",
            LOADED,
            b'"RepositoryLocation"',
        ),
        Interface(
            "MLflow",
            "runs, figures, registered models",
            (
                *(python, "-m", "mlflow", "server", "--backend-store-uri", settings.mlflow_uri),
                *(
                    "--artifacts-destination",
                    str(settings.mlflow_artifacts),
                    "--workers",
                    "1",
                    *guarded,
                    *here,
                    str(mlflow),
                ),
            ),
            mlflow,
            MLFLOW_PORT,
            "/#/experiments?workflowType=machine_learning",
            "/health",
            b"OK",
            secrets,
        ),
        Interface(
            "Service",
            "CDS Hooks",
            (python, "-m", "orchestration.cli", "serve", *here, str(service)),
            service,
            SERVICE_PORT,
            "/cds-services",
            "/healthz",
            b"alive",
        ),
    )


def free_port(usual: int) -> int:
    """Return `usual` if nothing listens there, else a port that the operating system gives."""
    for port in (usual, 0):
        with suppress(OSError), socket.create_server((HOST, port)) as listener:
            return int(listener.getsockname()[1])
    raise StepError(f"No port is free on {HOST}; close a program that listens there.")


def _start(interface: Interface, log: Path) -> Running:
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **interface.environment}
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            interface.command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            cwd=PROJECT_ROOT,
            start_new_session=True,
        )
    return Running(interface, process, log)


def _tell_when_ready(started: list[Running], progress: Progress) -> None:
    """Tell each address when it answers; after some patience say which do not, and go on."""
    waiting, deadline = list(started), time.monotonic() + PATIENCE_SECONDS
    while waiting and time.monotonic() < deadline:
        for one in [
            one for one in waiting if answers(one.interface.address + one.interface.probe, one.interface.ready)
        ]:
            progress(one.interface.line)
            waiting.remove(one)
        _check(started)
        time.sleep(POLL_SECONDS if waiting else 0)
    for one in waiting:
        progress(f"{one.interface.name:9} is not ready after {PATIENCE_SECONDS:.0f} s; see {one.log}")


def answers(url: str, expected: bytes) -> bool:
    """Say whether `url` answers and `expected` is in what it says; a proxy of the environment is not asked."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=PROBE_SECONDS) as answer:
            return expected in answer.read()
    except (OSError, HTTPException):
        return False


def _pages(settings: Settings, service: Interface) -> list[str]:
    """Return the lines for the pages that are worth opening first."""
    lines: list[str] = []
    if is_guarded(settings):
        lines.append(f"Sign in   MLflow asks: {ADMINISTRATOR}, with the password in keys/{PASSWORD} of the home")
    if (settings.reports / "index.html").exists():
        lines.append(f"Reports   {service.address}/reports/")
    try:
        lines += [f"Board     {service.address}/board/{site}/{unit}" for site, unit in _units(settings)]
    except RegistryError as error:
        lines.append(f"Board     none: {error}")
    return lines


def _units(settings: Settings) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for use_case in list_use_cases():
        for site in served_sites(settings, use_case):
            release = released(settings, current_pointer(settings, use_case, site))
            found += [(site, unit) for unit in release.manifest.scope.units] if release else []
    return list(dict.fromkeys(found))


def _watch(started: list[Running]) -> None:
    while True:
        _check(started)
        time.sleep(POLL_SECONDS)


def _check(started: list[Running]) -> None:
    for one in started:
        code = one.process.poll()
        if code is not None:
            last = "\n".join(one.log.read_text(errors="replace").splitlines()[-LOG_LINES:])
            raise InterfaceStopped(f"{one.interface.name} ended with exit code {code}; {one.log} ends with:\n{last}")


def stop_all(leaders: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each leader to end, which ends its own children in order; then end whatever is left of its group."""
    for leader in leaders:
        leader.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for leader in leaders:
        with suppress(subprocess.TimeoutExpired):
            leader.wait(max(0.0, deadline - time.monotonic()))
    for leader in leaders:
        _end_group(leader)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    for order in (signal.SIGTERM, signal.SIGKILL):
        _signal_group(leader.pid, order)
        deadline = time.monotonic() + LAST_SECONDS
        while time.monotonic() < deadline:
            leader.poll()
            if not _signal_group(leader.pid, 0):
                return
            time.sleep(POLL_SECONDS / 5)


def _signal_group(group: int, order: int) -> bool:
    """Signal a process group; says whether there was anybody left in it. 0 only asks."""
    try:
        os.killpg(group, order)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _interruptible() -> Generator[Callable[[], None]]:
    """Make SIGTERM and SIGHUP interrupt like Ctrl-C; what is given lets no further ones disturb the stopping."""
    orders = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {order: signal.signal(order, _interrupt) for order in orders}

    def stop_listening() -> None:
        for order in orders:
            signal.signal(order, signal.SIG_IGN)

    try:
        yield stop_listening
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt

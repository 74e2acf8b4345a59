"""Running the service, and the user interfaces side by side.

What does not belong here: what the service answers (ml/serving).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from ml.serving.config import ServingConfig, SiteContext, utc_now
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.keys import site_key

DAGSTER_PORT, MLFLOW_PORT, SERVICE_PORT = 3000, 5000, 8088
POLL_SECONDS = 1.0


def serving_config(
    settings: Settings, base_url: str, *, home: Path | None = None, clock: Callable[[], datetime] = utc_now
) -> ServingConfig:
    """Return the service's configuration: every site's time zone and pseudonym key, over this home or a scratch one."""
    sites = {
        site: SiteContext(timezone=load_site(site).timezone, pseudonym_key=site_key(settings, load_site(site)))
        for site in list_sites()
    }
    return ServingConfig(
        home=home or settings.home,
        sites=sites,
        environment=settings.environment.value,
        events_url=settings.events_url if home is None else None,
        base_url=base_url,
        clock=clock,
    )


def run_service(settings: Settings, host: str, port: int) -> None:
    """Serve verified releases until interrupted."""
    from ml.serving.serve import run

    run(serving_config(settings, f"http://{host}:{port}"), host, port)


def run_user_interfaces(settings: Settings, progress: Callable[[str], None]) -> None:
    """Start Dagster's UI, MLflow's UI and the service; stop all of them when one ends or on Ctrl-C."""
    python = sys.executable
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    commands = {
        f"Dagster   http://127.0.0.1:{DAGSTER_PORT}   graph, runs, checks, evidently reports": [
            *(python, "-m", "dagster", "dev", "--workspace", str(PROJECT_ROOT / "workspace.yaml")),
            *("--host", "127.0.0.1", "--port", str(DAGSTER_PORT)),
        ],
        f"MLflow    http://127.0.0.1:{MLFLOW_PORT}   runs, lineage, registered models": [
            *(python, "-m", "mlflow", "server", "--backend-store-uri", settings.mlflow_uri),
            *("--artifacts-destination", str(settings.mlflow_artifacts), "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(MLFLOW_PORT)),
        ],
        f"Service   http://127.0.0.1:{SERVICE_PORT}/board/city/ED   CDS Hooks and huddle board": [
            *(python, "-m", "orchestration.cli", "serve", "--port", str(SERVICE_PORT)),
        ],
    }
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True)
    with ExitStack() as stack:
        children: list[subprocess.Popen[bytes]] = []
        for name, command in commands.items():
            log = stack.enter_context((logs / f"{name.split()[0].lower()}.log").open("wb"))
            child = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=PROJECT_ROOT)  # noqa: S603
            stack.callback(_stop, child)
            children.append(child)
            progress(name)
        progress(f"Reports   {settings.reports / 'index.html'}\nLogs      {logs}\nStop with Ctrl-C.")
        _wait(children)


def _wait(children: list[subprocess.Popen[bytes]]) -> None:
    try:
        while all(child.poll() is None for child in children):
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()

"""MLflow asks who is there outside development: its own server, started as `pilothouse ui` starts it."""

import base64
import os
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from orchestration.settings import Environment, Settings
from orchestration.steps.watching.mlflow_access import ADMINISTRATOR, CONFIG, PASSWORD, SECRET, guard
from orchestration.steps.watching.user_interfaces import Interface, answers, interfaces, stop_all

EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"


def settings_in(home, environment):
    return Settings(home, environment, "sqlite://", f"sqlite:///{home / 'mlflow.db'}", "sqlite://")


def status_of(interface: Interface, user: str | None = None, password: str = "") -> int:
    request = urllib.request.Request(interface.address + EXPERIMENTS)
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.fixture
def mlflow(tmp_path):
    """MLflow's server of a home in production, as `pilothouse ui` would start it."""
    one = next(one for one in interfaces(settings_in(tmp_path, Environment.PRODUCTION)) if one.name == "MLflow")
    process = subprocess.Popen(one.command, env={**os.environ, **one.environment}, cwd=tmp_path, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not answers(one.address + one.probe, one.ready):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield one
    finally:
        stop_all([process])


def test_outside_development_nobody_reads_runs_without_a_password(mlflow, tmp_path):
    password = (tmp_path / "keys" / PASSWORD).read_text()
    assert status_of(mlflow) == 401
    assert status_of(mlflow, ADMINISTRATOR, "password1234") == 401
    assert status_of(mlflow, ADMINISTRATOR, password) == 200


def test_secrets_are_made_once_and_are_their_owners_alone(tmp_path):
    settings = settings_in(tmp_path, Environment.VALIDATION)
    (arguments, first), (_, again) = guard(settings), guard(settings)
    assert arguments == ("--app-name", "basic-auth") and first == again
    for path in (tmp_path / "keys" / SECRET, tmp_path / "keys" / PASSWORD, tmp_path / CONFIG):
        assert path.stat().st_mode & 0o077 == 0
    assert first["MLFLOW_AUTH_ADMIN_PASSWORD"] not in (tmp_path / CONFIG).read_text()
    assert first["MLFLOW_AUTH_ADMIN_PASSWORD"] not in repr(interfaces(settings))


def test_development_asks_nobody(tmp_path):
    assert guard(settings_in(tmp_path, Environment.DEVELOPMENT)) == ((), {})
    assert not (tmp_path / "keys").exists()

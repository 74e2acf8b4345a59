"""The one settings object: paths under one home folder, database URLs, environment. Read once, passed on.

What does not belong here: anything of a site, a contract or a use case; those are YAML with an owner.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]

THIRD_PARTY_SWITCHES = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MPLBACKEND": "Agg",
}
DAGSTER_INSTANCE = """\
telemetry:
  enabled: false
nux:  # it asks for an address
  enabled: false
event_log_storage:
  module: orchestration.defs.event_log
  class: EventLog
  config:
    base_dir:
      env: DAGSTER_HOME
"""


class Environment(StrEnum):
    """Where this installation stands; contracts and serving differ by it only where they say so."""

    DEVELOPMENT = "development"
    VALIDATION = "validation"
    PRODUCTION = "production"


class SettingsError(Exception):
    """A setting cannot be used; the message names it, what it held and what it may hold."""


@dataclass(frozen=True)
class Settings:
    """Everything the product reads from its environment. All paths are absolute and under `home`."""

    home: Path
    environment: Environment
    ledger_url: str
    mlflow_uri: str
    events_url: str

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def spills(self) -> Path:
        """Where DuckDB puts what does not fit into memory as the tables are built; a killed build leaves it there."""
        return self.home / "warehouse.duckdb.tmp"

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def vocabulary(self) -> Path:
        return self.home / "vocabulary"

    @property
    def drops(self) -> Path:
        return self.home / "drops"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def evidence(self) -> Path:
        return self.home / "evidence"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def dbt_target(self) -> Path:
        return self.home / "dbt"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.home / "mlflow-artifacts"


def keep_private() -> None:
    """Let every file that this process and its children make be its owner's alone: homes hold people's records."""
    os.umask(os.umask(0o077) | 0o077)


def load_settings() -> Settings:
    """Read the environment. Raises `SettingsError` for an unknown `PILOTHOUSE_ENV` or a home that cannot be found."""
    home = _home()
    name = os.environ.get("PILOTHOUSE_ENV") or Environment.DEVELOPMENT.value
    if name not in set(Environment):
        allowed = ", ".join(Environment)
        raise SettingsError(f"PILOTHOUSE_ENV is {name!r}; it must be one of {allowed}. Unset it for development.")
    return Settings(
        home=home,
        environment=Environment(name),
        ledger_url=os.environ.get("PILOTHOUSE_LEDGER_URL") or f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}",
        events_url=os.environ.get("PILOTHOUSE_EVENTS_URL") or f"sqlite:///{home / 'events.db'}",
    )


def _home() -> Path:
    try:
        return Path(os.environ.get("PILOTHOUSE_HOME") or ".pilothouse").expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise SettingsError(
            "PILOTHOUSE_HOME names a folder that cannot be found: no user of that name, or the working folder is gone."
        ) from error


def home_not_writable(settings: Settings, error: OSError) -> SettingsError:
    """Return what to say of a home that cannot be made or written."""
    return SettingsError(
        f"PILOTHOUSE_HOME is {settings.home}, and it cannot be made or written there ({error.strerror}); "
        "name a folder that this user can write."
    )


def apply_third_party_switches(settings: Settings) -> None:
    """Turn telemetry off and keep every library's files under the home folder, also in child processes.

    Raises `SettingsError` where the home cannot be made.
    """
    try:
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        instance = settings.dagster_home / "dagster.yaml"
        if not instance.exists():
            instance.write_text(DAGSTER_INSTANCE)
    except OSError as error:
        raise home_not_writable(settings, error) from error
    os.environ.update(THIRD_PARTY_SWITCHES)
    os.environ["PILOTHOUSE_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DBT_TARGET_PATH"] = str(settings.dbt_target)
    os.environ["DBT_LOG_PATH"] = str(settings.dbt_target)

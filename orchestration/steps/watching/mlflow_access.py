"""Who may look into MLflow: outside development it asks for a name and a password, and everybody else only reads.

MLflow's own basic authentication (`mlflow server --app-name basic-auth`): its secrets are made once, each in a file of
`keys/` that its owner alone can read; its users, with their hashed passwords, lie in a database there. What does not
belong here: starting it.
"""

import secrets
from pathlib import Path

from orchestration.settings import Environment, Settings
from orchestration.steps.files import write_atomically, write_once
from orchestration.steps.secret_files import MLFLOW_USERS

ADMINISTRATOR = "admin"
SECRET, PASSWORD = "mlflow.secret", "mlflow.admin"
CONFIG = "mlflow_auth.ini"


def is_guarded(settings: Settings) -> bool:
    """Whether MLflow asks who is there: everywhere but in development."""
    return settings.environment is not Environment.DEVELOPMENT


def guard(settings: Settings) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what the command of MLflow's server and its environment need beyond the usual; nothing in development."""
    if not is_guarded(settings):
        return (), {}
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = settings.home / CONFIG
    database = f"database_uri = sqlite:///{settings.keys / MLFLOW_USERS}"
    lines = ["[mlflow]", "default_permission = READ", database, f"admin_username = {ADMINISTRATOR}"]
    write_atomically(config, "\n".join(lines).encode() + b"\n")
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": _kept(settings.keys / SECRET),
        "MLFLOW_AUTH_ADMIN_PASSWORD": _kept(settings.keys / PASSWORD),
    }
    return ("--app-name", "basic-auth"), environment


def _kept(path: Path) -> str:
    """A secret that is made once; the file is never rewritten, and nobody but its owner can read it."""
    write_once(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()

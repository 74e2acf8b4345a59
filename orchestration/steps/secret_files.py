"""Files with secrets of people's making: they lie in `keys/`, which no backup of the home holds.

Earlier versions kept them in the home itself; they are moved where one is found. What does not belong here: reading
one.
"""

import logging
import time
from pathlib import Path

from ml.registry.files import sweep_drafts
from orchestration.settings import Settings

LOG = logging.getLogger(__name__)

NOTIFY, MLFLOW_USERS = "notify.yaml", "mlflow_users.db"
SIDES = ("", "-wal", "-shm", "-journal")
NAMES = frozenset({NOTIFY, *(f"{MLFLOW_USERS}{side}" for side in SIDES)})


def move_secrets(settings: Settings) -> None:
    """Move what lies in the home into `keys/`; a file that is there already stays as it is, and so does the other."""
    found = [name for name in sorted(NAMES) if (settings.home / name).is_file()]
    if found:
        settings.keys.mkdir(mode=0o700, exist_ok=True)
    for name in found:
        if not (settings.keys / name).exists():
            (settings.home / name).replace(settings.keys / name)


def leftovers(settings: Settings) -> list[str]:
    """Say which of these files lies in the home although `keys/` has one, which is the one that is used."""
    return [
        f"{name} lies in the home, where a backup takes it, and another in keys/, which is used; delete the one in the "
        "home, or put it in the place of the other."
        for name in sorted(NAMES)
        if (settings.home / name).is_file() and (settings.keys / name).exists()
    ]


def sweep_keys(folder: Path, name: str | None = None) -> None:
    """Remove the copies of private keys that a killed process left half written in a folder, and say so in the log."""
    gone = sweep_drafts(folder, time.time(), name)
    if gone:
        LOG.warning(
            "A process was stopped while it wrote keys to %s/; %d drafts of it, copies of private keys or parts of "
            "them, were removed.", folder.name, len(gone),
        )  # fmt: skip


def is_secret(name: Path) -> bool:
    """Whether a path, from the home, is one of these files where an earlier version kept it."""
    return name.as_posix() in NAMES

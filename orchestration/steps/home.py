"""The version of a home's layout: written at first use, checked whenever a home is opened, raised step by step.

The ledger, the event store and every document carry a version of their own; this is that of all that lies between them
(folders, receipts, indexes, what waits). A migration may be interrupted and is then done again. Going down opens a home
of any version (decision 0004). What does not belong here: the stores' own versions.
"""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.feeds.vault import Vault
from orchestration.settings import Settings, home_not_writable
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json_durably
from orchestration.steps.locks import exclusive
from orchestration.steps.secret_files import move_secrets, sweep_keys

SCHEMA = "pilothouse.home/1"
FILE, LOCK = "home.json", "home"
UNVERSIONED = 0
"""A home from before there was a file: what an earlier version made, or nothing yet."""


class HomeNotUsable(StepError):
    """A home of a later version, or one whose version cannot be read; the message says what to do."""


def open_home(settings: Settings) -> int:
    """Bring the home to this version's layout and return the version that it had. Costs one read of a small file
    and a look into `keys/`, where drafts of a killed process go.

    Raises `HomeNotUsable`, and `SettingsError` where the home cannot be written.
    """
    found = _version(settings)
    try:
        if found < CURRENT:
            _migrate(settings)
        sweep_keys(settings.keys)
    except OSError as error:
        raise home_not_writable(settings, error) from error
    return found


def _migrate(settings: Settings) -> None:
    with exclusive(settings.home, LOCK):
        for step in range(_version(settings), CURRENT):  # another process may have been first
            MIGRATIONS[step](settings)
            _write(settings, step + 1)


def _version(settings: Settings) -> int:
    path = settings.home / FILE
    if settings.home.exists() and not settings.home.is_dir():
        raise HomeNotUsable(f"PILOTHOUSE_HOME ({settings.home.name}) is a file; name a folder, which may be a new one.")
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return UNVERSIONED
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(settings) from error
    found = document.get("version") if isinstance(document, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise _unreadable(settings)
    if found > CURRENT or document.get("schema") != SCHEMA:
        raise HomeNotUsable(
            f"PILOTHOUSE_HOME ({settings.home.name}) has layout version {found}, written by Pilothouse "
            f"{_writer(document)}; this one ({version('pilothouse')}) reads up to {CURRENT}, and changes nothing. Use "
            "the later version, or restore a backup of before into another folder. To stop what is served: pilothouse "
            "rollback, which works all the same."
        )
    return found


def _unreadable(settings: Settings) -> HomeNotUsable:
    return HomeNotUsable(
        f"{FILE} in PILOTHOUSE_HOME ({settings.home.name}) does not say which version the home has; restore that file "
        "from the backup. Nothing is changed until then."
    )


def _writer(document: dict[str, Any]) -> str:
    return str(document.get("written_by", "?"))[:40]


def _write(settings: Settings, number: int) -> None:
    write_json_durably(settings.home / FILE, {"schema": SCHEMA, "version": number, "written_by": version("pilothouse")})


def _seal_what_waits(settings: Settings) -> None:
    """0 to 1: an export that was interrupted left its files plain; encrypt them where they wait, remove its drafts."""
    vault = Vault.of(settings.home)
    for path in sorted((settings.home / "exports").glob("*/files/*")):
        if path.suffix == ".part":
            path.unlink()
        elif path.is_file() and not path.is_symlink():
            _seal(vault, path)


def _seal(vault: Vault, path: Path) -> None:
    if not vault.is_waiting(path):
        with path.open("rb") as stream:
            vault.wait_stream(stream, path)


def _sign_models(settings: Settings) -> None:
    """1 to 2: the model of a release carries a signature of its own as well."""
    from orchestration.steps.releases.release_keys import sign_models

    sign_models(settings)


def _mark_vault(settings: Settings) -> None:
    """3 to 4: the vault and its keyring say which form they have, so that a later form is refused."""
    Vault.of(settings.home).mark()


def _sign_evidence(settings: Settings) -> None:
    """4 to 5: evidence carries the signature of whoever measured it."""
    from orchestration.steps.learning.signed_evidence import sign_what_lies

    sign_what_lies(settings)


MIGRATIONS: Mapping[int, Callable[[Settings], None]] = {
    UNVERSIONED: _seal_what_waits,
    1: _sign_models,
    2: move_secrets,  # whom to notify, and MLflow's users: out of what a backup of the home holds
    3: _mark_vault,
    4: _sign_evidence,
}
"""What leads from each version to the next; each may be done twice."""
CURRENT = max(MIGRATIONS) + 1

"""Which form the vault and its keyring have: one small file in each, beside what it is about.

A home of before there were such files has the first form. What does not belong here: the forms themselves (vault.py,
keyring.py).
"""

import json
import secrets
from pathlib import Path

from orchestration.feeds.durable import flush, sync_folder
from orchestration.feeds.vault.errors import VaultError

FILE = "schema.json"
VAULT, KEYRING = "pilothouse.vault/1", "pilothouse.keyring/1"


def require(folder: Path, schema: str) -> None:
    """Raise `VaultError` where a folder says that it has another form than `schema`, or says nothing that can be read.

    Without the file, or with one to which nothing was written before the power went, it is of before there was one, and
    of the first form.
    """
    try:
        content = (folder / FILE).read_bytes()
        document = json.loads(content) if content else {"schema": schema}
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise VaultError(f"{_named(folder)} cannot be read; restore that file from the backup.") from error
    found = document.get("schema") if isinstance(document, dict) else None
    if found != schema:
        raise VaultError(
            f"{_named(folder)} says {str(found)[:40]}; this version reads {schema}, and opens and changes nothing. Use "
            "the version that wrote it, or restore a backup of before into another folder."
        )


def mark(folder: Path, schema: str) -> None:
    """Say which form a folder has, unless it says so already."""
    path = folder / FILE
    if not path.exists() or not path.stat().st_size:
        beside = folder / f".{FILE}.{secrets.token_hex(4)}"
        with beside.open("wb") as stream:
            stream.write(json.dumps({"schema": schema}).encode() + b"\n")
            flush(stream)
        beside.chmod(0o600)
        beside.replace(path)
        sync_folder(folder)


def _named(folder: Path) -> str:
    return "/".join((*folder.parts[-2:], FILE))

"""Keys of this home: one pseudonym key per site, one of dates where they are shifted, the
ledger's and the release's signing keys.

Files under `keys/`, mode 0600, never printed. What does not belong here: approvers' keys (they keep their own).
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from ml.registry.files import make_folder
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_once

KEY_BYTES = 32
KEY_VERSION = 1


class KeyFileError(StepError):
    """A key file cannot be trusted: wrong size, or readable by others than its owner."""


def site_key(settings: Settings, site: Site) -> bytes:
    """Return the site's 32-byte pseudonym key, made on first use.

    A hospital's key is random and secret. Where the site's records carry no secret (a public-use survey, simulated
    patients), the site file says so and the key is derived from the site's name, so that every home makes the same
    tables from the same bytes.
    """
    path = settings.keys / f"{site.id}.pseudonym.v{KEY_VERSION}.key"
    _make(settings, path, _derived(site.id) if site.reproducible_pseudonyms else None)
    return _read(path)


def date_key_file(settings: Settings, site: Site) -> Path:
    """Return the file of the site's 32-byte key of dates, made on first use: always random, since whoever can
    compute it can take every shift back.

    dbt reads the file itself, so that no SQL text and no log holds the key; it reads no other key. Another key is
    another shift for everybody: the tables are then built anew (decision record 0018).
    """
    path = settings.keys / f"{site.id}.dates.v{KEY_VERSION}.key"
    _make(settings, path)
    _read(path)
    return path


def key_mark(path: Path) -> str:
    """Return what tells a key from another without telling anything of it: 16 hex digits of an HMAC under it."""
    return hmac.new(_read(path), b"pilothouse key mark", hashlib.sha256).hexdigest()[:16]


def _make(settings: Settings, path: Path, fresh: bytes | None = None) -> None:
    if not path.exists():
        make_folder(settings.keys, mode=0o700)
        write_once(path, fresh or secrets.token_bytes(KEY_BYTES), mode=0o600)  # of two first users one made it


def _derived(site_id: str) -> bytes:
    return hashlib.sha256(f"pilothouse public pseudonym key {KEY_VERSION} {site_id}".encode()).digest()


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path.name} is readable by others than its owner; run: chmod 600 on it, then rotate it.")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path.name} holds {len(key)} bytes, expected {KEY_BYTES}; restore it from the backup.")
    return key

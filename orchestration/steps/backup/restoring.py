"""`restore`: a backup and its keys become a home again, at a place where none is, and its ledger verifies.

What does not belong here: the form of the file (archive).
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluation.ledger import Ledger, load_private_key, public_hex, take_in_export, verify_export
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.backup.archive import BackupBroken, BackupRefused, read_archive, require_signed
from orchestration.steps.backup.making import KEYS, LEDGER_EXPORT
from orchestration.steps.records import CHECKPOINT, LEDGER_KEY, open_records, verify_ledger
from orchestration.steps.tables import demand_rebuild

ERASE_AGAIN = (
    "What was erased after this backup was made is in it again, with its keys: repeat every erasure since {made_at}, "
    "and hold the ledger against the board's anchors (ledger verify --anchors FILE)."
)


def restore(
    settings: Settings, file: Path, key_file: Path, public_key: str | None, progress: Callable[[str], None]
) -> Answer:
    """Make a home of a backup. `public_key` (64 hex digits), where given, is the ledger's as the board knows it.

    Nothing is left behind unless every file is as it was and the ledger's chain holds. Exit code 1 when the restored
    ledger and release pointers disagree. Raises `BackupRefused`, `BackupBroken`, `LedgerError`.
    """
    _require_empty(settings.home)
    staging = settings.home.with_name(f".{settings.home.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    try:
        progress("Unpacking, and holding every file against the manifest.")
        manifest = _unpacked(staging, file, key_file, public_key)
        _require_sound(staging / LEDGER_EXPORT, manifest)
        _move(staging, settings.home)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress("Taking the ledger in.")
    _ledger(settings)
    demand_rebuild(settings, "restored from a backup")
    return _answer(settings, manifest)


def _unpacked(staging: Path, file: Path, key_file: Path, public_key: str | None) -> dict[str, Any]:
    """Unpack both files; the manifest of the home. Both are signed by the ledger's key that they bring along."""
    keys = read_archive(key_file, staging, public_key)
    home = read_archive(file, staging, public_key)
    own = public_hex(load_private_key(staging / KEYS / LEDGER_KEY))
    for signed, name in ((keys, key_file.name), (home, file.name)):
        require_signed(signed, own, name)
    if keys["manifest"]["ledger"] != home["manifest"]["ledger"]:
        raise BackupBroken(
            f"{file.name} and {key_file.name} are not of one backup: keys made or destroyed between them would be "
            "missing or come back. Take the two that were written together."
        )
    return home["manifest"]


def _require_sound(export: Path, manifest: dict[str, Any]) -> None:
    verdict = verify_export(export, str(manifest["public_key"]))
    if not verdict.ok or verdict.entries != manifest["ledger"]["seq"]:
        raise BackupBroken(f"The ledger in the backup does not verify ({verdict.reason or 'entries are missing'}).")


def _require_empty(home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        raise BackupRefused(
            f"PILOTHOUSE_HOME ({home.name}) is not empty, and a restore never overwrites: name a new folder, or move "
            "the old home away first."
        )


def _move(staging: Path, home: Path) -> None:
    if home.exists():
        home.rmdir()
    staging.rename(home)


def _ledger(settings: Settings) -> Ledger:
    """The ledger in its store, entry for entry as it was exported. Raises `LedgerError` where the store has another."""
    key = load_private_key(settings.keys / LEDGER_KEY)
    take_in_export(settings.home / LEDGER_EXPORT, settings.ledger_url, key, settings.home / CHECKPOINT)
    (settings.home / LEDGER_EXPORT).unlink()
    open_records.cache_clear()
    return open_records(settings)


def _answer(settings: Settings, manifest: dict[str, Any]) -> Answer:
    verified = verify_ledger(settings)
    warnings = [ERASE_AGAIN.format(made_at=manifest["made_at"]), *manifest["outside"]]
    document = {
        "home": str(settings.home),
        "made_at": manifest["made_at"],
        "files": len(manifest["files"]),
        "ledger": verified.document,
        "warnings": warnings,
        "next": "pilothouse run, which builds the tables and pages anew",
    }
    return Answer(document, exit_code=verified.exit_code)

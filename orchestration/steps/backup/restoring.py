"""`restore`: a backup and its keys become a home again, at a place where none is, and its ledger verifies.

Everything is made ready in a folder inside the home, so that only names move at the end: the home may be a link, a
mount or a volume of its own. What does not belong here: the form of the file (archive).
"""

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.ledger import LedgerStoreError, load_private_key, open_ledger, public_hex, take_in_export
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.backup.archive import read_archive, require_signed
from orchestration.steps.backup.decided import LEDGER_EXPORT
from orchestration.steps.backup.errors import BackupBroken, BackupRefused
from orchestration.steps.backup.making import KEYS
from orchestration.steps.backup.places import inside_home
from orchestration.steps.backup.walking import LOST_AND_FOUND, STAGING
from orchestration.steps.home import open_home
from orchestration.steps.record.records import CHECKPOINT, LEDGER_KEY, open_records, verify_ledger
from orchestration.steps.warehouse.tables import demand_rebuild

ERASE_AGAIN = (
    "What was erased after this backup was made is in it again, with its keys: repeat every erasure since {made_at}, "
    "and hold the ledger against the board's anchors (ledger verify --anchors FILE)."
)


def restore(
    settings: Settings, file: Path, key_file: Path, public_key: str | None, progress: Callable[[str], None]
) -> Answer:
    """Make a home of a backup. `public_key` (64 hex digits), where given, is the ledger's as the board knows it.

    Nothing is left behind unless every file is as it was and the ledger's chain holds in its store. Exit code 1 when
    the restored ledger and release pointers disagree. Raises `BackupRefused`, `BackupBroken`, `HomeNotUsable` and
    `LedgerError`.
    """
    home = settings.home.resolve()
    try:
        _require_empty(home)
        with _staging(home) as staging:
            progress("Unpacking, and holding every file against the manifest.")
            manifest = _unpacked(staging, file, key_file, public_key)
            progress("Taking the ledger in.")
            staged = _staged(settings, staging)
            open_home(staged)
            _take_ledger_in(staged, manifest)
            demand_rebuild(staged, "restored from a backup")
            _move(staging, home)
    except OSError as error:
        raise BackupRefused(
            f"PILOTHOUSE_HOME ({home.name}) cannot be restored into ({error.strerror}); nothing was kept. Make free "
            "space there and the right to write, or name another folder; then restore again."
        ) from error
    open_records.cache_clear()
    return _answer(settings, manifest)


@contextmanager
def _staging(home: Path) -> Generator[Path]:
    """A folder inside the home to make everything ready in, gone afterwards; after a failure a new home is, too."""
    is_new, staging = not home.exists(), home / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging.mkdir(mode=0o700)
        yield staging
        staging.rmdir()
    except BaseException:  # whatever stopped it, an interrupt included
        shutil.rmtree(staging, ignore_errors=True)
        if is_new and home.exists() and not any(home.iterdir()):
            home.rmdir()
        raise


def _staged(settings: Settings, staging: Path) -> Settings:
    """The settings of the home as it is made ready: a ledger that belongs inside it is made there, too."""
    inside = inside_home(settings, settings.ledger_url)
    if inside is None:
        return replace(settings, home=staging)
    (staging / inside).parent.mkdir(parents=True, exist_ok=True)
    return replace(settings, home=staging, ledger_url=f"sqlite:///{staging / inside}")


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


def _require_empty(home: Path) -> None:
    found = {path.name for path in home.iterdir()} - {LOST_AND_FOUND} if home.exists() else set[str]()
    if found > {STAGING}:
        raise BackupRefused(
            f"A restore into PILOTHOUSE_HOME ({home.name}) was cut off when it was nearly done: empty the folder, "
            f"{STAGING} included, and restore again."
        )
    if found - {STAGING}:
        raise BackupRefused(
            f"PILOTHOUSE_HOME ({home.name}) is not empty, and a restore never overwrites: name a new folder, or move "
            "the old home away first."
        )


def _take_ledger_in(staged: Settings, manifest: dict[str, Any]) -> None:
    """Put the ledger into its store, entry for entry, and verify it there before anything is in place.

    Raises `BackupBroken` for another ledger than the manifest's, and `LedgerError` where the store has another.
    """
    export, checkpoint = staged.home / LEDGER_EXPORT, staged.home / CHECKPOINT
    key = load_private_key(staged.keys / LEDGER_KEY)
    entries = take_in_export(export, staged.ledger_url, key, checkpoint)
    verdict = open_ledger(staged.ledger_url, public_key=public_hex(key), checkpoint=checkpoint).verify()
    if not verdict.ok:
        raise LedgerStoreError(f"The ledger does not verify in its store ({verdict.reason}); nothing was restored.")
    if entries != manifest["ledger"]["seq"]:
        raise BackupBroken(f"The ledger in the backup has {entries} entries, its manifest says otherwise.")
    export.unlink()


def _move(staging: Path, home: Path) -> None:
    """Give everything its place, all or nothing: within one file system only names change."""
    moved: list[Path] = []
    try:
        for path in sorted(staging.iterdir()):
            moved.append(home / path.name)
            path.rename(moved[-1])
    except BaseException:  # an interrupt included
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


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

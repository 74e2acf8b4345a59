"""`backup`: which files of a home are copied, how databases are copied while they are used, and what lies elsewhere.

What does not belong here: the form of the file (archive), and what must be of one moment (decided).
"""

import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.ledger import Checkpoint, LedgerStoreError, instant_text, load_private_key
from orchestration.feeds.landing import site_lock
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.answer import Answer
from orchestration.steps.backup.archive import write_archive
from orchestration.steps.backup.decided import FOLDERS, Decided, decided
from orchestration.steps.backup.errors import BackupRefused, unwritable
from orchestration.steps.backup.places import in_home, inside_home
from orchestration.steps.backup.walking import LOST_AND_FOUND, STAGING, files_under
from orchestration.steps.locks import exclusive
from orchestration.steps.record.records import CHECKPOINT, LEDGER_KEY, broken, has_ledger, open_records
from orchestration.steps.secret_files import is_secret
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK

KEYS = "keys"
LEFT_OUT = ("locks", "dbt", "reports", "logs", "incoming", "warehouse.duckdb.tmp", KEYS, LOST_AND_FOUND, STAGING)
"""Folders that the next run makes anew, or that hold what was in the making; keys go into a file of their own."""
FIRST = ("raw", "lake", "receipts")
"""Folders of which a home that anything has landed in has one."""
DERIVED = ("warehouse.duckdb", CHECKPOINT)
"""Files that the next run, or the restored ledger, makes anew."""
SQLITE_MAGIC = b"SQLite format 3\0"
SIDE_FILES = ("-wal", "-shm", "-journal")


def back_up(
    settings: Settings, file: Path, key_file: Path | None, at: datetime, progress: Callable[[str], None]
) -> Answer:
    """Write the home to `file` and its keys to `key_file`, while services go on and feeds wait.

    Raises `BackupRefused`, `LandingBusy`, and `LedgerError` for a ledger that does not verify: no state to keep.
    """
    if not has_ledger(settings) and not any((settings.home / folder).is_dir() for folder in FIRST):
        raise BackupRefused(
            f"There is nothing to back up at PILOTHOUSE_HOME ({settings.home.name}): nothing has landed there, and "
            "nobody has decided anything. Is it the right folder?"
        )
    ledger = open_records(settings)
    verdict = ledger.verify()
    if not verdict.ok:
        raise LedgerStoreError(f"{broken(verdict)} Nothing is backed up; run: ledger verify.")
    _require_new(settings, file, key_file)
    with _scratch(file) as scratch, _standing_still(settings):
        progress("Copying the home.")
        try:
            taken = decided(settings, ledger, scratch / "decided")
        except OSError as error:
            raise unwritable(f"What is copied first, beside {file.name},", error) from error
        about = _about(settings, ledger.public_key, taken.head, at)
        manifest, kept = _written(settings, taken, scratch, about, file, key_file)
    document = {
        "file": str(file),
        "files": len(manifest["files"]),
        "bytes": file.stat().st_size,
        "keys": None if key_file is None else str(key_file),
        "key_files": len(kept),
        "entries": taken.head.seq,
        "public_key": ledger.public_key,
        "outside": about["outside"],
        "warnings": [*([] if key_file else [KEYS_MISSING]), *about["outside"]],
    }
    return Answer(document)


KEYS_MISSING = (
    "The keys are not in it: without a copy of keys/ nothing in it can be read, served or signed. Give --keys FILE, "
    "and keep that file apart from this one."
)


@contextmanager
def _scratch(file: Path) -> Generator[Path]:
    """A folder on the disk where the backup goes, gone at the end."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=".pilothouse-backup-", dir=file.absolute().parent)
    except OSError as error:
        raise unwritable(file.name, error) from error
    with folder as name:
        yield Path(name)


def _written(
    settings: Settings, taken: Decided, scratch: Path, about: dict[str, Any], file: Path, key_file: Path | None
) -> tuple[dict[str, Any], list[Any]]:
    """Write both files, or neither: the manifest of the home, and the files of the keys."""
    key = load_private_key(settings.keys / LEDGER_KEY)
    manifest = write_archive(file, _files(settings, taken, scratch), about, key)
    try:
        if key_file is None:
            return manifest, []
        return manifest, write_archive(key_file, _keys(settings, scratch), about, key)["files"]
    except BaseException:  # whatever stopped it: a home whose keys are in no copy would pass for a backup
        file.unlink()
        raise


def _about(settings: Settings, public_key: str, head: Checkpoint, at: datetime) -> dict[str, Any]:
    return {
        "made_at": instant_text(at),
        "version": version("pilothouse"),
        "public_key": public_key,
        "ledger": head.to_json(),
        "outside": list(_outside(settings)),
    }


def _outside(settings: Settings) -> Iterator[str]:
    """What this home keeps in databases elsewhere, which have tools of their own for this."""
    for name, url in (("MLFLOW_TRACKING_URI", settings.mlflow_uri), ("PILOTHOUSE_EVENTS_URL", settings.events_url)):
        if inside_home(settings, url) is None:
            yield f"{name} lies outside this home and is not in the backup; back it up with its own tool (pg_dump)."


@contextmanager
def _standing_still(settings: Settings) -> Generator[None]:
    """Hold what lands and what builds, so that lake, receipts and indexes agree. Raises `LandingBusy`."""
    with ExitStack() as stack:
        stack.enter_context(exclusive(settings.home, WAREHOUSE_LOCK))
        for site in list_sites():
            stack.enter_context(site_lock(settings.home, site))
        yield


def _files(settings: Settings, taken: Decided, scratch: Path) -> Iterator[tuple[str, Path]]:
    yield from taken.files()
    for path in files_under(settings.home):
        name = path.relative_to(settings.home)
        if not _is_left_out(settings, name) and name.parts[0] not in FOLDERS:
            yield name.as_posix(), _copied(path, name, scratch) if _is_sqlite(path) else path


def _is_left_out(settings: Settings, name: Path) -> bool:
    is_ledger = inside_home(settings, settings.ledger_url) == name
    is_side = name.name.endswith(SIDE_FILES)
    is_draft = name.name.startswith(".")
    return (
        is_ledger or is_side or is_draft or name.parts[0] in LEFT_OUT or is_secret(name) or name.as_posix() in DERIVED
    )


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:  # gone since it was listed, or not to be read: the archive says which
        return False


def _copied(path: Path, name: Path, scratch: Path) -> Path:
    """Copy a database as of one moment, whoever writes meanwhile. Raises `BackupRefused`."""
    copy = scratch / "database"
    copy.unlink(missing_ok=True)
    reading = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(reading, uri=True)) as source, closing(sqlite3.connect(copy)) as to:
            source.backup(to)
            to.execute("pragma journal_mode=delete")
    except sqlite3.Error as error:
        raise BackupRefused(
            f"{name.as_posix()} cannot be copied ({error}): make free space where the backup goes, or repair or move "
            "away the database; then back up again. Nothing was kept."
        ) from error
    return copy


def _keys(settings: Settings, scratch: Path) -> Iterator[tuple[str, Path]]:
    for path in files_under(settings.keys):
        name = path.relative_to(settings.home)
        if not path.name.startswith(".") and not path.name.endswith(SIDE_FILES):
            yield name.as_posix(), _copied(path, name, scratch) if _is_sqlite(path) else path


def _require_new(settings: Settings, *files: Path | None) -> None:
    """Raise `BackupRefused` for a place inside the home, in no folder, or where something lies already."""
    for file in (one for one in files if one is not None):
        if in_home(settings, file):
            raise BackupRefused(f"{file.name} would lie inside the home that it is a copy of; name a file elsewhere.")
        if not file.absolute().parent.is_dir():
            raise BackupRefused(f"The folder of {file.name} is not there; make it first.")
        if file.exists():
            raise BackupRefused(f"{file.name} exists already, and backups are never overwritten; name a new file.")

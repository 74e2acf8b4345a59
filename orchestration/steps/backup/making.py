"""`backup`: which files of a home are copied, how databases are copied while they are used, and what lies elsewhere.

What does not belong here: the form of the file (archive).
"""

import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.ledger import Ledger, LedgerStoreError, instant_text, load_private_key
from orchestration.feeds.landing import site_lock
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.answer import Answer
from orchestration.steps.backup.archive import BackupRefused, write_archive
from orchestration.steps.locks import exclusive
from orchestration.steps.records import CHECKPOINT, LEDGER_KEY, broken, has_ledger, open_records
from orchestration.steps.tables import WAREHOUSE_LOCK

LEDGER_EXPORT = "ledger.jsonl"
KEYS = "keys"
LEFT_OUT = ("locks", "dbt", "reports", "logs", "incoming", KEYS)
"""Folders that the next run makes anew, or that hold what was in the making; keys go into a file of their own."""
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
    if not has_ledger(settings):
        raise BackupRefused(f"There is no home to back up at PILOTHOUSE_HOME ({settings.home.name}): it has no ledger.")
    ledger = open_records(settings)
    verdict = ledger.verify()
    if not verdict.ok:
        raise LedgerStoreError(f"{broken(verdict)} Nothing is backed up; run: ledger verify.")
    _require_outside(settings, file, key_file)
    key = load_private_key(settings.keys / LEDGER_KEY)
    scratch = tempfile.TemporaryDirectory(prefix=".pilothouse-backup-", dir=file.absolute().parent)
    with scratch as folder, _standing_still(settings):
        progress("Copying the home.")
        about = _about(settings, ledger, at)
        manifest = write_archive(file, _files(settings, ledger, Path(folder)), about, key)
        kept = [] if key_file is None else write_archive(key_file, _keys(settings), about, key)["files"]
    document = {
        "file": str(file),
        "files": len(manifest["files"]),
        "bytes": file.stat().st_size,
        "keys": None if key_file is None else str(key_file),
        "key_files": len(kept),
        "entries": about["ledger"]["seq"],
        "public_key": ledger.public_key,
        "outside": about["outside"],
        "warnings": [*([] if key_file else [KEYS_MISSING]), *about["outside"]],
    }
    return Answer(document)


KEYS_MISSING = (
    "The keys are not in it: without a copy of keys/ nothing in it can be read, served or signed. Give --keys FILE, "
    "and keep that file apart from this one."
)


def _about(settings: Settings, ledger: Ledger, at: datetime) -> dict[str, Any]:
    return {
        "made_at": instant_text(at),
        "version": version("pilothouse"),
        "public_key": ledger.public_key,
        "ledger": ledger.head().to_json(),
        "outside": list(_outside(settings)),
    }


def _outside(settings: Settings) -> Iterator[str]:
    """What this home keeps in databases elsewhere, which have tools of their own for this."""
    for name, url in (("MLFLOW_TRACKING_URI", settings.mlflow_uri), ("PILOTHOUSE_EVENTS_URL", settings.events_url)):
        if not url.startswith(f"sqlite:///{settings.home}"):
            yield f"{name} lies outside this home and is not in the backup; back it up with its own tool (pg_dump)."


@contextmanager
def _standing_still(settings: Settings) -> Generator[None]:
    """Hold what lands and what builds, so that lake, receipts and indexes agree. Raises `LandingBusy`."""
    with ExitStack() as stack:
        stack.enter_context(exclusive(settings.home, WAREHOUSE_LOCK))
        for site in list_sites():
            stack.enter_context(site_lock(settings.home, site))
        yield


def _files(settings: Settings, ledger: Ledger, scratch: Path) -> Iterator[tuple[str, Path]]:
    yield LEDGER_EXPORT, ledger.export(scratch / LEDGER_EXPORT)
    for path in sorted(settings.home.rglob("*")):
        name = path.relative_to(settings.home)
        if not (path.is_symlink() or _is_left_out(settings, name)) and path.is_file():
            yield name.as_posix(), _copied(path, scratch) if _is_sqlite(path) else path


def _is_left_out(settings: Settings, name: Path) -> bool:
    is_ledger = settings.ledger_url == f"sqlite:///{settings.home / name}"
    is_side = name.name.endswith(SIDE_FILES)
    is_draft = name.name.startswith(".")
    return is_ledger or is_side or is_draft or name.parts[0] in LEFT_OUT or name.as_posix() in DERIVED


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except FileNotFoundError:  # gone since it was listed: the archive leaves it out, too
        return False


def _copied(path: Path, scratch: Path) -> Path:
    """Copy a database as of one moment, whoever writes meanwhile."""
    copy = scratch / "database"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as to:
        source.backup(to)
        to.execute("pragma journal_mode=delete")
    return copy


def _keys(settings: Settings) -> Iterator[tuple[str, Path]]:
    for path in sorted(settings.keys.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path.relative_to(settings.home).as_posix(), path


def _require_outside(settings: Settings, *files: Path | None) -> None:
    for file in files:
        if file is not None and file.absolute().is_relative_to(settings.home):
            raise BackupRefused(f"{file.name} would lie inside the home that it is a copy of; name a file elsewhere.")
        if file is not None and not file.absolute().parent.is_dir():
            raise BackupRefused(f"The folder of {file.name} is not there; make it first.")

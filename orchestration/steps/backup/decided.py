"""What was decided, as of one moment: the ledger, the pointers that it orders, and the orders that wait for it.

A ledger without its pointer, or the reverse, is a home where nothing goes up. Release steps are therefore held while
these are copied. An order to go down waits a few seconds at most and then goes on (decision 0004): where one went on,
all is copied again. What does not belong here: everything else of a home (making).
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from evaluation.ledger import Checkpoint, Ledger, read_export
from ml.registry.challenger import FOLDER as CHALLENGERS
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.backup.errors import BackupRefused
from orchestration.steps.backup.walking import files_under
from orchestration.steps.locks import exclusive
from orchestration.steps.record.agreement import pointed_places
from orchestration.steps.record.pending import FOLDER as PENDING

LEDGER_EXPORT = "ledger.jsonl"
FOLDERS = ("pointers", CHALLENGERS, PENDING)
ATTEMPTS = 3


@dataclass(frozen=True)
class Decided:
    """Copies under `folder`, named as in the home, with the ledger's export; `head` is the one in that export."""

    folder: Path
    head: Checkpoint

    def files(self) -> Iterator[tuple[str, Path]]:
        for path in files_under(self.folder):
            yield path.relative_to(self.folder).as_posix(), path


def decided(settings: Settings, ledger: Ledger, folder: Path) -> Decided:
    """Copy ledger, pointers and waiting orders into the new `folder`, and verify the export.

    Raises `BackupRefused` where orders came in all the while, `LedgerError`, and `OSError` for a disk that is full.
    """
    with ExitStack() as stack:
        for name in _release_locks(settings):
            stack.enter_context(exclusive(settings.home, name))
        for _ in range(ATTEMPTS):
            before = _orders(settings)
            export = _copied(settings, ledger, folder)
            if _orders(settings) == before:
                break
        else:
            raise BackupRefused("Orders to go down came in all the while; see: pilothouse status. Then back up again.")
    _, head = read_export(export, ledger.public_key)
    return Decided(folder, head)


def _release_locks(settings: Settings) -> list[str]:
    """The lock of every place where a release may stand, in the one order in which they are taken."""
    places = {(use_case, site) for use_case in use_case_names() for site in list_sites()} | pointed_places(settings)
    return sorted(f"release-{use_case}-{site}" for use_case, site in places)


def _orders(settings: Settings) -> dict[str, bytes]:
    found = [path for name in FOLDERS for path in files_under(settings.home / name)]
    return {path.relative_to(settings.home).as_posix(): path.read_bytes() for path in found}


def _copied(settings: Settings, ledger: Ledger, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in FOLDERS:
        for path in files_under(settings.home / name):
            copy = folder / path.relative_to(settings.home)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    return ledger.export(folder / LEDGER_EXPORT)

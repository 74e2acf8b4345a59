"""Walking through a home: every plain file, in order; a folder that cannot be listed is an error and never silence.

What does not belong here: which of them are copied (making, decided).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from orchestration.steps.backup.errors import BackupRefused

LOST_AND_FOUND = "lost+found"
"""The folder that a file system of its own (ext4) keeps at its root; it is no part of a home."""
STAGING = ".restoring"
"""The folder of a home in which a restore makes everything ready."""


def files_under(root: Path) -> Iterator[Path]:
    """Every regular file under `root`, sorted. Raises `BackupRefused`, also for a link: what it leads to would be left
    out of the copy in silence."""
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        folders.sort()
        if links := [name for name in (*folders, *names) if Path(folder, name).is_symlink()]:
            raise BackupRefused(
                f"{Path(folder, links[0]).relative_to(root.parent)} is a link, and what it leads to would not be in "
                "the copy; put the folder itself there (a mount is one), or make the whole home a link. Nothing was "
                "kept."
            )
        for path in (Path(folder, name) for name in sorted(names)):
            if path.is_file():
                yield path


def _unreadable(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # gone since it was listed, or never made
        raise unreadable(Path(error.filename).name, error) from error


def unreadable(name: str, error: OSError) -> BackupRefused:
    """Return the refusal for a file or folder that cannot be read."""
    return BackupRefused(
        f"{name} cannot be read ({error.strerror}), and a copy without it would be none: give this user the right to "
        "read it, or repair the disk; then try again. Nothing was kept."
    )

"""Making what was written, and what was renamed, survive a power cut: for the owner only, as all that landing writes.

What does not belong here: what is written, and where. How a folder is made durable stands in `ml/registry/files.py`.
"""

import os
from pathlib import Path
from typing import IO

from ml.registry import files

OWNER_ONLY = 0o700


def flush(stream: IO[bytes]) -> None:
    """Make what was written survive a power cut."""
    stream.flush()
    os.fsync(stream.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that their names survive a power cut."""
    files.make_folder(folder, OWNER_ONLY)


def made_folders(folder: Path) -> list[Path]:
    """Make a folder, and those above it; return the folders that hold a new name, which the caller makes durable."""
    return files.made_folders(folder, OWNER_ONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    files.fsync_folder(folder)

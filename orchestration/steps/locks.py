"""Locks of the operating system, shared by the command line and Dagster; they vanish with their process.

What does not belong here: database locks, which their databases keep.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(home: Path, name: str) -> Generator[None]:
    """Hold `<home>/locks/<name>.lock`; wait for another holder on this machine to finish."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

"""Waiting for a lock of the operating system, but not for ever: for what must happen even if its holder hangs.

What does not belong here: locks that are worth waiting for (locks).
"""

import fcntl
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.02


@contextmanager
def held_within(home: Path, name: str, seconds: float) -> Generator[bool]:
    """Hold `<home>/locks/<name>.lock` if it comes free within `seconds`; yields whether it is held. Never raises.

    Where there is no home there is nothing to lock.
    """
    handle = _open(home / "locks" / f"{name}.lock")
    try:
        yield handle is not None and _taken(handle, seconds)
    finally:
        if handle is not None:
            handle.close()


def _open(path: Path) -> IO[str] | None:
    try:
        path.parent.mkdir(exist_ok=True)
        return path.open("w")
    except OSError:
        return None


def _taken(handle: IO[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True

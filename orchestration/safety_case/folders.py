"""The folder that one run works in: it goes with the run, also when that is told to end, and what killed runs left
goes with the next one.

Whoever runs holds the lock of its folder, so that a folder whose lock is free is nobody's. What does not belong here:
what lies in it (sandbox).
"""

import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

PREFIX, LOCK = "pilothouse-safety-case-", "run.lock"
MANY = 4096


@dataclass(frozen=True)
class Working:
    """The folder of this run, and whether the run was told to end by something that others took for theirs."""

    folder: Path
    told: int | None = None

    def end_if_told(self) -> None:
        """End the process where SIGTERM came: a Dagster run takes it, fails, and lets whoever started it go on."""
        if self.told is None:
            return
        with suppress(BlockingIOError):
            if signal.SIGTERM in os.read(self.told, MANY):
                raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def working_folder() -> Generator[Working]:
    """Give a new folder for temporary files; on SIGTERM the process ends as on `sys.exit`, and leaves nothing."""
    sweep(Path(tempfile.gettempdir()))
    with (
        _ending_orderly() as told,
        tempfile.TemporaryDirectory(prefix=PREFIX) as name,
        (Path(name) / LOCK).open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Working(Path(name), told)


def sweep(parent: Path) -> None:
    """Remove the folders of this user's runs that nobody holds any more: their processes were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        lock = folder / LOCK
        if folder.is_symlink() or not lock.is_file() or folder.stat().st_uid != os.getuid():
            continue
        with lock.open("r+") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ending_orderly() -> Generator[int | None]:
    """Have SIGTERM unwind this process, and give a pipe that tells of it whoever handles it; only the main
    thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    told, telling = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.signal(signal.SIGTERM, _end)
    wakened = signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
    try:
        yield told
    finally:
        signal.set_wakeup_fd(wakened)
        signal.signal(signal.SIGTERM, before)
        os.close(telling)
        os.close(told)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)

"""Reading with a bound and writing in one step: what a release folder needs of the file system.

What does not belong here: what the bytes mean.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ml.registry import ReleaseError


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes; a symbolic link is not followed.

    Raises `ReleaseError` when it is missing, no regular file, or larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would keep us waiting
    except OSError as error:
        raise ReleaseError(f"{path.name} cannot be opened ({error.strerror}); expected a regular file.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReleaseError(f"{path.name} is a folder or a device; expected a regular file.")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ReleaseError(f"{path.name} is larger than {limit} bytes; expected a file of a release.")
    return content


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Be the only one who replaces `path` while the block lasts; readers wait for nobody."""
    make_folder(path.parent)
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `content` in one step that survives a power cut, with the folders that are made for it."""
    missing = _missing(path)
    _draft(path, content, mode).replace(path)
    _fsync_names(path, missing)


def create_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet, whole or not at all, so that it survives a power cut.

    Raises `FileExistsError`, and nothing is changed, where one is there.
    """
    missing, draft = _missing(path), _draft(path, content, mode)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    _fsync_names(path, missing)


def _draft(path: Path, content: bytes, mode: int) -> Path:
    """Write `content` beside `path`, on disk before this returns; the name begins with a dot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(mode)
    return Path(name)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, so that their names survive a power cut; one that is there stays as it is."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    for one in missing:
        fsync_folder(one.parent)


def _missing(path: Path) -> list[Path]:
    return [folder for folder in path.parents if not folder.exists()]


def _fsync_names(path: Path, made: list[Path]) -> None:
    for folder in (path.parent, *(one.parent for one in made)):
        fsync_folder(folder)


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

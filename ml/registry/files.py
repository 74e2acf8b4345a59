"""Reading with a bound and writing in one step: what a release folder needs of the file system.

What does not belong here: what the bytes mean.
"""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from ml.registry import ReleaseError

ABANDONED_SECONDS = 3600.0
_RANDOM = "[0-9a-f]{16}|[a-z0-9_]{8}"
_DRAFT = re.compile(rf"\..+\.(key|pem)\.({_RANDOM})|\.[0-9a-f]{{16}}\.key")
"""Names of drafts of keys: this module's, the ledger's, and the keyring's of kept bytes."""


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
    made = made_folders(path.parent)
    _draft(path, content, mode).replace(path)
    _fsync_names(path, made)


def create_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet, whole or not at all, so that it survives a power cut.

    Raises `FileExistsError`, and nothing is changed, where one is there.
    """
    made = made_folders(path.parent)
    draft = _draft(path, content, mode)
    try:
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)  # `sweep_drafts` may have been faster once it was linked
    _fsync_names(path, made)


def _draft(path: Path, content: bytes, mode: int) -> Path:
    """Write `content` beside `path`, on disk before this returns; the name begins with a dot."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(mode)
    return Path(name)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, so that their names survive a power cut; one that is there stays as it is."""
    for one in made_folders(folder, mode):
        fsync_folder(one)


def made_folders(folder: Path, mode: int = 0o777) -> list[Path]:
    """Make a folder, and those above it; return the folders that hold a new name, which the caller makes durable."""
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    return [one.parent for one in missing]


def _fsync_names(path: Path, made: list[Path]) -> None:
    for folder in (path.parent, *made):
        fsync_folder(folder)


def sweep_drafts(folder: Path, present: float, name: str | None = None) -> list[str]:
    """Remove what a killed process left of keys that it wrote to a folder, or of one called `name`; return what went.

    A draft, for its owner only, goes at once where it is a second name of the finished file, and otherwise once nobody
    wrote to it for an hour: it never came to its place, so nothing counts on it. `present`: seconds since 1970.
    """
    names = _DRAFT if name is None else re.compile(rf"\.{re.escape(name)}\.({_RANDOM})")
    gone = [path.name for path in sorted(folder.glob(".*")) if names.fullmatch(path.name) and _is_swept(path, present)]
    if gone:
        fsync_folder(folder)
    return gone


def _is_swept(path: Path, present: float) -> bool:
    try:
        found = path.stat(follow_symlinks=False)
        is_left = found.st_nlink > 1 or present - found.st_mtime > ABANDONED_SECONDS
        if found.st_mode == stat.S_IFREG | 0o600 and is_left:
            path.unlink()
            return True
    except FileNotFoundError:  # its owner, or another sweep, was faster
        pass
    return False


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

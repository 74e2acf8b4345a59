"""Writing and fingerprinting files: atomic replacement and content digests.

What does not belong here: what the files mean.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ml.registry.files import create_durably, write_durably


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `content` in one step: a reader sees the old file or the new one, never half of it.

    After a power cut it may be the old one: enough for what is made again. What cannot be made again, or what something
    else counts on, is written durably: `write_durably`, `write_json_durably`, `write_once`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(mode)
    Path(name).replace(path)


def write_once(path: Path, content: bytes, mode: int = 0o600) -> bool:
    """Write a file that is not there yet, durably; False, and nothing changed, where another was first."""
    try:
        create_durably(path, content, mode)
    except FileExistsError:
        return False
    return True


def write_json(path: Path, document: object) -> None:
    """Write `document` as indented JSON, atomically."""
    write_atomically(path, _json(document))


def write_json_durably(path: Path, document: object) -> None:
    """Write `document` as indented JSON, in one step that survives a power cut."""
    write_durably(path, _json(document))


def _json(document: object) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True, default=str).encode() + b"\n"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_sha256(root: Path, patterns: Iterable[str]) -> str:
    """Return one SHA-256 over the names and bytes of the files under `root` that match any glob of `patterns`."""
    whole = hashlib.sha256()
    for path in sorted({p for pattern in patterns for p in root.rglob(pattern) if p.is_file()}):
        whole.update(f"{path.relative_to(root)}\0{file_sha256(path)}\n".encode())
    return whole.hexdigest()


def names_sha256(root: Path, pattern: str) -> str:
    """Return one SHA-256 over the names and sizes of append-only files: a fingerprint without reading them."""
    return _stats_sha256(root, pattern, with_times=False)


def changes_sha256(root: Path, pattern: str) -> str:
    """Return one SHA-256 over names, sizes and times of change: of files that may be written again."""
    return _stats_sha256(root, pattern, with_times=True)


def _stats_sha256(root: Path, pattern: str, *, with_times: bool) -> str:
    whole = hashlib.sha256()
    for path in sorted(p for p in root.rglob(pattern) if p.is_file()):
        found = path.stat()
        changed = found.st_mtime_ns if with_times else 0
        whole.update(f"{path.relative_to(root)}\0{found.st_size}\0{changed}\n".encode())
    return whole.hexdigest()

"""The file of a backup: a tar of plain files, and last a signed manifest with the digest of every one.

What does not belong here: which files of a home go into it (making) and what becomes of them (restoring).
"""

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.canonical import canonical_json
from evaluation.ledger import is_signed, sign_document
from orchestration.steps.backup.errors import BackupBroken, BackupRefused, unwritable
from orchestration.steps.backup.walking import unreadable

SCHEMA = "pilothouse.backup/1"
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 512 * 2**20
NAMES_NOTHING = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)
"""What the operating system says of a name that no file beside the others can have: the archive's own fault."""


def write_archive(
    path: Path, files: Iterable[tuple[str, Path]], about: Mapping[str, Any], key: Ed25519PrivateKey
) -> dict[str, Any]:
    """Write (name, file) pairs and the manifest to a new file that only its owner reads, whole or not at all.

    Returns the manifest. Raises `BackupRefused` where the file is there already or cannot be written, and where one
    of `files` cannot be read.
    """
    draft = path.with_name(f".{path.name}.part")
    if path.exists():
        raise BackupRefused(f"{path.name} exists already, and backups are never overwritten; name a new file.")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                listed = [one for name, file in files if (one := _add(tar, name, file)) is not None]
                manifest = {"schema": SCHEMA, **about, "files": listed}
                signed = {"manifest": manifest, "signature": sign_document(key, manifest)}
                _add_bytes(tar, MANIFEST, canonical_json(signed))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise unwritable(path.name, error) from error
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def read_archive(path: Path, into: Path, public_key: str | None) -> dict[str, Any]:
    """Unpack into an empty folder and hold every byte against the signed manifest, which is returned.

    `public_key` is the ledger's, known from elsewhere; where it is None, the signature is not checked yet and must be
    by `require_signed`. Raises `BackupBroken` for a file that is none, and `BackupRefused` where it cannot be read or
    what is in it cannot be written here.
    """
    found: list[dict[str, Any]] = []
    signed: dict[str, Any] | None = None
    try:
        with (
            path.open("rb") as stream,
            tarfile.open(
                fileobj=_Reading(stream, path.name),  # pyright: ignore[reportArgumentType,reportCallIssue] - it only reads
                mode="r|",
            ) as tar,
        ):
            for member in tar:
                if signed is not None:
                    raise BackupBroken(f"{path.name}: something follows its manifest.")
                if member.name == MANIFEST:
                    signed = _manifest(tar, member, path.name)
                else:
                    found.append(_take(tar, member, into, path.name))
    except OSError as error:
        raise unreadable(path.name, error) from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BackupBroken(f"{path.name}: is no backup, or was cut short ({type(error).__name__}).") from error
    if signed is None:
        raise BackupBroken(f"{path.name}: has no manifest; it was cut short, or is no backup.")
    if public_key is not None:
        require_signed(signed, public_key, path.name)
    _compare(signed["manifest"]["files"], found, path.name)
    return signed


def require_signed(signed: Mapping[str, Any], public_key: str, name: str) -> None:
    """Raise `BackupBroken` unless this ledger's key signed the manifest."""
    if not is_signed(signed["manifest"], str(signed["signature"]), public_key):
        raise BackupBroken(
            f"{name}: is not signed by the ledger's key that was given; it was changed, or is another's."
        )


def _add(tar: tarfile.TarFile, name: str, file: Path) -> dict[str, Any] | None:
    """Add a file as it is while it is read, up to the size that it has now; None for one that is gone by now."""
    try:
        stream = file.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(name, error) from error
    with stream:
        found = os.fstat(stream.fileno())
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = found.st_size, found.st_mode & 0o700, int(found.st_mtime)
        reader = _Digesting(_Reading(stream, name, found.st_size))
        tar.addfile(member, reader)  # pyright: ignore[reportArgumentType] - it only reads
    return {"path": name, "size": member.size, "mode": member.mode, "sha256": reader.sha256.hexdigest()}


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, archive: str) -> dict[str, Any]:
    place = PurePosixPath(member.name)
    if not member.isreg() or member.issparse() or place.is_absolute() or ".." in place.parts or not place.parts:
        raise BackupBroken(f"{archive}: holds {member.name[:100]!r}, which is no plain file inside a home.")
    source, mode = tar.extractfile(member), member.mode & 0o700
    assert source is not None  # of a regular file there always is one
    reader = _Digesting(source)
    try:
        _write(reader, into.joinpath(*place.parts), mode)
    except OSError as error:
        if error.errno in NAMES_NOTHING:
            raise BackupBroken(f"{archive}: holds {member.name[:100]!r}, which no file here can be named.") from error
        raise unwritable(member.name, error) from error
    return {"path": member.name, "size": member.size, "mode": mode, "sha256": reader.sha256.hexdigest()}


def _write(reader: "_Digesting", target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        shutil.copyfileobj(reader, stream, 2**20)
    target.chmod(mode)


def _manifest(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: str) -> dict[str, Any]:
    stream = tar.extractfile(member) if member.isreg() and member.size <= LARGEST_MANIFEST else None
    try:
        signed = json.loads(stream.read()) if stream else None
    except (ValueError, RecursionError):
        signed = None
    if not isinstance(signed, dict) or not isinstance(signed.get("manifest"), dict):
        raise BackupBroken(f"{archive}: its manifest cannot be read.")
    if signed["manifest"].get("schema") != SCHEMA:
        raise BackupBroken(f"{archive}: its manifest is not of {SCHEMA}; use the version of Pilothouse that wrote it.")
    return signed


def _compare(listed: list[dict[str, Any]], found: list[dict[str, Any]], archive: str) -> None:
    wanted, there = {one["path"]: one for one in listed}, {one["path"]: one for one in found}
    if len(there) != len(found) or wanted != there:
        names = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        raise BackupBroken(
            f"{archive}: {len(names) or 'some'} files are missing, changed or too many, {(names or ['?'])[0]!r} first. "
            "Take another backup."
        )


class _Reading:
    """A stream whose failures name the file that is read, so that they are never taken for those of writing."""

    def __init__(self, stream: BinaryIO, name: str, size: int | None = None) -> None:
        self._stream, self._name, self._left = stream, name, size

    def read(self, size: int = -1) -> bytes:
        try:
            content = self._stream.read(size)
        except OSError as error:
            raise unreadable(self._name, error) from error
        if self._left is not None:
            self._left -= len(content)
            if len(content) < size and self._left > 0:
                raise BackupRefused(
                    f"{self._name} became shorter while it was copied; stop what writes it, then back up again."
                )
        return content


class _Digesting:
    """A stream whose bytes are digested as they are read."""

    def __init__(self, stream: Any) -> None:
        self.sha256 = hashlib.sha256()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.sha256.update(content)
        return content

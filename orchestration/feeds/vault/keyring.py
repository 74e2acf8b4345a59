"""The master key of a home, and the keys of objects that it wraps: one small file each, so that one can be destroyed.

What does not belong here: the streams that the keys open. Files are for their owner only and never printed.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orchestration.feeds.durable import made_folders, make_folder, sync_folder
from orchestration.feeds.vault.cipher import KEY_BYTES
from orchestration.feeds.vault.errors import VaultError

MASTER_KEY = "vault.v{version}.key"
ID_BYTES = 16
NONCE_BYTES = 12
WRAPPED_BYTES = 1 + NONCE_BYTES + KEY_BYTES + 16


def draw() -> tuple[bytes, bytes]:
    """Return a new key and the id that it will be kept under."""
    return secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True)
class Keyring:
    """Keys under `folder`: the master key, by version, and `objects/`, one wrapped key per kept object."""

    folder: Path

    @property
    def objects(self) -> Path:
        """Where the wrapped keys lie."""
        return self.folder / "objects"

    def keep(self, ident: bytes, key: bytes) -> list[Path]:
        """Keep the key of an object; return the folders that the caller makes durable."""
        path = self._path(ident)
        made = made_folders(path.parent)
        _write_owned(path, self.wrap(key, ident))
        return [path.parent, *made]

    def folders(self, ident: bytes) -> set[Path]:
        """The folders that a kept key is on disk under."""
        return {self._path(ident).parent, self.objects, self.folder}

    def find(self, ident: bytes) -> bytes | None:
        """Return a key, or null where it was destroyed."""
        try:
            return self.unwrap(self._path(ident).read_bytes(), ident)
        except FileNotFoundError:
            return None

    def has(self, ident: bytes) -> bool:
        return self._path(ident).exists()

    def destroy(self, ident: bytes) -> None:
        """Remove a key for good: overwritten where it lies, then unlinked."""
        path = self._path(ident)
        try:
            with path.open("r+b") as stream:
                stream.write(secrets.token_bytes(WRAPPED_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a key under the newest master key, for one object only."""
        version = max(self._versions(), default=1)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return bytes([version]) + nonce + AESGCM(self._master(version)).encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return a wrapped key. Raises `VaultError` where the master key is another one."""
        if len(wrapped) == WRAPPED_BYTES:
            nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
            try:
                return AESGCM(self._master(wrapped[0])).decrypt(nonce, sealed, context)
            except InvalidTag:
                pass
        raise VaultError(
            f"A key of kept bytes does not open with {MASTER_KEY.format(version=wrapped[0] if wrapped else 1)}: the "
            "key file or the master key was changed. Restore the folder keys/ of this home as a whole from its backup."
        )

    def rotate(self) -> int:
        """Make a new master key, wrap every object's key again, destroy the old; return how many were wrapped.

        A rotation that was stopped is finished by the next.
        """
        versions = self._versions()
        newest = max(versions, default=1)
        if len(versions) < 2:
            newest = newest + 1 if versions else newest
            self._make_master(newest)
        count = sum(self._rewrap(path, newest) for path in self._all())
        for folder in {path.parent for path in self._all()}:
            sync_folder(folder)  # before what opens the old ones is gone
        for version in versions:
            if version != newest:
                self._master_path(version).unlink()
        return count

    def _rewrap(self, path: Path, newest: int) -> bool:
        ident, wrapped = bytes.fromhex(path.name), path.read_bytes()
        if wrapped[:1] == bytes([newest]):
            return False
        _write_owned(path, self.wrap(self.unwrap(wrapped, ident), ident))
        return True

    def _all(self) -> Iterator[Path]:
        return (path for path in self.objects.glob("*/*") if len(path.name) == 2 * ID_BYTES)

    def _path(self, ident: bytes) -> Path:
        name = ident.hex()
        return self.objects / name[:2] / name

    def _versions(self) -> list[int]:
        found = self.folder.glob(MASTER_KEY.format(version="*"))
        return sorted(int(number) for path in found if (number := path.name.split(".")[1][1:]).isdigit())

    def _master_path(self, version: int) -> Path:
        return self.folder / MASTER_KEY.format(version=version)

    def _master(self, version: int) -> bytes:
        """Return the master key, made on first use: a home without any kept key has nothing that it could open."""
        path = self._master_path(version)
        if not path.exists():
            if any(self._all()) and not path.exists():  # another may have made it, and kept a key with it, just now
                raise VaultError(
                    f"{path.name} is gone and the bytes that it opens are there; restore the folder keys/ of this home."
                )
            self._make_master(version)
        if path.stat().st_mode & 0o077:
            raise VaultError(f"{path.name} is readable by others than its owner; chmod 600 it, then rotate it.")
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise VaultError(f"{path.name} holds {len(key)} bytes, expected {KEY_BYTES}; restore it from the backup.")
        return key

    def _make_master(self, version: int) -> None:
        """Make a master key unless another process was faster; both then use the one that is there."""
        make_folder(self.folder)
        beside = self.folder / f".{secrets.token_hex(8)}.key"
        _write_owned(beside, secrets.token_bytes(KEY_BYTES))
        try:
            os.link(beside, self._master_path(version))
        except FileExistsError:
            pass
        finally:
            beside.unlink(missing_ok=True)  # `sweep_drafts` may have been faster once it was linked
        sync_folder(self.folder)  # before a key is kept with it


def _write_owned(path: Path, content: bytes) -> None:
    """Write a small file for its owner only, in one step; the caller makes its name durable."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)

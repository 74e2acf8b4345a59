"""Ed25519 signatures (RFC 8032) over canonical JSON, bound to what they are for.

Here belong key files, key ids, signing and verifying. What is signed, and who may sign, do not.

A signature covers `pilothouse:<purpose>\\n` and then the content, so that a signed pointer can never pass for
a signed manifest.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, Field

from ml.registry import KeyFileError, SignatureError
from ml.registry.files import create_durably, make_folder, write_durably

KEY_ID_LENGTH = 16
RELEASE_PRIVATE_KEY = Path("keys/release.key.pem")
RELEASE_PUBLIC_KEY = Path("keys/release.pub.pem")
_ALGORITHM: Final = "Ed25519"
_BEGIN, _END, _PUBLIC_END = (
    f"-----{mark} KEY-----".encode() for mark in ("BEGIN PRIVATE", "END PRIVATE", "END PUBLIC")
)


class Signature(BaseModel):
    """A detached signature: which key, and 64 bytes in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str = Field(default=_ALGORITHM, pattern=f"^{_ALGORITHM}$")
    key_id: str = Field(pattern="^[0-9a-f]{16}$")
    value: str = Field(pattern="^[A-Za-z0-9+/]{86}==$")


@dataclass(frozen=True)
class PublicKey:
    """The half that verifies."""

    key: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the 32 raw bytes."""
        raw = self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(raw).hexdigest()[:KEY_ID_LENGTH]

    def verify(self, purpose: str, content: bytes, signature: Signature) -> None:
        """Raise `SignatureError` unless this key made `signature` over `content` for `purpose`."""
        if signature.key_id != self.key_id:
            raise SignatureError(
                f"The {purpose} is signed by key {signature.key_id}, expected {self.key_id}. Restore the "
                "release key "
                "that signed it, or release again with the present one."
            )
        try:
            self.key.verify(base64.b64decode(signature.value, validate=True), _message(purpose, content))
        except (InvalidSignature, binascii.Error) as error:
            raise SignatureError(
                f"The signature of the {purpose} does not fit its content: it was changed after it was "
                "signed. "
                "Restore it from the backup, or release again."
            ) from error


@dataclass(frozen=True)
class Signer:
    """The half that signs. It never prints itself."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.key.public_key())

    def sign(self, purpose: str, content: bytes) -> Signature:
        """Sign `content` for `purpose`."""
        value = base64.b64encode(self.key.sign(_message(purpose, content))).decode("ascii")
        return Signature(key_id=self.public.key_id, value=value)

    def __repr__(self) -> str:
        return f"Signer(key_id={self.public.key_id!r})"


def new_private_key(path: Path) -> Signer:
    """Make a key, write it to `path` (PKCS #8 PEM, mode 0600), there whole or not at all, and return it.

    Never overwrites: `KeyFileError`.
    """
    signer = Signer(Ed25519PrivateKey.generate())
    pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    make_folder(path.parent, mode=0o700)
    try:
        create_durably(path, pem)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path.name} already exists and is not overwritten; rotate keys under a new name."
        ) from error
    return signer


def is_torn(path: Path) -> bool:
    """Whether the writing of a private key ended before its end, as it could in earlier versions: never for a whole
    key, nor for what never was one. Raises `KeyFileError`."""
    content = _read_key(path).strip(b"\0")
    return not content or (_BEGIN.startswith(content[: len(_BEGIN)]) and _END not in content)


def load_signer(path: Path) -> Signer:
    """Read a private key. Raises `KeyFileError` when others could read it or it is no Ed25519 key."""
    content = _read_key(path)
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path.name} can be read by others than its owner; chmod 600 it, then rotate the key.")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path.name} is no unencrypted PEM private key; restore it from the backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path.name} holds a {type(key).__name__}; expected Ed25519.")
    return Signer(key)


def write_public_key(path: Path, public: PublicKey) -> None:
    """Write the public half as SubjectPublicKeyInfo PEM (mode 0644: it is no secret), in one step and durably."""
    write_durably(path, public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), mode=0o644)


def is_half_written(path: Path) -> bool:
    """Whether a public key's file ends before its end, as it could in earlier versions. Raises `KeyFileError`."""
    return _PUBLIC_END not in _read_key(path)


def load_public_key(path: Path) -> PublicKey:
    """Read a public key. Raises `KeyFileError` when it is missing or no Ed25519 key."""
    try:
        key = load_pem_public_key(_read_key(path))
    except ValueError as error:
        raise KeyFileError(f"{path.name} is no PEM public key; write it again from the private key.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path.name} holds a {type(key).__name__}; expected Ed25519.")
    return PublicKey(key)


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"The key file {path.name} cannot be read ({error.strerror}); expected a PEM file."
        ) from error


def _message(purpose: str, content: bytes) -> bytes:
    return f"pilothouse:{purpose}\n".encode() + content

"""Ed25519 signatures (RFC 8032) over canonical JSON, bound to what they are for.

Here belong key files, key ids, signing and verifying. What is signed, and who may sign, do not.

A signature covers `pilothouse:<purpose>\\n` and then the content, so that a signed pointer can never pass for
a signed manifest.
"""

import base64
import binascii
import hashlib
import os
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

KEY_ID_LENGTH = 16
RELEASE_PRIVATE_KEY = Path("keys/release.key.pem")
RELEASE_PUBLIC_KEY = Path("keys/release.pub.pem")
_ALGORITHM: Final = "Ed25519"


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
    """Make a key, write it to `path` (PKCS #8 PEM, mode 0600) and return it.

    Never overwrites: `KeyFileError`.
    """
    signer = Signer(Ed25519PrivateKey.generate())
    pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path.name} already exists and is not overwritten; rotate keys under a new name."
        ) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(pem)
        stream.flush()
        os.fsync(stream.fileno())
    return signer


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
    """Write the public half as SubjectPublicKeyInfo PEM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


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

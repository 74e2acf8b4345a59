"""Ed25519 keys: made, kept in files only their owner can read, and used over canonical JSON.

Here belong key files and signatures over documents. Who a key belongs to is said in the ledger
(``people.py``). A key travels as 64 lower-case hex digits (public) and a signature as 128; any other spelling
of the same bytes is refused, so that a changed digit is always a changed entry. Ed25519: RFC 8032.
"""

import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evaluation.canonical import canonical_json
from evaluation.ledger.durable import sync_folder
from evaluation.ledger.errors import KeyFileError

PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
SIGNATURE = re.compile(r"[0-9a-f]{128}")


def generate_private_key() -> Ed25519PrivateKey:
    """A new key from the operating system's randomness."""
    return Ed25519PrivateKey.generate()


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public half as 64 lower-case hex digits."""
    return key.public_key().public_bytes_raw().hex()


def write_private_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Write PEM (PKCS 8, not encrypted) with mode 0600, there whole or not at all; an existing file stays as it is.

    Raises :class:`KeyFileError`.
    """
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyFileError(
            f"{path.name}: cannot be created ({error.strerror}); name a file in a folder that you can write."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())  # before anything counts on it
        os.link(draft, path)
    except FileExistsError as error:
        raise KeyFileError(f"{path.name}: exists already, and keys are never overwritten; name a new file.") from error
    except OSError as error:
        raise KeyFileError(f"{path.name}: cannot be written ({error.strerror}); nothing was kept of it.") from error
    finally:
        draft.unlink(missing_ok=True)  # a sweep of drafts may have been faster once it was linked
    sync_folder(path.parent)


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a key file, refusing one that somebody else can read. Raises :class:`KeyFileError`."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise KeyFileError(
                f"{path.name}: mode is {mode:04o}, so others can read this private key. Run:"
                f" chmod 600 {path.name}; if anybody may have read it, revoke it and make a new one."
            )
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path.name}: cannot be read ({error.strerror}).") from error
    return _parse_private(pem, path.name)


def load_public_hex(path: Path) -> str:
    """Read a public key file (PEM) as 64 hex digits. Raises :class:`KeyFileError`."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path.name}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise KeyFileError(f"{path.name}: is not a public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path.name}: is not an Ed25519 key; make one with: pilothouse key new")
    return key.public_bytes_raw().hex()


def write_public_key(path: Path, public_key: str) -> None:
    """Write the public half (64 hex digits) as PEM, for auditors who verify an export."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(pem)


def sign_document(key: Ed25519PrivateKey, document: Mapping[str, object]) -> str:
    """Sign the canonical JSON of ``document``; its ``schema`` member keeps kinds of statement apart."""
    return key.sign(canonical_json(document)).hex()


def is_signed(document: Mapping[str, object], signature: str, public_key: str) -> bool:
    """Whether ``signature`` is that of ``public_key`` over ``document``. False for anything malformed."""
    if not (SIGNATURE.fullmatch(signature) and PUBLIC_KEY.fullmatch(public_key)):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), canonical_json(document))
    except (InvalidSignature, ValueError):
        return False
    return True


def _parse_private(pem: bytes, name: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{name}: is not an unencrypted private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{name}: is not an Ed25519 key; make one with: pilothouse key new")
    return key

"""The model of a release, signed in the format of OpenSSF Model Signing 1.0, so that anybody can verify it.

Here belong the key pair for it, signing and verifying, by the library `model-signing` alone. The manifest's own
signature, which binds the model to stage, site and approvals, is `signing.py`'s: this one says only that the files are
the ones that this home released, to people who have the public key and no Pilothouse::

    model_signing verify key releases/DIGEST/model --signature releases/DIGEST/model.sig --public_key keys/model.pub.pem

The library is imported where it is used: it brings sigstore's types, two seconds of work.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ml.registry import KeyFileError, SignatureError
from ml.registry.files import create_durably, fsync_folder, read_bounded, write_durably

MODEL_SIGNATURE = "model.sig"
MODEL_PRIVATE_KEY = Path("keys/model.key.pem")
MODEL_PUBLIC_KEY = Path("keys/model.pub.pem")
"""NIST P-256: the format knows no Ed25519."""
MAX_MODEL_SIGNATURE_BYTES = 1024 * 1024
REFUSALS = (InvalidSignature, ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError)
"""How the library tells a bad signature: by whatever its checks and parsers raise."""


def sign_model(home: Path, model: Path, target: Path) -> None:
    """Sign every file of the folder `model` with the home's model key, made on first use; write `target`.

    It is drafted beside the releases and moved into place: whoever is killed leaves nothing in a release. Raises
    `KeyFileError` where the key is gone or could be read by others.
    """
    private = _private_key(home)
    from model_signing import signing

    (home / "releases").mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home / "releases", prefix=".draft-") as folder:
        draft = Path(folder) / target.name
        signing.Config().use_elliptic_key_signer(private_key=private).sign(model, draft)
        write_durably(draft, draft.read_bytes())
        draft.replace(target)
    fsync_folder(target.parent)


def verify_model(home: Path, model: Path, signature: Path) -> None:
    """Raise `SignatureError` unless `signature` is this home's, over exactly the files of the folder `model`.

    Raises `ReleaseError` when it is missing or too large, and `KeyFileError` when the public key cannot be read.
    """
    public = home / MODEL_PUBLIC_KEY
    if not public.is_file():
        raise KeyFileError(
            f"{MODEL_PUBLIC_KEY} is gone; restore it from the backup of the keys, or release again where the key is."
        )
    read_bounded(signature, MAX_MODEL_SIGNATURE_BYTES)
    from model_signing import verifying

    config = verifying.Config().use_elliptic_key_verifier(public_key=public).set_ignore_unsigned_files(False)
    try:
        config.verify(model, signature)
    except REFUSALS as error:
        raise SignatureError(
            f"{MODEL_SIGNATURE} is not this home's signature of the model beside it ({type(error).__name__}); "
            "restore the release from the backup, or release again."
        ) from error


def _private_key(home: Path) -> Path:
    private, public = home / MODEL_PRIVATE_KEY, home / MODEL_PUBLIC_KEY
    if public.exists() and not private.exists():  # asked in this order: another first user makes the private one first
        raise KeyFileError(
            f"{MODEL_PRIVATE_KEY} is gone, and models are signed with it: restore it from the backup. A new key would "
            "end every release that is served."
        )
    if not private.exists():
        with suppress(FileExistsError):  # another first user was faster: both sign with what is there
            create_durably(private, _new_key())
    if private.stat().st_mode & 0o077:
        raise KeyFileError(f"{MODEL_PRIVATE_KEY} can be read by others than its owner; chmod 600 it.")
    if not public.exists():  # the first use, or one that was interrupted
        key = load_pem_private_key(private.read_bytes(), password=None)
        write_durably(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private


def _new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

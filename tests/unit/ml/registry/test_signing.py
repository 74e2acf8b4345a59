"""Ed25519 keys and signatures."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ml.registry import KeyFileError, SignatureError
from ml.registry.signing import Signer, load_public_key, load_signer, new_private_key, write_public_key


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return new_private_key(tmp_path / "a.pem")


def test_a_key_is_private_to_its_owner_and_never_overwritten(tmp_path: Path, signer: Signer) -> None:
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="not overwritten"):
        new_private_key(tmp_path / "a.pem")
    assert load_signer(tmp_path / "a.pem").public.key_id == signer.public.key_id


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "a.pem").chmod(0o640)
    with pytest.raises(KeyFileError, match="read by others"):
        load_signer(tmp_path / "a.pem")


def test_a_signer_never_prints_its_key(signer: Signer) -> None:
    assert repr(signer) == f"Signer(key_id={signer.public.key_id!r})"
    assert len(signer.public.key_id) == 16


def test_public_key_survives_its_file(tmp_path: Path, signer: Signer) -> None:
    write_public_key(tmp_path / "a.pub", signer.public)
    load_public_key(tmp_path / "a.pub").verify("release", b"x", signer.sign("release", b"x"))


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="no unencrypted PEM"):
        load_signer(path)
    with pytest.raises(KeyFileError, match="no PEM public key"):
        load_public_key(path)
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_signer(tmp_path / "absent.pem")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(SECP384R1())
    private, public = tmp_path / "ec.pem", tmp_path / "ec.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(KeyFileError, match="expected Ed25519"):
        load_signer(private)
    with pytest.raises(KeyFileError, match="expected Ed25519"):
        load_public_key(public)


def test_a_signature_is_bound_to_key_purpose_and_content(tmp_path: Path, signer: Signer) -> None:
    signature = signer.sign("release", b"content")
    signer.public.verify("release", b"content", signature)
    with pytest.raises(SignatureError, match="changed after it was signed"):
        signer.public.verify("pointer", b"content", signature)
    with pytest.raises(SignatureError, match="changed after it was signed"):
        signer.public.verify("release", b"Content", signature)
    with pytest.raises(SignatureError, match="is signed by key"):
        new_private_key(tmp_path / "other.pem").public.verify("release", b"content", signature)


@given(content=st.binary(max_size=200), position=st.integers(0, 63), bit=st.integers(0, 7))
def test_one_flipped_bit_breaks_a_signature(content: bytes, position: int, bit: int) -> None:
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    signature = signer.sign("release", content)
    raw = bytearray(base64.b64decode(signature.value))
    raw[position] ^= 1 << bit
    forged = signature.model_copy(update={"value": base64.b64encode(bytes(raw)).decode()})
    with pytest.raises(SignatureError):
        signer.public.verify("release", content, forged)

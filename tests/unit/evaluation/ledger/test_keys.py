import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from evaluation.ledger import (
    KeyFileError,
    generate_private_key,
    load_private_key,
    load_public_hex,
    public_hex,
    write_private_key,
    write_public_key,
)
from evaluation.ledger.keys import is_signed, sign_document

DOCUMENT = {"schema": "test/1", "word": "yes"}


def test_key_file_comes_back_as_the_same_key_and_only_its_owner_can_read_it(tmp_path):
    key, path = generate_private_key(), tmp_path / "anna.pem"
    write_private_key(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_hex(load_private_key(path)) == public_hex(key)


def test_key_file_is_never_overwritten(tmp_path):
    path = tmp_path / "anna.pem"
    write_private_key(path, generate_private_key())
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_private_key(path, generate_private_key())
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o620, 0o666])
def test_key_file_that_others_can_touch_is_refused_with_the_command_that_helps(tmp_path, mode):
    path = tmp_path / "anna.pem"
    write_private_key(path, generate_private_key())
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"mode is {mode:04o}.*chmod 600 anna\.pem"):
        load_private_key(path)


def test_key_file_that_only_its_owner_reads_may_be_read_only(tmp_path):
    key, path = generate_private_key(), tmp_path / "anna.pem"
    write_private_key(path, key)
    path.chmod(0o400)
    assert public_hex(load_private_key(path)) == public_hex(key)


def test_missing_key_file_is_named(tmp_path):
    with pytest.raises(KeyFileError, match=r"none\.pem: cannot be read"):
        load_private_key(tmp_path / "none.pem")
    with pytest.raises(KeyFileError, match=r"none\.pem: cannot be read"):
        load_public_hex(tmp_path / "none.pem")


def private_file(tmp_path, content):
    path = tmp_path / "odd.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_file_that_holds_no_usable_private_key_is_refused(tmp_path):
    encrypted = generate_private_key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    for content in (b"", b"no pem", encrypted):
        with pytest.raises(KeyFileError, match="not an unencrypted private key"):
            load_private_key(private_file(tmp_path, content))


def test_keys_of_another_kind_are_refused(tmp_path):
    other = ec.generate_private_key(ec.SECP256R1())
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    public = other.public_key().public_bytes(Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        load_private_key(private_file(tmp_path, private))
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        load_public_hex(private_file(tmp_path, public))


def test_public_key_file_comes_back(tmp_path):
    key, path = generate_private_key(), tmp_path / "ledger.pub.pem"
    write_public_key(path, public_hex(key))
    assert load_public_hex(path) == public_hex(key)
    path.write_bytes(b"no pem")
    with pytest.raises(KeyFileError, match="not a public key in PEM"):
        load_public_hex(path)


def test_signature_holds_for_this_document_and_this_key_only():
    key, other = generate_private_key(), generate_private_key()
    signature = sign_document(key, DOCUMENT)
    assert is_signed(DOCUMENT, signature, public_hex(key))
    assert is_signed(dict(reversed(DOCUMENT.items())), signature, public_hex(key))
    assert not is_signed({**DOCUMENT, "word": "no"}, signature, public_hex(key))
    assert not is_signed({**DOCUMENT, "schema": "test/2"}, signature, public_hex(key))
    assert not is_signed(DOCUMENT, signature, public_hex(other))


def test_only_one_spelling_of_a_signature_and_of_a_key_counts():
    key = generate_private_key()
    signature = sign_document(key, DOCUMENT)
    assert not is_signed(DOCUMENT, signature.upper(), public_hex(key))
    assert not is_signed(DOCUMENT, signature + " ", public_hex(key))
    assert not is_signed(DOCUMENT, signature, public_hex(key).upper() + "")
    assert not is_signed(DOCUMENT, "", public_hex(key))
    assert not is_signed(DOCUMENT, signature, "")


def test_document_that_has_no_bytes_is_not_signed():
    key = generate_private_key()
    signature = sign_document(key, DOCUMENT)
    assert not is_signed({"x": float("nan")}, signature, public_hex(key))
    assert not is_signed({"x": "\udcff"}, signature, public_hex(key))

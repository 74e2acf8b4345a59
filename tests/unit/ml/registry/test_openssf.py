"""A model's own signature: anybody can verify it with the public key, and serving refuses a model without it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_homes import Home

from ml.registry import KeyFileError, ReleaseError, SignatureError, openssf
from ml.registry.openssf import MODEL_PRIVATE_KEY, MODEL_PUBLIC_KEY, MODEL_SIGNATURE, sign_model, verify_model
from ml.registry.pointer import check_release, read_pointer
from ml.registry.store import load_release, release_folder, require_signed_model, sign_if_needed


@pytest.fixture
def folder(home: Home) -> Path:
    """A release that is pointed at."""
    digest = home.release()
    home.point(digest)
    return release_folder(home.path, digest)


def check(home: Home) -> object:
    pointer = read_pointer(home.path, "triage", "city", home.signer.public)
    assert pointer is not None
    return check_release(home.path, pointer, home.signer.public)


def test_what_is_released_is_served(home: Home, folder: Path) -> None:
    assert check(home) is not None
    assert (home.path / MODEL_PRIVATE_KEY).stat().st_mode & 0o777 == 0o600


def test_anybody_verifies_it_with_the_librarys_own_command(home: Home, folder: Path) -> None:
    command = [Path(sys.executable).with_name("model_signing"), "verify", "key", folder / "model"]
    command += ["--signature", folder / MODEL_SIGNATURE, "--public_key", home.path / MODEL_PUBLIC_KEY]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (folder / "model" / "bundle.json").write_text("{}")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def _another_key(home: Home, folder: Path, elsewhere: Path) -> None:
    sign_model(elsewhere, folder / "model", folder / MODEL_SIGNATURE)


def _another_model(home: Home, folder: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    (elsewhere / "bundle.json").write_text("{}")
    sign_model(home.path, elsewhere, folder / MODEL_SIGNATURE)


def _no_json(home: Home, folder: Path, elsewhere: Path) -> None:
    (folder / MODEL_SIGNATURE).write_bytes(b"\x00")


def _no_envelope(home: Home, folder: Path, elsewhere: Path) -> None:
    (folder / MODEL_SIGNATURE).write_text("{}")


@pytest.mark.parametrize("forge", [_another_key, _another_model, _no_json, _no_envelope])
def test_another_signature_is_refused(
    home: Home, folder: Path, tmp_path_factory: pytest.TempPathFactory, forge: Callable[[Home, Path, Path], None]
) -> None:
    forge(home, folder, tmp_path_factory.mktemp("other") / "place")
    with pytest.raises(SignatureError, match="not this home's signature of the model"):
        check(home)


def test_an_unsigned_model_is_refused(home: Home, folder: Path) -> None:
    (folder / MODEL_SIGNATURE).unlink()
    with pytest.raises(ReleaseError, match=r"model\.sig cannot be opened"):
        check(home)


def test_a_file_that_nobody_signed_is_refused(home: Home, folder: Path) -> None:
    release = load_release(home.path, folder.name, home.signer.public)
    (folder / "model" / "more.json").write_text("{}")
    with pytest.raises(SignatureError):
        require_signed_model(home.path, release)


def test_without_its_public_key_nothing_is_served(home: Home, folder: Path) -> None:
    (home.path / MODEL_PUBLIC_KEY).unlink()
    with pytest.raises(KeyFileError, match="restore it from the backup"):
        check(home)


def test_a_key_that_is_gone_is_not_replaced(home: Home, folder: Path) -> None:
    (home.path / MODEL_PRIVATE_KEY).unlink()
    with pytest.raises(KeyFileError, match="would end every release"):
        sign_model(home.path, folder / "model", folder / MODEL_SIGNATURE)


def test_a_key_that_others_can_read_signs_nothing(home: Home, folder: Path) -> None:
    (home.path / MODEL_PRIVATE_KEY).chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        sign_model(home.path, folder / "model", folder / MODEL_SIGNATURE)


def test_an_interrupted_first_use_is_completed(home: Home, folder: Path) -> None:
    public = (home.path / MODEL_PUBLIC_KEY).read_bytes()
    (home.path / MODEL_PUBLIC_KEY).unlink()
    sign_model(home.path, folder / "model", folder / MODEL_SIGNATURE)
    assert (home.path / MODEL_PUBLIC_KEY).read_bytes() == public
    assert check(home) is not None


@pytest.mark.parametrize("moment", ["before", "after"])
def test_of_two_first_users_at_the_same_time_both_sign_with_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The other signs, from beginning to end, while this one makes a key, or before it looks whether there is one."""
    models = [tmp_path / "ours", tmp_path / "theirs"]
    for each in models:
        each.mkdir()
        (each / "bundle.json").write_text(each.name)
    make, look = openssf._new_key, Path.exists

    def other_signs() -> None:
        monkeypatch.undo()
        sign_model(tmp_path, models[1], tmp_path / "theirs.sig")

    def made() -> bytes:
        other_signs()
        return make()

    def looked(path: Path) -> bool:
        found = look(path)
        if path.name == MODEL_PUBLIC_KEY.name:
            other_signs()
        return found

    if moment == "before":
        monkeypatch.setattr(Path, "exists", looked)
    else:
        monkeypatch.setattr(openssf, "_new_key", made)
    sign_model(tmp_path, models[0], tmp_path / "ours.sig")
    for each in models:
        verify_model(tmp_path, each, tmp_path / f"{each.name}.sig")


def test_a_release_from_before_is_signed_once(home: Home, folder: Path) -> None:
    (folder / MODEL_SIGNATURE).unlink()
    release = load_release(home.path, folder.name, home.signer.public)
    sign_if_needed(home.path, release)
    signature = (folder / MODEL_SIGNATURE).read_bytes()
    sign_if_needed(home.path, release)
    assert (folder / MODEL_SIGNATURE).read_bytes() == signature
    assert check(home) is not None


@pytest.mark.parametrize("at", ["ml.registry.openssf.write_durably", "pathlib.Path.replace"])
def test_whoever_is_killed_while_signing_leaves_a_release_that_verifies(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (folder / MODEL_SIGNATURE).unlink()
    release = load_release(home.path, folder.name, home.signer.public)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(at, killed)
        sign_if_needed(home.path, release)
    (folder / f".{MODEL_SIGNATURE}.draft").write_bytes(b"left over by an earlier version")
    sign_if_needed(home.path, load_release(home.path, folder.name, home.signer.public))
    assert check(home) is not None


def test_a_home_can_be_moved(home: Home, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = home.path.rename(tmp_path_factory.mktemp("moved") / "home")
    require_signed_model(moved, load_release(moved, folder.name, home.signer.public))

"""The release key: made once, and never quietly replaced where something was signed with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.registry import KeyFileError, RegistryError
from ml.registry.signing import load_public_key, new_private_key, write_public_key
from orchestration.settings import Settings
from orchestration.steps.releases.release_keys import ReleaseKeyGone, release_signer
from orchestration.steps.signing_keys import KeyHalvesDiffer
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import (
    Governed,
    remove_public_key,
    remove_release_key,
    replace_release_key,
    spoil_release_key,
)

from .power import Killed, Power

PRIVATE, PUBLIC = "release.key.pem", "release.pub.pem"


def test_it_is_made_on_first_use_and_the_same_ever_after(settings: Settings) -> None:
    first = release_signer(settings)
    assert release_signer(settings).public.key_id == first.public.key_id
    assert (settings.keys / "release.key.pem").stat().st_mode & 0o777 == 0o600
    assert (settings.keys / "release.pub.pem").exists()


def test_where_it_is_gone_no_other_takes_its_place(city: Governed) -> None:
    remove_release_key(city)
    with pytest.raises(ReleaseKeyGone, match="restore it from the backup"):
        release_signer(city.settings)
    remove_public_key(city)
    with pytest.raises(ReleaseKeyGone):
        release_signer(city.settings)
    assert not (city.settings.keys / "release.key.pem").exists()


def test_a_whole_key_of_another_pair_signs_nothing(city: Governed) -> None:
    replace_release_key(city)
    with pytest.raises(KeyHalvesDiffer, match=r"nobody could verify. Nothing is signed. Restore both from one backup"):
        release_signer(city.settings)


def test_what_is_no_key_is_refused(city: Governed) -> None:
    spoil_release_key(city)
    with pytest.raises(RegistryError):
        release_signer(city.settings)


@pytest.mark.parametrize("what", ["mkdir", "open", "sync", "link", "replace", "unlink", "sync-folder"])
def test_whoever_is_killed_while_it_is_made_leaves_what_the_next_one_completes(
    tmp_path: Path, power: Power, what: str
) -> None:
    deaths = 0
    while True:
        home = settings_of(tmp_path / str(deaths))
        home.home.mkdir()
        try:
            with power.running(home.home, (f"keys {what}", deaths)):
                release_signer(home)
            break
        except Killed:
            deaths += 1
        left = kept(home.keys / PRIVATE)
        signer = release_signer(home)
        assert load_public_key(home.keys / PUBLIC).key_id == signer.public.key_id
        assert left in (None, kept(home.keys / PRIVATE)), "a key that came to its place is whole, and stays"
    assert deaths, "the making of a key comes by there"


@pytest.mark.parametrize("length", [0, 10, 27, 59, 110])
def test_a_torn_key_of_an_earlier_version_that_signed_nothing_is_made_anew(settings: Settings, length: int) -> None:
    release_signer(settings)
    tear(settings, length)
    (settings.keys / PUBLIC).unlink()
    signer = release_signer(settings)
    assert load_public_key(settings.keys / PUBLIC).key_id == signer.public.key_id


@pytest.mark.parametrize(
    "signed",
    ["releases/0a", "pointers/triage/city.json", "challengers/triage/city.json", "plans/roster/city/icu/current.json"],
)
def test_a_torn_key_that_may_have_signed_something_is_left_alone(settings: Settings, signed: str) -> None:
    release_signer(settings)
    tear(settings, 59)
    (settings.keys / PUBLIC).unlink()
    (settings.home / signed).parent.mkdir(parents=True)
    (settings.home / signed).touch()
    with pytest.raises(KeyFileError, match="restore it from the backup"):
        release_signer(settings)
    assert len((settings.keys / PRIVATE).read_bytes()) == 59 and not (settings.keys / PUBLIC).exists()


@pytest.mark.parametrize("content", [b"no key", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIG"], ids=["text", "other"])
def test_what_never_was_a_key_of_ours_is_left_alone(settings: Settings, content: bytes) -> None:
    release_signer(settings)
    (settings.keys / PRIVATE).write_bytes(content)
    (settings.keys / PUBLIC).unlink()
    with pytest.raises(KeyFileError, match="no unencrypted PEM"):
        release_signer(settings)
    assert (settings.keys / PRIVATE).read_bytes() == content


def test_a_torn_key_whose_public_half_is_there_was_whole_once_and_is_left_alone(settings: Settings) -> None:
    release_signer(settings)
    tear(settings, 59)
    with pytest.raises(KeyFileError, match="restore it from the backup"):
        release_signer(settings)


@pytest.mark.parametrize("length", [0, 40])
def test_a_torn_public_half_is_written_again_from_the_key(settings: Settings, length: int) -> None:
    release_signer(settings)
    path = settings.keys / PUBLIC
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    release_signer(settings)
    assert path.read_bytes() == whole


def test_a_torn_pair_was_whole_once_and_is_left_alone(settings: Settings) -> None:
    release_signer(settings)
    tear(settings, 59)
    (settings.keys / PUBLIC).write_bytes(b"")
    with pytest.raises(KeyFileError, match="restore it from the backup"):
        release_signer(settings)


def test_another_public_half_is_not_replaced(settings: Settings, tmp_path: Path) -> None:
    release_signer(settings)
    write_public_key(settings.keys / PUBLIC, new_private_key(tmp_path / "other.pem").public)
    other = (settings.keys / PUBLIC).read_bytes()
    with pytest.raises(KeyHalvesDiffer):
        release_signer(settings)
    assert (settings.keys / PUBLIC).read_bytes() == other


def test_a_public_half_that_is_gone_is_written_again_from_the_key(city: Governed) -> None:
    before = (city.settings.keys / PUBLIC).read_bytes()
    remove_public_key(city)
    release_signer(city.settings)
    assert (city.settings.keys / PUBLIC).read_bytes() == before


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> Iterator[Power]:
    made = Power(monkeypatch)
    yield made
    made.close()


def kept(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def tear(settings: Settings, length: int) -> None:
    (settings.keys / PRIVATE).write_bytes((settings.keys / PRIVATE).read_bytes()[:length])

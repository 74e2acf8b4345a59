"""The pseudonym key of a site: made once, kept private, never trusted when others could read or shorten it."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.keys import KEY_BYTES, KeyFileError, site_key

PATH = "city.pseudonym.v1.key"


@pytest.fixture
def hospital() -> Site:
    """A site with real patients."""
    return load_site("city").model_copy(update={"reproducible_pseudonyms": False})


def test_a_hospitals_key_is_random_private_and_the_same_ever_after(settings: Settings, hospital: Site) -> None:
    key = site_key(settings, hospital)
    assert len(key) == KEY_BYTES and site_key(settings, hospital) == key
    assert (settings.keys / PATH).stat().st_mode & 0o777 == 0o600
    assert settings.keys.stat().st_mode & 0o777 == 0o700
    (settings.keys / PATH).unlink()
    assert site_key(settings, hospital) != key


def test_a_key_without_secret_is_the_same_in_every_home_and_another_at_every_site(settings: Settings) -> None:
    city = site_key(settings, load_site("city"))
    (settings.keys / PATH).unlink()
    assert site_key(settings, load_site("city")) == city
    assert site_key(settings, load_site("district")) != city


def test_two_first_users_at_once_get_the_same_key(
    settings: Settings, hospital: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=10)
    fresh = secrets.token_bytes

    def together(length: int) -> bytes:
        both.wait()  # both have seen that there is none
        return fresh(length)

    monkeypatch.setattr("orchestration.steps.intake.keys.secrets.token_bytes", together)
    with ThreadPoolExecutor(2) as users:
        found = {one.result() for one in [users.submit(site_key, settings, hospital) for _ in range(2)]}
    assert len(found) == 1 and found == {site_key(settings, hospital)}
    assert [path.name for path in settings.keys.iterdir()] == [PATH]


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_of_another_length_is_refused(settings: Settings, hospital: Site, length: int) -> None:
    site_key(settings, hospital)
    (settings.keys / PATH).write_bytes(bytes(length))
    with pytest.raises(KeyFileError, match=f"{PATH} holds {length} bytes, expected {KEY_BYTES}"):
        site_key(settings, hospital)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_use_is_refused_without_showing_it(settings: Settings, hospital: Site, mode: int) -> None:
    key = site_key(settings, hospital)
    (settings.keys / PATH).chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600") as refused:
        site_key(settings, hospital)
    assert key.hex() not in str(refused.value) and isinstance(refused.value, StepError)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_can_read_is_taken(settings: Settings, hospital: Site, mode: int) -> None:
    key = site_key(settings, hospital)
    (settings.keys / PATH).chmod(mode)
    assert site_key(settings, hospital) == key

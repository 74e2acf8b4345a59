"""The release key: made once, and never quietly replaced where something was signed with it."""

import pytest

from ml.registry import RegistryError
from orchestration.settings import Settings
from orchestration.steps.releases.release_keys import ReleaseKeyGone, release_signer
from tests.unit.orchestration.steps.governed import Governed, remove_public_key, remove_release_key, spoil_release_key


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


def test_what_is_no_key_is_refused(city: Governed) -> None:
    spoil_release_key(city)
    with pytest.raises(RegistryError):
        release_signer(city.settings)

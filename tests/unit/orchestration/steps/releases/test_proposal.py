"""Where a release is served: one site's damaged pointer keeps no other site waiting."""

import pytest

from orchestration.steps.releases.proposal import served_sites
from tests.unit.orchestration.steps.governed import KEY_DAMAGES, POINTER_DAMAGES, Damage, Governed

NAMED = lambda damage: damage.__name__  # noqa: E731 - the id of a damage


def test_a_site_with_a_release_is_served(city: Governed) -> None:
    assert served_sites(city.settings, "triage") == ["city"]


@pytest.mark.parametrize("damage", POINTER_DAMAGES, ids=NAMED)
def test_a_pointer_that_cannot_be_trusted_serves_nothing_and_raises_nothing(city: Governed, damage: Damage) -> None:
    damage(city)
    assert served_sites(city.settings, "triage") == []


@pytest.mark.parametrize("damage", KEY_DAMAGES, ids=NAMED)
def test_keys_that_are_lost_raise_nothing(city: Governed, damage: Damage) -> None:
    damage(city)
    assert served_sites(city.settings, "triage") in ([], ["city"])

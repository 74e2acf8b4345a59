"""The contracts of a site, by version and digest."""

import hashlib

from orchestration.contracts import CONTRACTS_DIR
from orchestration.settings import Environment
from orchestration.sites import load_site
from orchestration.steps.intake.versions import contract_versions


def test_every_feed_of_a_site_is_named_with_the_digest_of_its_contracts_file() -> None:
    city = load_site("city")
    found = contract_versions(city, Environment.DEVELOPMENT)
    assert set(found) == set(city.feeds)
    for feed, one in found.items():
        assert one["sha256"] == hashlib.sha256((CONTRACTS_DIR / f"{feed}.odcs.yaml").read_bytes()).hexdigest()
        assert one["version"].count(".") == 2

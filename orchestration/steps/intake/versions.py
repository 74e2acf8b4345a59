"""Which contracts a site's feeds stand under, by version and digest: part of what an approval is bound to."""

from orchestration.contracts import load_contract
from orchestration.settings import Environment
from orchestration.sites import Site


def contract_versions(site: Site, environment: Environment) -> dict[str, dict[str, str]]:
    """Return feed -> version and SHA-256 of its contract, as it holds in an environment."""
    contracts = {feed: load_contract(feed, environment=environment) for feed in site.feeds}
    return {feed: {"version": one.full_version, "sha256": one.digest} for feed, one in contracts.items()}

"""Which contracts a site's feeds stand under, by version and digest: part of what an approval is bound to."""

from orchestration.contracts import load_contract
from orchestration.sites import Site


def contract_versions(site: Site) -> dict[str, dict[str, str]]:
    """Return feed -> version and SHA-256 of its contract file."""
    contracts = {feed: load_contract(feed) for feed in site.feeds}
    return {feed: {"version": one.version, "sha256": one.digest} for feed, one in contracts.items()}

"""A site's own mappings: `<site>.mappings/<feed>.yaml`, one for each feed that it does not send as the contract asks.

What does not belong here: what a mapping may say and how it lies over a contract (orchestration/contracts/mapping.py),
and the site's own codes, which lie beside them (codes.py).
"""

from importlib import resources

from orchestration.contracts.errors import InvalidMapping
from orchestration.contracts.mapping import FeedMapping, parse_mapping
from orchestration.sites.codes import FILE as CODES

PACKAGE = "orchestration.sites"
ENDING = ".yaml"


def load_mappings(site_id: str) -> dict[str, FeedMapping]:
    """Return the mappings of a site by feed; most sites have none. Raises `InvalidMapping`."""
    folder = resources.files(PACKAGE).joinpath(f"{site_id}.mappings")
    if not folder.is_dir():
        return {}
    found: dict[str, FeedMapping] = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(ENDING) and file.name != CODES:
            where = f"{site_id}.mappings/{file.name}"
            mapping = parse_mapping(site_id, file.read_bytes(), where)
            if f"{mapping.feed}{ENDING}" != file.name:
                raise InvalidMapping(f"{where} is about the feed {mapping.feed!r}; name the file after its feed.")
            found[mapping.feed] = mapping
    return found

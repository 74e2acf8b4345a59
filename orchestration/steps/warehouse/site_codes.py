"""The own codes of all sites as one file that dbt reads, named by its content: `site_codes/<digest>.csv` in the home.

A changed map is another file, and so another digest among what the tables are built from: the next build is a full
one, and every row that was ever landed is looked up anew. What does not belong here: the shape of a map
(orchestration/sites) and what it comes to (dbt_project, `int_site_code`).
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from orchestration.contracts.errors import InvalidMapping
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.sites.codes import SiteCodes, load_codes
from orchestration.steps.files import write_atomically

FOLDER = "site_codes"
COLUMNS = (
    "site", "system", "code", "vocabulary_id", "name", "since", "label", "concept_id", "to_system", "to_code",
)  # fmt: skip


def all_site_codes() -> dict[str, SiteCodes]:
    """Return the own codes of every site that has some. Raises `InvalidMapping`."""
    found = {site: codes for site in list_sites() if (codes := load_codes(site)) is not None}
    told_apart(found)
    return found


def told_apart(codes: Mapping[str, SiteCodes]) -> None:
    """Raise `InvalidMapping` where two sites call a vocabulary alike: source_to_concept_map knows no sites."""
    seen: dict[str, str] = {}
    for site, held in codes.items():
        for system in held.systems.values():
            other = seen.setdefault(system.vocabulary, site)
            if other != site:
                raise InvalidMapping(
                    f"{other} and {site} both call a vocabulary {system.vocabulary!r}; source_to_concept_map is of all "
                    "sites: give each its own name."
                )


def site_codes_file(settings: Settings) -> Path:
    """Return the file of all own codes, written where it is not there yet."""
    content = codes_as_csv(all_site_codes())
    path = settings.home / FOLDER / f"{hashlib.sha256(content).hexdigest()}.csv"
    if not path.exists():
        write_atomically(path, content)
    return path


def codes_as_csv(codes: Mapping[str, SiteCodes]) -> bytes:
    """Return the own codes of sites as the CSV that dbt reads (macros/concepts.sql, `site_codes`)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    for site in sorted(codes):
        for one in codes[site].rows():
            target = one.target
            to = (target.concept_id or "", target.system or "", target.code or "")
            about = (one.vocabulary, one.name or "", one.of.since.isoformat(), one.of.label)
            writer.writerow((site, one.system, one.code, *about, *to))
    return text.getvalue().encode()

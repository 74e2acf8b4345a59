"""What each folder of reports holds, who may read it, and of which site a page is.

One table; a page that is not in it is held to be the worst that lies there. What does not belong here: who asks and
having their look on record (`ops/looking.py`), the way to the files (`reports.py`).
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ml.serving.ops.readers import ROLES, Reader, Role

ALL: frozenset[Role] = frozenset(ROLES)


@dataclass(frozen=True)
class Shelf:
    """Pages of one kind. `pages` is a pattern of their path, whose group `site`, if any, ends with the site's name;
    `has_rows`: they show rows of patients (pseudonymous, as in the lake), so that each look is on record first;
    `is_said`: the site is not in the name but in a file beside the page (`evaluation/reports/incident.py`);
    `is_whole`: the group is the site's name and nothing more."""

    holds: str
    pages: str
    roles: frozenset[Role]
    has_rows: bool = False
    is_said: bool = False
    is_whole: bool = False

    def site_of(self, path: str, sites: Collection[str], folder: Path) -> str | None:
        """Return which of the service's sites a page under `folder` is of; None where nothing says so. Reads a file."""
        if self.is_said:
            return _said_beside(folder / path, sites)
        found = re.fullmatch(self.pages, path)
        named = (found.groupdict().get("site") if found else None) or ""
        if self.is_whole:
            return named if named in sites else None
        return max((one for one in sites if f"-{named}".endswith(f"-{one}")), key=len, default=None)


def _said_beside(page: Path, sites: Collection[str]) -> str | None:
    """A file that is not there, or does not say it plainly, says nothing: readers of single sites are refused."""
    try:
        said = json.loads(page.with_name(f"{page.name}.site").read_bytes())
    except (OSError, ValueError):
        return None
    site = said.get("site") if isinstance(said, dict) else None
    return site if isinstance(site, str) and site in sites else None


REST = Shelf("pages that nobody described", r".*", frozenset({"engineer", "governance"}), has_rows=True)
SHELVES = (
    Shelf("rows of patients under review", r"reviews/[^/]+", frozenset({"clinician", "engineer", "governance"}), True),
    Shelf("who was affected, by pseudonym", r"incidents/[^/]+-for-engineers\.html", REST.roles, True, is_said=True),
    Shelf("incidents, as clinicians are told", r"incidents/[^/]+-for-clinicians\.html", ALL, is_said=True),
    Shelf("releases of all sites", r"\.|index\.html", ALL),
    Shelf("releases of one site", r"index-(?P<site>[^/]+)\.html", ALL, is_whole=True),
    Shelf("the calendar of changes", r"calendar\.(html|ics)", ALL),
    Shelf("model cards", r"model-card-(?P<site>[^/]+)\.(html|json)", ALL),
    Shelf("audits of feeds, counted", r"audit-(?P<site>[^/]+)\.html", ALL),
    Shelf("drift, by feature", r"drift/(?P<site>[^/]+)\.html", ALL),
    Shelf("packs for the board", r"board-packs/(?P<site>[^/]+)/(evidence/)?[^/.][^/]*", ALL),
    Shelf("operations, as governance sees them", r"operations\.html", frozenset({"governance"})),
    *(Shelf(f"operations, as {one} sees them", rf"operations-{one}\.html", frozenset({one})) for one in ROLES),
)


def shelf_of(path: str) -> Shelf:
    """Return what is said of a page by its path from the folder of reports, and the strictest where nothing is."""
    there = PurePosixPath(path).as_posix()
    return next((one for one in SHELVES if re.fullmatch(one.pages, there)), REST)


def why_not(shelf: Shelf, reader: Reader, site: str | None) -> str | None:
    """Return why a reader may not see a page that is of `site` (None: of no single one); None where they may."""
    if reader.role not in shelf.roles:
        return f"Here lie {shelf.holds}, for {', '.join(sorted(shelf.roles))}; ask whoever keeps ops_readers.json."
    if reader.sites is None or site in reader.sites:
        return None
    named = f"is of {site}" if site else "names no site"
    return f"You read of {', '.join(reader.sites) or 'no site'}, and this page {named}; /ops shows what is yours."

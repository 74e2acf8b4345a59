"""Landing: files given on the command line, and the drops that wait for a site and day.

What does not belong here: reading formats and judging rows (orchestration/feeds).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TypedDict

from orchestration.contracts import load_contracts
from orchestration.contracts.mapping import FeedMapping
from orchestration.feeds import Drop, FeedStopped, Receipt, land, land_drops
from orchestration.settings import Environment, Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import FEED_STOPPED, Answer
from orchestration.steps.files import changes_sha256, write_json
from orchestration.steps.intake.keys import site_key
from orchestration.steps.intake.relanding import require_landed_alike
from orchestration.steps.record.records import now

OUTCOMES = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")
FORMATS_BY_ENDING = {
    ".ndjson": ("ndjson",),
    ".jsonl": ("ndjson",),
    ".json": ("ndjson", "bundle", "resource"),
    ".csv": ("csv",),
    ".parquet": ("parquet",),
    ".dta": ("stata",),
    ".hl7": ("hl7v2",),
    ".dcm": ("dicom",),
    ".x12": ("x12",),
}
DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
END_OF_DAY = time(23, 59, 59)


@dataclass
class Landed:
    """Receipts added up, for one feed or many: `counts` by outcome, `reasons` by clause."""

    files: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    reasons: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, receipt: Receipt) -> None:
        self.files += 1
        for outcome in OUTCOMES:
            self.counts[outcome] += int(getattr(receipt, outcome))
        for clause, count in receipt.reasons.items():
            self.reasons[clause] = self.reasons.get(clause, 0) + count

    def merge(self, other: "Landed") -> None:
        self.files += other.files
        for outcome, count in other.counts.items():
            self.counts[outcome] += count
        for clause, count in other.reasons.items():
            self.reasons[clause] = self.reasons.get(clause, 0) + count

    @property
    def adds_up(self) -> bool:
        return self.counts["received"] == sum(self.counts[outcome] for outcome in OUTCOMES[1:])


@dataclass(frozen=True)
class PendingDrops:
    """A site's arrival days that wait to be landed, and what their folders hold (a fingerprint of names)."""

    site: str
    feeds: tuple[str, ...]
    days: tuple[date, ...]
    fingerprints: dict[str, str]


class SiteTerms(TypedDict):
    """What landing must know of a site, as its own keyword arguments."""

    site: str
    home: Path
    key: bytes
    feeds: tuple[str, ...]
    zone: str
    environment: Environment
    authorities: Mapping[str, Mapping[str, str]]
    mappings: Mapping[str, FeedMapping]


def site_terms(settings: Settings, site: str) -> SiteTerms:
    """Return the terms of a site. Raises `UnknownSite`, `InvalidMapping` for a mapping that cannot be read, and
    `LandedOtherwise` where records lie under other names, or in another time zone, than those of its file."""
    place = load_site(site)
    require_landed_alike(settings, place)
    key = site_key(settings, place)
    return SiteTerms(
        site=place.id,
        home=settings.home,
        key=key,
        feeds=place.feeds,
        zone=place.timezone,
        environment=settings.environment,
        authorities=place.aliases,
        mappings=load_mappings(place.id),
    )


def ingest_paths(settings: Settings, paths: Sequence[Path], site: str, feed: str | None) -> Answer:
    """Land files and folders now; one receipt per file; exit code 3 when a contract stopped a feed.

    Raises `FeedNotListed` for a feed that the site's file does not list.
    """
    terms = site_terms(settings, site)
    try:
        receipts = land(paths, feed=feed, arrived_at=now(), **terms)
    except FeedStopped as stopped:
        document = {"receipts": [one.to_json() for one in stopped.receipts], "stopped": str(stopped)}
        return Answer(document, exit_code=FEED_STOPPED)
    return Answer({"receipts": [one.to_json() for one in receipts]})


def land_days(settings: Settings, site: str, days: Iterable[date]) -> dict[str, Landed]:
    """Land the drops of some days, each arriving at the end of its local day; returns the sums by feed.

    Raises `FeedStopped` after every other file of that day has landed.
    """
    place = load_site(site)
    folders = {day: settings.drops / site / day.isoformat() for day in days}
    waiting = [Drop((folder,), arrival_time(place, day)) for day, folder in folders.items() if folder.is_dir()]
    landed: dict[str, Landed] = {}
    for receipts in land_drops(waiting, feed=None, **site_terms(settings, site)):
        for receipt in receipts:
            landed.setdefault(receipt.feed, Landed()).add(receipt)
    return landed


def arrival_time(site: Site, day: date) -> datetime:
    """Return when a day's drop arrives: at the end of the site's local day."""
    return datetime.combine(day, END_OF_DAY, site.zone)


def landed_sites(settings: Settings) -> list[str]:
    """Return the sites of which anything has ever landed, sorted."""
    return [site for site in list_sites() if (settings.home / "receipts" / site).is_dir()]


def pending_drops(settings: Settings, only: str | None = None, *, before: date | None = None) -> list[PendingDrops]:
    """Return, per site, the drops (arriving before a day, if given) that are new or changed since they landed."""
    waiting = [_pending(settings, site, before) for site in list_sites() if only in (None, site)]
    return [drops for drops in waiting if drops.days]


def _pending(settings: Settings, site: str, before: date | None) -> PendingDrops:
    folder = settings.drops / site
    found = {path.name: changes_sha256(path, "*") for path in _day_folders(folder, before)}
    known = _landed_fingerprints(settings, site)
    new = {day: digest for day, digest in found.items() if known.get(day) != digest}
    feeds = _possible_feeds(load_site(site), [folder / day for day in new])
    return PendingDrops(site, feeds, tuple(date.fromisoformat(day) for day in sorted(new)), new)


def _possible_feeds(site: Site, folders: Iterable[Path]) -> tuple[str, ...]:
    """The site's feeds that some waiting file could be of, by its ending; an unknown ending could be of any."""
    endings = {path.suffix.lower() for folder in folders for path in folder.rglob("*") if path.is_file()}
    if not endings <= FORMATS_BY_ENDING.keys():
        return site.feeds
    formats = {form for ending in endings for form in FORMATS_BY_ENDING[ending]}
    contracts = load_contracts()
    return tuple(feed for feed in site.feeds if formats & set(contracts[feed].formats))


def _day_folders(folder: Path, before: date | None) -> Iterable[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and DAY.fullmatch(path.name) and (before is None or path.name < before.isoformat()):
            yield path


def _landed_fingerprints(settings: Settings, site: str) -> dict[str, str]:
    path = _marker(settings, site)
    return json.loads(path.read_bytes()) if path.exists() else {}


def mark_landed(settings: Settings, drops: PendingDrops) -> None:
    """Remember what was landed, so that a drop is looked at again only when its files changed."""
    known = _landed_fingerprints(settings, drops.site)
    write_json(_marker(settings, drops.site), {**known, **drops.fingerprints})


def _marker(settings: Settings, site: str) -> Path:
    return settings.home / "state" / f"landed-{site}.json"

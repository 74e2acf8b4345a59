"""What is counted at a site for its board packs: feeds as they came, contracts, mapping of codes, reviews of meaning.

The same for every use case of a site, so counted once for all packs of one writing. What does not belong here: what is
asked of a count (evaluation/governance), and the audit in full (steps/intake/audit).
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evaluation.reports.board import Measured
from orchestration.contracts import load_contract
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.freshness import Verdict, present_of, site_freshness
from orchestration.steps.meanings.reviews import list_reviews
from orchestration.steps.warehouse.tables_summary import mapping_coverage

FATES = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")


@dataclass(frozen=True)
class Counted:
    """Documents by role with their titles, and the facts that were counted in them."""

    documents: Mapping[str, tuple[str, Mapping[str, Any]]]
    measured: Mapping[str, Measured]


@dataclass
class SiteCounts:
    """The counts of every site of one writing at `at`, each counted when it is first asked for."""

    settings: Settings
    at: datetime
    found: dict[str, Counted] = field(default_factory=dict[str, Counted])

    def of(self, site: str) -> Counted:
        if site not in self.found:
            self.found[site] = _counted(self.settings, site, self.at)
        return self.found[site]


def _counted(settings: Settings, site: str, at: datetime) -> Counted:
    """Count a site as it lies in its home at `at`, its feeds as fresh as they are at its own present."""
    documents: dict[str, tuple[str, Mapping[str, Any]]] = {}
    measured: dict[str, Measured] = {}
    parts = (_feeds(settings, site, at), _contracts(settings, site), _mapping(settings, site), _reviews(settings, site))
    for title, role, document, facts in parts:
        documents[role] = (title, document)
        measured.update({name: Measured(value, says, (role,)) for name, (value, says) in facts.items()})
    return Counted(documents, measured)


Facts = dict[str, tuple[float | None, str]]
Part = tuple[str, str, dict[str, Any], Facts]


def _feeds(settings: Settings, site: str, at: datetime) -> Part:
    present = present_of(settings, site, at)
    fresh = {one.feed: one.verdict for one in site_freshness(settings, site, present)}
    counts = {feed: _receipts(settings, site, feed) for feed in load_site(site).feeds}
    late = [feed for feed, verdict in fresh.items() if verdict is Verdict.STALE]
    never = [feed for feed, one in counts.items() if not one["files"]]
    received, held = (sum(one[fate] for one in counts.values()) for fate in ("received", "quarantined"))
    document = {
        "site": site,
        "present": present.isoformat(),
        "feeds": {feed: {**one, "freshness": str(fresh.get(feed, ""))} for feed, one in counts.items()},
    }
    share = held / received if received else None
    return (
        "Feeds of the site",
        "feeds",
        document,
        {
            "feeds.late": (len(late), f"late: {', '.join(late)}" if late else f"none of {len(counts)} is late"),
            "feeds.never_landed": (
                len(never),
                f"never landed: {', '.join(never)}" if never else f"all {len(counts)} landed",
            ),
            "feeds.quarantined_share": (share, "" if share is None else f"{share:.2%} of {received:,} records"),
        },
    )


def _receipts(settings: Settings, site: str, feed: str) -> dict[str, int]:
    counts: Counter[str] = Counter({"files": 0, **dict.fromkeys(FATES, 0)})
    for path in (settings.home / "receipts" / site / feed).glob("*.json"):
        receipt = json.loads(path.read_bytes())
        counts.update({"files": 1, **{fate: receipt[fate] for fate in FATES}})
    return dict(counts)


def _contracts(settings: Settings, site: str) -> Part:
    found = {feed: load_contract(feed, environment=settings.environment) for feed in load_site(site).feeds}
    unowned = [feed for feed, one in found.items() if not one.owner]
    document = {
        feed: {"version": one.full_version, "sha256": one.digest, "owner": one.owner} for feed, one in found.items()
    }
    said = f"without owner: {', '.join(unowned)}" if unowned else f"all {len(found)} have one"
    return "Contracts of the site", "contracts", document, {"contracts.without_owner": (len(unowned), said)}


def _mapping(settings: Settings, site: str) -> Part:
    shares = mapping_coverage(settings, site)
    lowest = min(shares, key=lambda table: shares[table], default=None)
    facts: Facts = {"tables.lowest_mapping": (None, "")}
    if lowest is not None:
        facts["tables.lowest_mapping"] = (shares[lowest], f"lowest in {lowest}: {shares[lowest]:.1%}")
    return "Mapping of codes", "mapping", dict(shares), facts


def _reviews(settings: Settings, site: str) -> Part:
    found = [one for one in list_reviews(settings) if one["site"] == site]
    waiting = [str(one["review"]) for one in found if one["is_open"]]
    said = f"waiting: {', '.join(waiting)}" if waiting else "none waits"
    return "Reviews of meaning", "reviews", {"reviews": found}, {"reviews.open": (len(waiting), said)}

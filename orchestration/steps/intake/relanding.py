"""`pilothouse reland`: what a site sent, landed again because its `authorities` changed; and noticing that they did.

What does not belong here: reading bytes and changing places (orchestration/feeds).
"""

from typing import Any

from orchestration.feeds.authorities import ALIASES, known_names, remember, require_names
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.relanding import reland
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import Answer
from orchestration.steps.intake.keys import site_key
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK, demand_rebuild


def require_same_names(settings: Settings, place: Site) -> None:
    """Refuse to land under other names of authorities than those under which a site's records lie.

    A person whose record number was called otherwise would be two persons, silently. What a home landed before it kept
    its names is taken to have landed under those of now. Raises `AuthoritiesChanged`.
    """
    require_names(settings.home, place.id, place.aliases)
    if known_names(settings.home, place.id) != place.aliases:
        remember(settings.home, place.id, {ALIASES: place.aliases})


def reland_site(settings: Settings, site: str) -> Answer:
    """Land a site's bytes again under the names of now; the tables are made anew by the next run.

    Raises `CannotReland`, `LandingBusy`, `UnknownSite`.
    """
    place = load_site(site)
    with exclusive(settings.home, WAREHOUSE_LOCK):
        demand_rebuild(settings, f"the names of authorities at {place.id}")
        before, made = reland(
            settings.home,
            site=place.id,
            key=site_key(settings, place),
            feeds=place.feeds,
            zone=place.timezone,
            environment=settings.environment,
            authorities=place.aliases,
            mappings=load_mappings(place.id),
            state={ALIASES: place.aliases},
        )
    document = {
        "site": place.id,
        "files": len({one.sha256 for one in before}),
        "before": _sums([one for one in before if one.attempt == 1]),
        "receipts": [one.to_json() for one in made],
        "now": _sums(made[: len([one for one in before if one.attempt == 1])]),
        "next": "pilothouse run makes the tables anew; pilothouse scrub takes the notes again.",
    }
    return Answer(document)


def _sums(receipts: list[StoredReceipt] | list[Any]) -> dict[str, int]:
    outcomes = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")
    return {outcome: sum(int(getattr(one, outcome)) for one in receipts) for outcome in outcomes}

"""`pilothouse reland`: what a site sent, landed again because its `authorities` or `timezone` changed; and noticing it.

What does not belong here: reading bytes and changing places (orchestration/feeds).
"""

from typing import Any

from orchestration.feeds.authorities import (
    ALIASES,
    ZONE,
    known_names,
    known_zone,
    remember,
    require_names,
    require_zone,
)
from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.relanding import reland
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import Answer
from orchestration.steps.intake.keys import site_key
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK, demand_rebuild


def require_landed_alike(settings: Settings, place: Site) -> None:
    """Refuse to land under other names of authorities, or in another time zone, than a site's records lie in.

    A person whose record number was called otherwise would be two persons, silently; a day would be another. What a
    home landed before it kept them is taken to have landed under those of now. Raises `LandedOtherwise`.
    """
    require_names(settings.home, place.id, place.aliases)
    require_zone(settings.home, place.id, place.timezone)
    if (known_names(settings.home, place.id), known_zone(settings.home, place.id)) != (place.aliases, place.timezone):
        remember(settings.home, place.id, _state_of(place))


def reland_site(settings: Settings, site: str) -> Answer:
    """Land a site's bytes again under the names and in the time zone of now; the tables are made anew by the next run.

    Raises `CannotReland`, `LandingBusy`, `UnknownSite`.
    """
    place = load_site(site)
    with exclusive(settings.home, WAREHOUSE_LOCK):
        demand_rebuild(settings, f"the names of authorities or the time zone of {place.id}")
        before, made = reland(
            settings.home,
            site=place.id,
            key=site_key(settings, place),
            feeds=place.feeds,
            zone=place.timezone,
            environment=settings.environment,
            authorities=place.aliases,
            mappings=load_mappings(place.id),
            state=_state_of(place),
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


def _state_of(place: Site) -> dict[str, object]:
    return {ALIASES: place.aliases, ZONE: place.timezone}


def _sums(receipts: list[StoredReceipt] | list[Any]) -> dict[str, int]:
    outcomes = ("received", "landed", "duplicate", "superseded", "deleted", "quarantined")
    return {outcome: sum(int(getattr(one, outcome)) for one in receipts) for outcome in outcomes}

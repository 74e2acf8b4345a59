"""`pilothouse reland`: what a site sent, landed again because its `authorities` changed; and noticing that they did.

What does not belong here: reading bytes and changing places (orchestration/feeds).
"""

import json
from collections.abc import Mapping
from typing import Any

from orchestration.feeds.receipt import StoredReceipt
from orchestration.feeds.relanding import FOLDER, READY, reland, remember, state_file
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.sites.mappings import load_mappings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError
from orchestration.steps.keys import site_key
from orchestration.steps.locks import exclusive
from orchestration.steps.tables import WAREHOUSE_LOCK, demand_rebuild

ALIASES = "aliases"
Names = Mapping[str, Mapping[str, str]]


class AuthoritiesChanged(StepError):
    """A site's file renames authorities otherwise than when its records landed; the message says which, and the way."""


def require_same_names(settings: Settings, place: Site) -> None:
    """Refuse to land under other names of authorities than those under which a site's records lie.

    A person whose record number was called otherwise would be two persons, silently. What a home landed before it kept
    its names is taken to have landed under those of now. Raises `AuthoritiesChanged`.
    """
    if (settings.home / FOLDER / place.id / READY).exists():
        raise AuthoritiesChanged(f"Landing {place.id} again was cut short; run: pilothouse reland --site {place.id}.")
    path = state_file(settings.home, place.id)
    known: Names = json.loads(path.read_bytes())[ALIASES] if path.exists() else place.aliases
    if known != place.aliases and any((settings.home / "receipts" / place.id).glob("*/*.json")):
        raise AuthoritiesChanged(
            f"{place.id}: `authorities` of its site file are not those under which its records landed: "
            f"{'; '.join(_differences(known, place.aliases))}. What landed under the old names would stay apart from "
            "what comes now: one person would be two. Take the change back, or land all of it again under the new "
            f"names, from the encrypted bytes: pilothouse reland --site {place.id}."
        )
    if not path.exists() or known != place.aliases:
        remember(settings.home, place.id, {ALIASES: place.aliases})


def _differences(known: Names, now: Names) -> list[str]:
    """Say of every name that means another authority than before what it meant and what it means."""
    told: list[str] = []
    for kind in sorted({*known, *now}):
        old, new = known.get(kind, {}), now.get(kind, {})
        changed = [other for other in sorted({*old, *new}) if old.get(other, other) != new.get(other, other)]
        told += [
            f"{kind} {other!r} was {old.get(other, other)!r} and is {new.get(other, other)!r}" for other in changed
        ]
    return told


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

"""Under which names of authorities and in which time zone a site's records lie, kept in the home; no landing in others.

A pseudonym is made of the issuer's name and the number: under another name one person would be two, silently. A time
without a zone, and a day without a clock, land as instants of the site's zone: in another one they would be other hours
and days. Whoever lands asks inside the site's lock, since both may have changed while it waited or ran. What does not
belong here: landing all of it again under new ones (relanding.py).
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.contracts.sql import SERVERS
from orchestration.feeds.errors import AuthoritiesChanged, ZoneChanged
from orchestration.feeds.store import flush, sync_folders

ALIASES, ZONE = "aliases", "zone"
FOLDER, READY = "relanding", "ready.json"
Names = Mapping[str, Mapping[str, str]]  # what is numbered: another name of an authority: the one name


def require_names(home: Path, site: str, names: Names) -> None:
    """Refuse other names than those under which a site's records lie.

    What a home landed before it kept its names is taken to have landed under any. A list of servers is no name: it says
    what may land, and nobody is known otherwise under another one (decision 0062). Raises `AuthoritiesChanged`.
    """
    if (home / FOLDER / site / READY).exists():
        raise AuthoritiesChanged(f"Landing {site} again was cut short; run: pilothouse reland --site {site}.")
    held, names = known_names(home, site), _without_servers(names)
    known = None if held is None else _without_servers(held)
    if known is not None and known != names and any((home / "receipts" / site).glob("*/*.json")):
        raise AuthoritiesChanged(
            f"{site}: `authorities` of its site file, as this process read it, are not those under "
            f"which its records landed: {'; '.join(_differences(known, names))}. What landed under the old names would "
            "stay apart from what comes now: one person would be two. Start again what runs since before the change; "
            "else take the change back, or land all of it again under the new names, from the encrypted bytes: "
            f"pilothouse reland --site {site}."
        )


def require_zone(home: Path, site: str, zone: str) -> None:
    """Refuse another time zone than that in which a site's times without one were read. Raises `ZoneChanged`.

    What a home landed before it kept its zone is taken to have landed in any.
    """
    known = known_zone(home, site)
    if known is not None and known != zone and any((home / "receipts" / site).glob("*/*.json")):
        raise ZoneChanged(
            f"{site}: `timezone` of its site file, as this process read it, is {zone}, and its records landed in "
            f"{known}: times without a zone and days without a clock would stay hours apart from what comes now. Start "
            "again what runs since before the change; else take the change back, or land all of it again in the new "
            f"zone, from the encrypted bytes: pilothouse reland --site {site}."
        )


def _without_servers(names: Names) -> Names:
    return {kind: of_kind for kind, of_kind in names.items() if kind != SERVERS}


def known_names(home: Path, site: str) -> Names | None:
    """Return the names under which a site's records lie; null where the home does not say."""
    return _state(home, site).get(ALIASES)


def known_zone(home: Path, site: str) -> str | None:
    """Return the time zone in which a site's records were read; null where the home does not say."""
    return _state(home, site).get(ZONE)


def _state(home: Path, site: str) -> dict[str, Any]:
    path = state_file(home, site)
    return json.loads(path.read_bytes()) if path.exists() else {}


def state_file(home: Path, site: str) -> Path:
    """Return where it is kept under which names of authorities and in which zone a site's records landed."""
    return home / "state" / f"authorities-{site}.json"


def remember(home: Path, site: str, state: Mapping[str, object]) -> None:
    """Keep the names and the zone in which a site's records land, durably; two may do so at once."""
    path = state_file(home, site)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    try:
        with beside.open("wb") as stream:
            stream.write(json.dumps(state, indent=2, sort_keys=True).encode())
            flush(stream)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folders([path.parent])


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

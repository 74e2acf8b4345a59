"""Who read what of patients: cards that went out, by the service's store, and looks at pages with rows of patients.

Told to governance on the page of operations: who (the beginning of a pseudonym), as what, why, when, how often and of
how many patients; no patient is named. What does not belong here: recording a read (ml/serving).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, func, select

from evaluation.metrics.subgroups import MIN_CELL
from ml.serving.ops.readers import LOOKS
from ml.serving.tables import CARD_SEEN, EVENT, instant_of, microseconds
from orchestration.settings import Settings
from orchestration.steps.record.records import now
from orchestration.steps.releases.served import from_events

DAYS = 28
SHORT = 8
"""Characters of a pseudonym that tell readers of one site apart."""
CARD, AGGREGATES = "card", "operations"
UNREADABLE = {"who": "not readable", "role": "", "page": "reports/unknown/page", "why": "torn on disk", "sites": ()}
"""What is told of a look whose line on record cannot be read: that there was one."""


@dataclass(frozen=True)
class Read:
    """Reads of one kind by one person for one reason. `patients`: in words; none are named, few are not counted out."""

    who: str
    role: str
    what: str
    why: str
    first: datetime
    last: datetime
    times: int
    patients: str


def cards_seen(settings: Settings, site: str, begin: datetime) -> frozenset[str] | None:
    """Return the events since a moment whose card went out to a user who was told; None where nothing was served."""
    query = select(CARD_SEEN.c.event_id).distinct()
    query = query.where(CARD_SEEN.c.site == site, CARD_SEEN.c.at_us >= microseconds(begin))
    return from_events(settings, lambda connection: frozenset(connection.scalars(query)))


def reads_of(settings: Settings, site: str, begin: datetime) -> list[Read]:
    """Return who read what of a site's patients, newest first: cards since `begin`, pages in the last four weeks."""
    cards = from_events(settings, lambda connection: _cards(connection, site, begin)) or []
    return sorted([*cards, *_pages(settings, site)], key=lambda one: one.last, reverse=True)


def _cards(connection: Connection, site: str, begin: datetime) -> list[Read]:
    who, why, at = CARD_SEEN.c.user_key, CARD_SEEN.c.why, CARD_SEEN.c.at_us
    query = (
        select(who, why, func.min(at), func.max(at), func.count(), func.count(EVENT.c.patient_key.distinct()))
        .join(EVENT, EVENT.c.event_id == CARD_SEEN.c.event_id)
        .where(CARD_SEEN.c.site == site, at >= microseconds(begin))
        .group_by(who, why)
    )
    return [
        Read(user[:SHORT], "", CARD, hook, instant_of(first), instant_of(last), times, _patients(patients))
        for user, hook, first, last, times, patients in connection.execute(query)
    ]


def _pages(settings: Settings, site: str) -> Iterator[Read]:
    """Looks at pages with rows of patients; of a page that is of no single site, every site is told."""
    mine = [one for one in _looks(settings) if site in (one["sites"] or (site,)) and one["page"] != AGGREGATES]
    for (who, role, page, why), group in groupby(sorted(mine, key=_about), _about):
        times = sorted(datetime.fromisoformat(one["at"]) for one in group)
        shown = who[:SHORT] if " " not in who else who
        yield Read(shown, role, _kind(page), why, times[0], times[-1], len(times), _of_page(settings, page))


def _about(look: dict[str, Any]) -> tuple[str, str, str, str]:
    return look["who"], look["role"], look["page"], look["why"]


def _looks(settings: Settings) -> Iterable[dict[str, Any]]:
    """Looks of the last weeks, each with its time: one that is torn lies between those beside it in the file."""
    path = settings.home / LOOKS
    if not path.exists():
        return
    since, at = now() - timedelta(days=DAYS), _written(path)
    for line in reversed(path.read_text(errors="replace").splitlines()):
        look = _look(line) or {**UNREADABLE, "at": at.isoformat()}
        at = datetime.fromisoformat(look["at"])
        if at >= since:
            yield look


def _written(path: Path) -> datetime:
    """When the file was written last: the latest that its last line can be of; by this clock if it runs behind."""
    return min(datetime.fromtimestamp(path.stat().st_mtime, UTC), now())


def _look(line: str) -> dict[str, Any] | None:
    """One look as it was recorded; None for a line that a crash tore, its time cut off with the rest or not."""
    try:
        look = json.loads(line)
        datetime.fromisoformat(look["at"])
    except (ValueError, KeyError, TypeError):
        return None
    return look if look.keys() >= {"who", "role", "page", "why", "sites"} else None


def _kind(page: str) -> str:
    """The folder of a page: `incidents`, `reviews`; its name may hold more than governance needs."""
    parts = PurePosixPath(page).parts[1:-1]
    return parts[0] if parts else "page"


def _of_page(settings: Settings, page: str) -> str:
    """How many patients a page told of, where it says so beside it (evaluation/reports/incident.py)."""
    try:
        said = json.loads((settings.home / f"{page}.site").read_bytes())
        return _patients(int(said["patients"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "not counted"


def _patients(count: int) -> str:
    return str(count) if count == 0 or count >= MIN_CELL else f"1 to {MIN_CELL - 1}"

"""When files of a feed arrived that brought anything, out of its receipts, each of which is read once.

Kept in `state/arrivals/`: a first line with what most questions need, and a second with every receipt by name and time
of change. Receipts are renamed into their folder, so that its time of change tells whether there is anything new; one
that is younger than `SETTLED` may hide another change in the same tick and is not trusted. What cannot be read is made
anew. What does not belong here: whether a feed is late (freshness).
"""

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TypedDict, cast

from orchestration.feeds.reread import damaged
from orchestration.settings import Settings
from orchestration.steps.files import write_atomically

SETTLED = 2_000_000_000  # nanoseconds; file systems keep times in ticks of a few milliseconds, some of two seconds


class Head(TypedDict):
    """What the folder was like when it was listed, and the newest arrival in it."""

    changed: int
    newest: str | None


Known = dict[str, tuple[int, int, str | None]]
"""By receipt: its time of change and size, and when its file arrived; null where it brought nothing."""


def newest_arrival(settings: Settings, site: str, feed: str, until: datetime) -> datetime | None:
    """Return when the newest file arrived by a time that brought anything; one held back whole brought nothing."""
    path = _kept(settings, site, feed)
    head = _seen(settings, site, feed)
    newest = datetime.fromisoformat(head["newest"]) if head and head["newest"] else None
    if newest is None or newest <= until:
        return newest
    return max((at for at in _times(path) if at <= until), default=None)


def every_arrival(settings: Settings, site: str, feed: str) -> list[datetime]:
    """Return when files arrived that brought anything, sorted, each time once."""
    return [] if _seen(settings, site, feed) is None else sorted(set(_times(_kept(settings, site, feed))))


def _kept(settings: Settings, site: str, feed: str) -> Path:
    return settings.home / "state" / "arrivals" / site / f"{feed}.json"


def _times(path: Path) -> list[datetime]:
    return [datetime.fromisoformat(arrived) for _, _, arrived in _known(path).values() if arrived]


def _seen(settings: Settings, site: str, feed: str) -> Head | None:
    """Return what is known of a feed's receipts as they are now; null for a feed that never sent anything."""
    folder, path = settings.home / "receipts" / site / feed, _kept(settings, site, feed)
    if not folder.is_dir():
        return None
    head = _head(path)
    is_known = head is not None and head["changed"] == folder.stat().st_mtime_ns
    return head if is_known else _take_in(folder, path)


def _take_in(folder: Path, path: Path) -> Head:
    """List the folder, read the receipts that are new or changed, and keep what they say."""
    changed = folder.stat().st_mtime_ns
    is_settled = time.time_ns() - changed > SETTLED
    before, known = _known(path), Known()
    for entry in os.scandir(folder):
        if entry.name.endswith(".json"):
            found = entry.stat()
            seen = before.get(entry.name)
            is_same = seen is not None and tuple(seen[:2]) == (found.st_mtime_ns, found.st_size)
            arrived = seen[2] if seen is not None and is_same else _arrival(Path(entry.path))
            known[entry.name] = (found.st_mtime_ns, found.st_size, arrived)
    times = [arrived for _, _, arrived in known.values() if arrived]
    newest = max(times, key=datetime.fromisoformat, default=None)
    head = Head(changed=changed if is_settled else 0, newest=newest)
    write_atomically(path, f"{json.dumps(head)}\n{json.dumps(known)}\n".encode())
    return head


def _arrival(path: Path) -> str | None:
    try:
        receipt = json.loads(path.read_bytes())
    except ValueError as error:
        raise damaged(path, "a receipt") from error
    if receipt["received"] <= receipt["quarantined"]:
        return None
    return str(receipt.get("first_arrived_at") or receipt["arrived_at"])


def _head(path: Path) -> Head | None:
    try:
        with path.open("rb") as stream:
            found = json.loads(stream.readline())
    except (FileNotFoundError, ValueError):
        return None
    is_whole = isinstance(found, dict) and {"changed", "newest"} <= set(cast("dict[str, object]", found))
    return cast("Head", found) if is_whole else None


def _known(path: Path) -> Known:
    try:
        with path.open("rb") as stream:
            stream.readline()
            found = json.loads(stream.readline())
    except (FileNotFoundError, ValueError):
        return {}
    return cast("Known", found) if isinstance(found, dict) else {}

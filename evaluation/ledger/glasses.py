"""When broken glasses stood at a place, as its entries tell. How much of it a policy allows belongs in ``gates/``."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from evaluation.ledger.entry import Entry, parse_instant
from evaluation.ledger.orders import PROMOTED

GLASS_MOVES = (*PROMOTED, "rollback")
"""Kinds of entry that may put another release, or none, in the place of the one under the glass."""


@dataclass(frozen=True, slots=True)
class GlassTime:
    """From when until when one glass stood."""

    start: datetime
    end: datetime

    def within(self, since: datetime, until: datetime) -> timedelta:
        """How much of it lies between two instants."""
        return max(min(self.end, until) - max(self.start, since), timedelta(0))


def glass_times(entries: Iterable[Entry], use_case: str, site: str, now: datetime) -> tuple[GlassTime, ...]:
    """When each glass stood that was broken at a place, in order; one that stands still, until ``now``.

    It ends with its time, or with the entry that takes its release away before. A lower stage or tier is no end: the
    release is served all the same. An order that reached the ledger late ends it late, so that no time is left out.
    """
    found: list[GlassTime] = []
    standing: Entry | None = None
    for entry in entries:
        payload = entry.payload
        if entry.kind not in GLASS_MOVES or (payload["use_case"], payload["site"]) != (use_case, site):
            continue
        if standing is not None and payload["release"] != standing.payload["release"]:
            found.append(_time(standing, entry.at))
            standing = None
        if entry.kind == "break_glass":
            standing = entry
    return (*found, *([] if standing is None else [_time(standing, now)]))


def _time(broken: Entry, by: datetime) -> GlassTime:
    until = parse_instant(cast("str", broken.payload["until"]))
    return GlassTime(broken.at, max(broken.at, min(until, by)))

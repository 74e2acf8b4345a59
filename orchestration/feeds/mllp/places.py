"""Who may talk to a listener at the same time: so many in all, so many from one address, and who gives way.

What does not belong here: sockets and messages (listener.py).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address

TELL_SECONDS = 10.0
"""Refusals of one address are told one by one, but no more often than this: a flood of calls is no flood of lines."""

MOST_NAMED = 1024
"""Addresses whose refusals are counted one by one; those of any further ones are counted together."""
OTHERS = "other addresses"

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Place:
    """One conversation: who talks, since when no whole message came, and what is still owed to them.

    `leave` ends it; `owed` are messages without their answer; `is_amid` says that a message is half here.
    """

    peer: str
    leave: Callable[[], object]
    silent_since: float
    owed: int = 0
    is_amid: bool = False

    def gives_way(self, now: float, seconds: float) -> bool:
        """Whether nothing came from there for so long, nothing is under way, and nothing is owed."""
        return not self.owed and not self.is_amid and now - self.silent_since >= seconds


@dataclass
class Places:
    """The conversations that are under way. `spare` are seconds of silence after which one gives way to another."""

    most: int
    most_of_one: int
    spare: float
    taken: list[Place] = field(default_factory=list[Place])
    refused: Counter[str] = field(default_factory=Counter[str])
    _told_at: dict[str, float] = field(default_factory=dict[str, float])

    def take(self, peer: str, leave: Callable[[], object]) -> Place | None:
        """Return a place for who calls, `None` where there is none; then it was counted and told.

        Where none is free, whoever has been silent for longest gives way: of the same address, where that has its
        share, otherwise of all.
        """
        now, peer = asyncio.get_running_loop().time(), sender(peer)
        own = [one for one in self.taken if one.peer == peer]
        if len(own) >= self.most_of_one and not self._make_room(own, now):
            return self._refuse(peer, f"{len(own)} are open from that address, which is the limit for one", now)
        if len(self.taken) >= self.most and not self._make_room(self.taken, now):
            return self._refuse(peer, f"{len(self.taken)} are open, which is the limit", now)
        place = Place(peer, leave, now)
        self.taken.append(place)
        return place

    def free(self, place: Place) -> None:
        """Take note that a conversation has ended, if it still had its place."""
        if place in self.taken:
            self.taken.remove(place)

    def _make_room(self, among: list[Place], now: float) -> bool:
        silent = [one for one in among if one.gives_way(now, self.spare)]
        if not silent:
            return False
        first = min(silent, key=lambda one: one.silent_since)
        log.warning(
            "A connection of %s, silent for %.0f s, was closed to make room for another.",
            first.peer, now - first.silent_since,
        )  # fmt: skip
        self.free(first)
        first.leave()
        return True

    def _refuse(self, peer: str, why: str, now: float) -> None:
        named = peer if peer in self.refused or len(self.refused) < MOST_NAMED else OTHERS
        self.refused[named] += 1
        if now - self._told_at.get(named, -TELL_SECONDS) >= TELL_SECONDS:
            self._told_at[named] = now
            log.warning("A connection of %s was refused: %s (refusals so far: %d).", named, why, self.refused[named])


def sender(address: str) -> str:
    """Return what counts as one address: of IPv6 the network (/64), since a host may take any address of its own.

    An IPv4 address written as IPv6 is the IPv4 one; on one link, and within this machine, every address is a host.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address) or found.is_link_local or found.is_loopback:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), 64), strict=False))

"""What happened to a visit as admission messages tell it: when it happened, when it was typed in, when it was sent.

A visit's timeline only ever grows: what is in it for one day is the same whichever later day it is asked on. What does
not belong here: the messages (`adt.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestration.simulator.clock import LocalClock
from orchestration.simulator.hospital import Visit
from orchestration.simulator.registration import (
    DELAYS,
    Registration,
    was_discharged_early,
    were_wrongly_admitted,
)


@dataclass(frozen=True, slots=True)
class Happened:
    """A trigger event and the second it happened; `slot` picks its charting delay, a wrong click is not `is_real`."""

    trigger: str
    occurred: int
    slot: int
    is_real: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """A trigger event as sent."""

    happened: Happened
    recorded: int
    sent: int


def timeline(visit: Visit, desk: Registration, clock: LocalClock, now: int) -> list[Event]:
    """Return all events of a visit that happened before `now`, as they are or will be sent: in order."""
    happened = sorted((h for h in _happened(visit, desk, clock, now) if h.occurred < now), key=lambda h: h.occurred)
    found: list[Event] = []
    last = 0
    for one in happened:
        last = max(last + 1, one.occurred + _delay(one, desk))
        found.append(Event(one, last, last + 1))
    return found


def _delay(one: Happened, desk: Registration) -> int:
    """How late it is typed in. The desk registers and mends while it types; wards chart afterwards."""
    delay = desk.delays[one.slot]
    return 1 + delay // 8 if one.trigger in ("A04", "A08", "A11", "A13", "A40") else delay


def _happened(visit: Visit, desk: Registration, clock: LocalClock, now: int) -> Iterator[Happened]:
    yield Happened("A04", visit.arrived, 0)
    if desk.completed is not None:
        yield Happened("A08", desk.completed, 1)
    if desk.duplicate:
        yield Happened("A40", desk.merged, 2)
    if desk.mistaken and were_wrongly_admitted(visit, desk, clock, now):
        yield Happened("A01", desk.mistaken[0], 3, is_real=False)
        yield Happened("A11", desk.mistaken[1], 4, is_real=False)
    if visit.admitted is not None:
        yield Happened("A01", visit.admitted, 5)
    for n, stay in enumerate(visit.stays[1:]):
        yield Happened("A02", stay.entered, 9 + n % (DELAYS - 9))
    if visit.ended is None:
        return
    if was_discharged_early(visit, desk, clock):
        yield Happened("A03", visit.ended - desk.early, 6, is_real=False)
        yield Happened("A13", visit.ended - desk.early // 2, 7, is_real=False)
    yield Happened("A03", visit.ended, 8)

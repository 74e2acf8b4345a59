"""Bookings as a record system would ask about them, from the simulator's own book: what was decided by then, no more.

What does not belong here: the mart, expectations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from orchestration.simulator.appointments import AppointmentBook, Change
from orchestration.simulator.world import World

STATUS = {"booked": "booked", "arrived": "arrived", "no_show": "noshow", "cancelled": "cancelled"}
Resource = dict[str, object]


@dataclass(frozen=True)
class Booking:
    """One call of `appointment-book`: the appointment's number, what is sent, and when."""

    number: str
    sent: Resource
    at: str


def bookings(site: str, start: date, seed: int, days: int) -> Iterator[Booking]:
    """Every booking of some days in order, each with the person's appointments as they stood when it was made."""
    world = World(site, start, seed)
    book, known = AppointmentBook(world), dict[int, dict[int, Change]]()
    for _ in range(days):
        for change in book.changes(world.advance(measure=False)):
            one = change.appointment
            history = known.setdefault(one.person, {})
            if change.status == "booked":
                yield _booking(world, change, list(history.values()))
            history[one.number] = change


def _booking(world: World, change: Change, earlier: list[Change]) -> Booking:
    patient = {"resourceType": "Patient", "id": f"p{change.appointment.person}"}
    sent: Resource = {
        "patient": patient,
        "appointments": _bundle([_resource(world, change, "proposed")]),
        "history": _bundle([_resource(world, one, STATUS[one.status]) for one in earlier]),
    }
    return Booking(change.appointment.id, sent, world.clock.instant(change.at))


def _resource(world: World, change: Change, status: str) -> Resource:
    one = change.appointment
    return {
        "resourceType": "Appointment",
        "id": one.id,
        "status": status,
        "start": world.clock.instant(one.start),
        "serviceType": [{"coding": [{"code": one.clinic}]}],
        "participant": [{"actor": {"reference": f"Patient/p{one.person}"}, "status": "accepted"}],
        "meta": {"lastUpdated": world.clock.instant(change.at)},
    }


def _bundle(resources: list[Resource]) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def outcomes(site: str, start: date, seed: int, days: int) -> dict[str, tuple[str, str]]:
    """What came of every appointment within some days: its last state, and when it came into it."""
    world = World(site, start, seed)
    book, found = AppointmentBook(world), dict[str, tuple[str, str]]()
    for _ in range(days):
        for change in book.changes(world.advance(measure=False)):
            found[change.appointment.id] = (change.status, world.clock.instant(change.at))
    return found

"""A session as the advice sees it: one clinician in one room, slots in order, people booked with their risks.

What does not belong here: text (`form.py`), rules (`rules.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Room:
    """`most_at_once`: people who may be booked into one slot of it."""

    name: str
    most_at_once: int


@dataclass(frozen=True)
class Clinician:
    """`most_booked`: people in one session; `most_overtime_minutes`: past its end, even if everybody comes."""

    name: str
    most_booked: int
    most_overtime_minutes: int


@dataclass(frozen=True)
class Booking:
    """Somebody booked: their risk of not coming (0..1), or the number of the appointment that it is read from."""

    risk: float | None = None
    appointment: str | None = None


@dataclass(frozen=True)
class Slot:
    """`offset`: minutes from the session's start. `may_overbook` is false where nobody may be booked beside another."""

    starts_at: datetime
    offset: int
    minutes: int
    booked: tuple[Booking, ...]
    may_overbook: bool = True


@dataclass(frozen=True)
class Session:
    """Slots do not overlap and lie inside the session. `usual_risk`: of whoever would be booked on top; None is the
    mean of those booked."""

    name: str
    clinic: str
    room: Room
    clinician: Clinician
    starts_at: datetime
    ends_at: datetime
    slots: tuple[Slot, ...]
    usual_risk: float | None = None

    @property
    def minutes(self) -> int:
        """Length in whole minutes."""
        return (self.ends_at - self.starts_at) // MINUTE

    @property
    def booked(self) -> tuple[Booking, ...]:
        """Everybody who is booked, by slot."""
        return tuple(one for slot in self.slots for one in slot.booked)

    @property
    def free_slots(self) -> int:
        """Slots with nobody in them."""
        return sum(not slot.booked for slot in self.slots)

    @property
    def extra_already(self) -> int:
        """Bookings beyond the first of each slot, whoever made them."""
        return sum(max(0, len(slot.booked) - 1) for slot in self.slots)

    def with_risks(self, risks: Mapping[str, float]) -> "Session":
        """The session with the risks of its appointments filled in, by their number, where they are known."""

        def known(one: Booking) -> Booking:
            return one if one.appointment is None else replace(one, risk=risks.get(one.appointment))

        slots = tuple(replace(slot, booked=tuple(known(one) for one in slot.booked)) for slot in self.slots)
        return replace(self, slots=slots)


@dataclass(frozen=True)
class Basis:
    """What the risks stand on. `why_none` says why nothing may be advised; None where it may.

    `decided`: appointments of the site with a known outcome that the model was trained on; None where the risks were
    given in the file, by somebody who answers for them.
    """

    said: str
    decided: int | None = None
    why_none: str | None = None
    release: str | None = None
    tier: str | None = None

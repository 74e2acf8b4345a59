"""Sessions as text and as objects for the tests; what does not belong here: expectations."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ml.overbooking import Booking, Clinician, Room, Session, Slot

STARTS = datetime(2026, 4, 22, 12, tzinfo=UTC)


def session(
    risks: Sequence[Sequence[float]],
    *,
    minutes: int = 20,
    at_once: int = 2,
    booked: int = 100,
    overtime: int = 240,
    clinic: str = "GIM",
    usual: float | None = None,
) -> Session:
    """A session of as many slots as `risks`, each with the risks of who is booked into it."""
    slots = tuple(
        Slot(
            STARTS + timedelta(minutes=minutes * place),
            minutes * place,
            minutes,
            tuple(Booking(risk=risk) for risk in people),
        )
        for place, people in enumerate(risks)
    )
    ends = STARTS + timedelta(minutes=minutes * len(slots))
    return Session("one", clinic, Room("R1", at_once), Clinician("C1", booked, overtime), STARTS, ends, slots, usual)


def document(**changes: object) -> dict[str, object]:
    """A file of one session of two slots, as it is written."""
    slots = [
        {"starts_at": "2026-04-22T08:00:00-04:00", "minutes": 20, "booked": [{"risk": 0.2}]},
        {"starts_at": "2026-04-22T08:20:00-04:00", "minutes": 20, "booked": [{"appointment": "A1"}]},
    ]
    one = {
        "name": "morning", "clinic": "GIM", "room": "R1", "clinician": "C1", "starts_at": "2026-04-22T08:00:00-04:00",
        "ends_at": "2026-04-22T08:40:00-04:00", "slots": slots, **changes,
    }  # fmt: skip
    return {
        "schema": "pilothouse.sessions/1",
        "rooms": [{"name": "R1", "most_at_once": 2}],
        "clinicians": [{"name": "C1", "most_booked": 10, "most_overtime_minutes": 30}],
        "sessions": [one],
    }

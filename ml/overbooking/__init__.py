"""Overbooking advice: how many people a session can expect, and in which slots one more may be booked.

Here belong the rules, a session's form, the flow of people through it and the search for the best extra bookings. How
likely somebody is to come (`ml/training`) and where risks are read from (orchestration) do not. Nothing here books.

Every exception of this package descends from :class:`OverbookingError`::

    OverbookingError
    ├── RulesNotUnderstood      the file of rules breaks its shape, or a rule is missing
    └── SessionNotUnderstood    a file of sessions cannot be read, or its members do not fit together
"""

from ml.overbooking.errors import OverbookingError, RulesNotUnderstood, SessionNotUnderstood
from ml.overbooking.session import Basis, Booking, Clinician, Room, Session, Slot

__all__ = [
    "Basis",
    "Booking",
    "Clinician",
    "OverbookingError",
    "Room",
    "RulesNotUnderstood",
    "Session",
    "SessionNotUnderstood",
    "Slot",
]

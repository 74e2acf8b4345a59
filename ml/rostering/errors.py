"""What `ml.rostering` raises on purpose.

::

    RosteringError               root; the message says what was wrong, where, what was expected
    ├── ProblemNotUnderstood     a problem's file cannot be read as what it claims to be
    ├── RosterNotUnderstood      a roster's file does not fit its problem
    └── EventNotUnderstood       an event of a repair cannot be read, or names what the problem does not know
"""


class RosteringError(Exception):
    """Root of the room's exceptions."""


class ProblemNotUnderstood(RosteringError):
    """A problem cannot be read; the message names the file, the line or the member, and what was expected."""


class RosterNotUnderstood(RosteringError):
    """A roster does not fit its problem; the message names the row or the member."""


class EventNotUnderstood(RosteringError):
    """An event cannot be read; the message says how one is written."""

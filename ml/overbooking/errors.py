"""What `ml.overbooking` raises on purpose; the tree is drawn in the package's docstring."""


class OverbookingError(Exception):
    """Root of the package's exceptions; the message says what was wrong, where, and what was expected."""


class RulesNotUnderstood(OverbookingError):
    """The rules cannot be read; the message names the rule."""


class SessionNotUnderstood(OverbookingError):
    """Sessions cannot be read, or do not fit together; the message names the member."""

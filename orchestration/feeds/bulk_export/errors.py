"""The exceptions of this package, drawn in its `__init__`. None of them holds a token, a key or a query string."""

from orchestration.feeds.errors import FeedError


class ExportError(FeedError):
    """An export cannot go on; the message says what was wrong, where, and what to do."""


class ExportRefused(ExportError):
    """The server says no, or answers what the standard does not know."""


class ExportUnreachable(ExportError):
    """The server does not answer or keeps failing; the same command resumes."""


class ExportUnsafe(ExportError):
    """Going on would send a token, or fetch bytes, where that is not allowed."""


class ExportOther(ExportError):
    """Another export was begun and not finished."""

"""What keeps notes from being scrubbed.

Errors::

    FeedError
    └── ScrubberMissing    presidio, spaCy or the language model cannot be loaded
"""

from orchestration.feeds.errors import FeedError


class ScrubberMissing(FeedError):
    """Notes stay withheld, because what scrubs them cannot be loaded."""

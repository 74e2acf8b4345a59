"""The exceptions of this package. Bad input raises none of them: it is quarantined.

FeedError
├── FeedStopped         a required column is missing or named twice: the feed stops at the door
├── FeedNotListed       the site does not send this feed
├── NothingToLand       a path that does not exist
├── LandingBusy         another process lands for the same site
├── WaitingUnread       what was put aside durably cannot be read now; it stays where it is
├── LandedOtherwise     records lie as they would not be landed now
│   ├── AuthoritiesChanged  under other names of authorities
│   └── ZoneChanged         in another time zone
├── NothingToErase      nobody is known by what was given
└── TooManyKeys         what was given is tied to more numbers than one person can have
"""

from orchestration.feeds.receipt import Receipt


class FeedError(Exception):
    """Landing cannot go on; the message says what was wrong, where, what was expected and what to do."""


class FeedStopped(FeedError):
    """The schema of a feed changed. `receipts` accounts for every file, the stopped ones among them."""

    def __init__(self, message: str, receipts: tuple[Receipt, ...] = ()) -> None:
        super().__init__(message)
        self.receipts = receipts


class FeedNotListed(FeedError):
    """The site's file does not list the feed that was asked for."""


class NothingToLand(FeedError):
    """A path that was given does not exist."""


class LandingBusy(FeedError):
    """Another process holds the landing lock of the site."""


class WaitingUnread(FeedError):
    """A file that this home put aside and answers for cannot be read now: nothing of its drop was landed."""


class LandedOtherwise(FeedError):
    """A site's records lie as they would not be landed now, and what comes would stay apart from them."""


class ZoneChanged(LandedOtherwise):
    """A site's times were read in another time zone than they would be now; says which, and the way."""


class AuthoritiesChanged(LandedOtherwise):
    """A site's records lie under other names of authorities than would be landed under; says which, and the way."""


class NothingToErase(FeedError):
    """Nothing that this home holds is known by the identifier."""


class TooManyKeys(FeedError):
    """The identifier ties together too many others to be one person's."""

"""Feeds: bytes that a site sends, turned into lake rows, rejects and receipts.

What does not belong here: what a feed means (orchestration/contracts) and when it is landed (orchestration/defs). The
public face is `land`, `land_drops`, `replay`, `message_verdicts`, `Drop`, `Receipt`, `Limits`, `write_anchors` and the
exceptions.
"""

from orchestration.feeds.errors import (
    FeedError,
    FeedNotListed,
    FeedStopped,
    LandingBusy,
    NothingToErase,
    NothingToLand,
    TooManyKeys,
)
from orchestration.feeds.intake import Drop
from orchestration.feeds.lake import write_anchors
from orchestration.feeds.landing import land, land_drops, message_verdicts, replay
from orchestration.feeds.limits import Limits
from orchestration.feeds.receipt import Receipt

__all__ = [
    "Drop",
    "FeedError",
    "FeedNotListed",
    "FeedStopped",
    "LandingBusy",
    "Limits",
    "NothingToErase",
    "NothingToLand",
    "Receipt",
    "TooManyKeys",
    "land",
    "land_drops",
    "message_verdicts",
    "replay",
    "write_anchors",
]

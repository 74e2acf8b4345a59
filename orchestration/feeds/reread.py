"""Files that the landing zone wrote, read again: one that is damaged is named, with what to do.

What does not belong here: the form of a receipt (receipt.py).
"""

from pathlib import Path

from orchestration.feeds.errors import FeedError
from orchestration.feeds.receipt import StoredReceipt


def read_receipt(path: Path) -> StoredReceipt:
    """Return what a receipt's file says. Raises `FeedError`, which names the file, for one that is damaged."""
    try:
        return StoredReceipt.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise damaged(path, "a receipt") from error


def damaged(path: Path, what: str) -> FeedError:
    """Return what to say of a file of the home that cannot be read any more; it names the file by its last folders."""
    named = "/".join(path.parts[-4:])
    return FeedError(
        f"{named}, {what}, is damaged, and what it counts cannot be said without it: restore it from a backup, or move "
        "it out of the home and ingest the same file again, whose bytes are kept under raw/."
    )

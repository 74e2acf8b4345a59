"""Files that the landing zone wrote, read again: one that is damaged is named, with what to do.

What does not belong here: the form of a receipt (receipt.py).
"""

import json
from pathlib import Path

from orchestration.feeds.errors import FeedError
from orchestration.feeds.receipt import SCHEMA, StoredReceipt

FAMILY = "pilothouse.receipt/"


def read_receipt(path: Path) -> StoredReceipt:
    """Return what a receipt's file says.

    Raises `FeedError`, which names the file, for one that is damaged or that a later version wrote.
    """
    content = path.read_bytes()
    try:
        return StoredReceipt.model_validate_json(content)
    except ValueError as error:
        raise _later(path, content) or damaged(path, "a receipt") from error


def _later(path: Path, content: bytes) -> FeedError | None:
    """What to say of a receipt whose schema is another; None for one that names this schema, or none."""
    try:
        document = json.loads(content)
    except ValueError:
        return None
    found = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(found, str) or found == SCHEMA or not found.startswith(FAMILY):
        return None
    return FeedError(
        f"{_named(path)}, a receipt, is of {found[:40]}; this version reads {SCHEMA} and changes nothing. Use the "
        "version that wrote it, or restore a backup of before into another folder."
    )


def damaged(path: Path, what: str) -> FeedError:
    """Return what to say of a file of the home that cannot be read any more; it names the file by its last folders."""
    return FeedError(
        f"{_named(path)}, {what}, is damaged, and what it counts cannot be said without it: restore it from a backup, "
        "or move it out of the home and ingest the same file again, whose bytes are kept under raw/."
    )


def _named(path: Path) -> str:
    return "/".join(path.parts[-4:])

"""Mounting an Athena download for the tables, and saying what is mounted.

What does not belong here: reading the download (orchestration/vocabulary), looking codes up (dbt_project).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.locks import exclusive
from orchestration.vocabulary import Mounted, load_vocabulary, mounted_vocabulary

LOCK = "vocabulary"


def mount_vocabulary(settings: Settings, folder: Path, progress: Callable[[str], None]) -> Answer:
    """Mount the download in `folder`; the tables use it from their next build on."""
    with exclusive(settings.home, LOCK):
        mounted = load_vocabulary(folder, settings.vocabulary, datetime.now(UTC), progress)
    return Answer(_document(mounted))


def show_vocabulary(settings: Settings) -> Answer:
    """Say what is mounted: version, digest, rows per table, and what is missing."""
    mounted = mounted_vocabulary(settings.vocabulary)
    if mounted is None:
        note = "Nothing is mounted: codes are looked up in the starter. To mount: pilothouse vocabulary load DIR"
        return Answer({"mounted": False, "version": "starter", "digest": None, "tables": {}, "note": note})
    return Answer(_document(mounted))


def _document(mounted: Mounted) -> dict[str, Any]:
    document = mounted.model_dump()
    return {"mounted": True, **document, "missing": list(mounted.missing), "warnings": list(mounted.warnings)}

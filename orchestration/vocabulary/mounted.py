"""Which vocabulary is mounted: the pointer `current.json`, replaced in one step, and the folder that it names.

What does not belong here: making the folder (load.py).
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.vocabulary.errors import VocabularyError

POINTER = "current.json"


class Mounted(BaseModel):
    """A mounted vocabulary: the digest of its files, Athena's version, rows per table, and what to know about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    version: str | None
    loaded_at: str
    tables: dict[str, int]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    mounted: Mounted
    folder: Path


def mounted_vocabulary(root: Path) -> Mounted | None:
    """Return what is mounted under `<home>/vocabulary`, None where only the starter is. Raises `VocabularyError`."""
    read = _read(root)
    return read.mounted if read else None


def mounted_folder(root: Path) -> Path | None:
    """Return the folder of the mounted vocabulary's Parquet files, None where there is none."""
    read = _read(root)
    return read.folder if read else None


def _read(root: Path) -> _Read | None:
    pointer = root / POINTER
    if not pointer.exists():
        return None
    try:
        mounted = Mounted.model_validate_json(pointer.read_bytes())
    except ValidationError as error:
        raise VocabularyError(
            "vocabulary/current.json cannot be read; mount it anew: pilothouse vocabulary load"
        ) from error
    folder = root / mounted.digest
    if not folder.is_dir():
        raise VocabularyError(
            f"The mounted vocabulary {mounted.digest[:12]} is gone from vocabulary/; restore it, or mount it anew: "
            "pilothouse vocabulary load"
        )
    return _Read(mounted, folder)

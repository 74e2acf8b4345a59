"""What lies in the folder of a download: which table each file holds, and how it is written.

Athena writes tabs, no quotes and dates as YYYYMMDD; others re-export with commas, quotes and dashes, or compress. The
header and the first row say which. What does not belong here: reading the rows (load.py).
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from orchestration.vocabulary.columns import NEEDED, TABLES, columns_of
from orchestration.vocabulary.errors import VocabularyError

NAME = re.compile(r"(?P<table>[a-z_]+)\.(csv|tsv|txt)(\.gz)?", re.IGNORECASE)
LONGEST_LINE = 1 << 20
COMPACT_DATE, DASHED_DATE = "%Y%m%d", "%Y-%m-%d"


@dataclass(frozen=True)
class VocabularyFile:
    """A file that holds one table: its header in order, the sign between columns, and how its dates are written."""

    table: str
    path: Path
    header: tuple[str, ...]
    delimiter: str
    date_format: str

    @property
    def quote(self) -> str:
        """Athena quotes nothing, and a name may hold a lone quote; with commas, quotes hold a text together."""
        return "" if self.delimiter == "\t" else '"'


@dataclass(frozen=True)
class Download:
    """The files of a download by table, those of Athena's tables that are missing, and what was not understood."""

    files: dict[str, VocabularyFile]
    missing: tuple[str, ...]
    not_used: tuple[str, ...]


def find_download(folder: Path) -> Download:
    """Return what a folder holds. Raises `VocabularyError` where it is no download, or a header lacks a column."""
    found: dict[str, Path] = {}
    not_used: list[str] = []
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        named = NAME.fullmatch(path.name)
        table = named["table"].lower() if named else ""
        if table not in TABLES:
            not_used.append(path.name)
        elif table in found:
            raise VocabularyError(f"{folder.name} holds {table} twice: {found[table].name} and {path.name}; keep one.")
        else:
            found[table] = path
    if NEEDED not in found:
        raise VocabularyError(
            f"{folder.name} holds no CONCEPT.csv (or .csv.gz); name the folder of Athena's unpacked download."
        )
    files = {table: _described(table, found[table]) for table in TABLES if table in found}
    missing = tuple(table for table in TABLES if table not in found)
    return Download(files, missing, tuple(not_used))


def _described(table: str, path: Path) -> VocabularyFile:
    first, second = _first_lines(path)
    delimiter = "\t" if "\t" in first else ","
    header = tuple(name.strip().strip('"').lower() for name in first.split(delimiter))
    lacking = [column.name for column in columns_of(table) if column.name not in header]
    if lacking or len(set(header)) != len(header):
        what = f"lacks {', '.join(lacking)}" if lacking else "names a column twice"
        wanted = ", ".join(column.name for column in columns_of(table))
        raise VocabularyError(f"{path.name}, line 1: the header {what}; OMOP CDM v5.4 has {wanted}.")
    dashed = re.search(r"(^|[\t,\"])\d{4}-\d{2}-\d{2}($|[\t,\"\r])", second) is not None
    return VocabularyFile(table, path, header, delimiter, DASHED_DATE if dashed else COMPACT_DATE)


def _first_lines(path: Path) -> tuple[str, str]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            lines = [stream.readline(LONGEST_LINE).decode("utf-8-sig").rstrip("\r\n") for _ in range(2)]
    except UnicodeDecodeError as error:
        raise VocabularyError(
            f"{path.name} is not UTF-8, as Athena writes it; convert it, or download it anew."
        ) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise VocabularyError(f"{path.name} is cut short or no gzip file; download it anew.") from error
    return lines[0], lines[1]


def download_digest(download: Download) -> str:
    """Return one SHA-256 over the tables and the bytes of their files."""
    whole = hashlib.sha256()
    for table, file in sorted(download.files.items()):
        with file.path.open("rb") as stream:
            whole.update(f"{table}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()

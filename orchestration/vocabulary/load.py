"""Mount a download: every table streamed from CSV to Parquet beside its place, then named by one pointer.

A load that is broken off leaves the vocabulary before it mounted; what it wrote is swept away by the next. What
does not belong here: the lock around it and the command line (steps).
"""

import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.contracts import sql
from orchestration.vocabulary.code_map import CODE_MAP
from orchestration.vocabulary.columns import SITE_MAP, TABLES, USED, Column, columns_of
from orchestration.vocabulary.download import Download, VocabularyFile, download_digest, find_download
from orchestration.vocabulary.errors import VocabularyError
from orchestration.vocabulary.mounted import POINTER, Mounted
from orchestration.vocabulary.standard_map import unfolded

MEMORY = "2GB"
STAGING = ".staging"
CODE_MAP_FILE = "code_map"
NO_VERSION = "None"
"""Athena states the version of the whole download as that of the vocabulary called None."""


def load_vocabulary(source: Path, root: Path, now: datetime, progress: Callable[[str], None]) -> Mounted:
    """Mount the download in `source` (or a map of codes to standard concepts) under `root`; return what is mounted now.

    Raises `VocabularyError`.
    """
    with unfolded(source) as folder:
        return _load(folder, root, now, progress)


def _load(source: Path, root: Path, now: datetime, progress: Callable[[str], None]) -> Mounted:
    download = find_download(source)
    digest = download_digest(download)
    staging = root / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    with duckdb.connect() as db:
        db.execute(f"set memory_limit = '{MEMORY}'")
        db.execute(f"set temp_directory = {sql.text(str(staging / 'spill'))}")
        db.execute("set preserve_insertion_order = false")
        rows = {table: _write(db, download.files.get(table), table, staging, progress) for table in TABLES}
        rows[CODE_MAP_FILE] = _write_code_map(db, staging, progress)
        mounted = Mounted(
            digest=digest,
            version=_version(db),
            loaded_at=now.isoformat(),
            tables=rows,
            missing=tuple(table for table in download.missing if table != SITE_MAP),
            warnings=(*_of_download(download), *_of_rows(db)),
        )
    shutil.rmtree(staging / "spill", ignore_errors=True)
    _publish(root, staging, mounted)
    return mounted


def _write(
    db: duckdb.DuckDBPyConnection,
    file: VocabularyFile | None,
    table: str,
    staging: Path,
    progress: Callable[[str], None],
) -> int:
    """Stream one table to Parquet, empty where the download has none; return its rows."""
    began = time.monotonic()
    target = staging / f"{table}.parquet"
    columns = columns_of(table)
    relation = _empty(columns) if file is None else _read(file, columns)
    try:
        db.execute(f"copy ({relation}) to {sql.text(str(target))} (format parquet, compression zstd)")
    except duckdb.Error as error:
        raise VocabularyError(_said(file, error)) from error
    db.execute(f"create view {table} as select * from read_parquet({sql.text(str(target))})")
    rows = _number(db, f"select count(*) from {table}")
    if file is not None:
        _check(db, file, columns)
        progress(f"{file.path.name}: {rows:,} rows in {time.monotonic() - began:.1f} s")
    return rows


def _empty(columns: tuple[Column, ...]) -> str:
    return f"select {', '.join(f'cast(null as {column.kind}) as {column.name}' for column in columns)} where false"


def _read(file: VocabularyFile, columns: tuple[Column, ...]) -> str:
    """Return the query that reads a file; a required text that is empty stays the empty text, as Athena ships some."""
    kinds = {column.name: column.kind for column in columns}
    declared = ", ".join(f"{sql.text(name)}: {sql.text(kinds.get(name, 'varchar'))}" for name in file.header)
    kept = ", ".join(
        f"coalesce({column.name}, '') as {column.name}"
        if column.is_required and column.kind == "varchar"
        else column.name
        for column in columns
    )
    return (
        f"select {kept} from read_csv({sql.text(str(file.path))}, header = true, columns = {{{declared}}}, "
        f"delim = {sql.text(file.delimiter)}, quote = {sql.text(file.quote)}, escape = {sql.text(file.quote)}, "
        f"nullstr = '', dateformat = {sql.text(file.date_format)}, auto_detect = false, strict_mode = true, "
        f"compression = {sql.text('gzip' if file.path.suffix.lower() == '.gz' else 'none')}, max_line_size = 1048576)"
    )


def _said(file: VocabularyFile | None, error: duckdb.Error) -> str:
    """Say what DuckDB found, in the one line of its message that says it, and where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    where = next((line for line in lines if "Line:" in line), "").rpartition("Line:")[2].strip()
    what = next((line for line in lines if line.startswith(("Error when", "Expected", "Missing", "Value"))), lines[0])
    name = file.path.name if file else "an empty table"
    return f"{name}{f', line {where}' if where else ''}: {what} Nothing was mounted; mend the file or download it anew."


def _check(db: duckdb.DuckDBPyConnection, file: VocabularyFile, columns: tuple[Column, ...]) -> None:
    """Refuse a table whose required numbers or dates are absent, or whose key is there twice."""
    for column in columns:
        if column.is_required and column.kind != "varchar":
            absent = _number(db, f"select count(*) from {file.table} where {column.name} is null")
            if absent:
                raise VocabularyError(
                    f"{file.path.name}: {column.name} is empty in {absent:,} rows, and OMOP requires it; "
                    "nothing was mounted. Download it anew."
                )
    if file.table == "concept":
        twice = _number(db, "select count(*) - count(distinct concept_id) from concept")
        if twice:
            raise VocabularyError(
                f"{file.path.name}: {twice:,} rows repeat a concept_id; nothing was mounted. Were two downloads joined?"
            )


def _write_code_map(db: duckdb.DuckDBPyConnection, staging: Path, progress: Callable[[str], None]) -> int:
    began = time.monotonic()
    target = sql.text(str(staging / f"{CODE_MAP_FILE}.parquet"))
    db.execute("set preserve_insertion_order = true")
    db.execute(f"copy ({CODE_MAP}) to {target} (format parquet, compression zstd)")
    rows = _number(db, f"select count(*) from read_parquet({target})")
    progress(f"Codes and their standard concepts: {rows:,} rows in {time.monotonic() - began:.1f} s")
    return rows


def _version(db: duckdb.DuckDBPyConnection) -> str | None:
    found = db.execute("select vocabulary_version from vocabulary where vocabulary_id = ?", [NO_VERSION]).fetchone()
    return str(found[0]) if found and found[0] else None


def _of_download(download: Download) -> list[str]:
    """Say what a partial download cannot do."""
    uses = {
        "concept_relationship": "no code is mapped, and only codes that are standard themselves are found",
        "concept_ancestor": "the ingredients of drugs are the starter's",
        "vocabulary": "the version is not stated",
    }
    said = [f"{table.upper()}.csv is missing: {uses[table]}." for table in USED if table in download.missing]
    if any(name.upper().startswith("CONCEPT_CPT4") for name in download.not_used):
        said.append("CONCEPT_CPT4.csv is not read: run Athena's cpt4.jar, which adds its names to CONCEPT.csv.")
    return said


def _of_rows(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Say what the rows lack: targets of mappings that are in no CONCEPT.csv, and concepts without a name."""
    dangling = _number(
        db,
        "select count(*) from concept_relationship where relationship_id = 'Maps to' and invalid_reason is null "
        "and (concept_id_1 not in (select concept_id from concept) "
        "or concept_id_2 not in (select concept_id from concept))",
    )
    nameless = _number(db, "select count(*) from concept where concept_name = ''")
    said = (
        [f"{dangling:,} mappings name a concept that CONCEPT.csv does not hold; they map nothing."] if dangling else []
    )
    return [*said, *([f"{nameless:,} concepts have no name."] if nameless else [])]


def _publish(root: Path, staging: Path, mounted: Mounted) -> None:
    """Put the folder into its place and point at it; the same bytes mounted again replace nothing."""
    folder = root / mounted.digest
    if folder.exists():
        shutil.rmtree(staging)
    else:
        staging.rename(folder)
    draft = root / f".{POINTER}"
    with draft.open("w") as stream:
        stream.write(mounted.model_dump_json(indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(root / POINTER)


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    found = db.execute(query).fetchone()
    return int(found[0]) if found else 0

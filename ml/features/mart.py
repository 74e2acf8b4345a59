"""From the exported mart to the design matrix, exactly as the use case declares it.

Here belong reading a snapshot and turning its columns into numbers. How the mart is computed is SQL
(`dbt_project/models/marts`); splitting and learning are `ml/training`.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.features import ColumnMissing, SnapshotRefused, ValueUnreadable
from ml.features.encoding import Encoder, Matrix, refuse_other_names
from ml.features.vocabulary import Vocabulary, nothing
from ml.usecases import Feature, Grain, UseCase

CANONICAL_COLUMNS = (Grain().id, Grain().key, Grain().at, Grain().ready_at)
"""The names by which training, judgement and drift know what is scored, whatever a mart calls it."""
VOCABULARIES = ("complaint_groups", "history_groups")


@dataclass(frozen=True)
class Snapshot:
    """An exported mart with the vocabulary it was built with. `files`: table -> SHA-256 of its file."""

    digest: str
    as_of: str
    files: dict[str, str]
    mart: pa.Table
    vocabulary: Vocabulary


def features_of(use_case: UseCase, vocabulary: Vocabulary) -> tuple[Feature, ...]:
    """The declared features with their groups expanded from the vocabulary, in the order of the model."""
    return use_case.expand(vocabulary.groups())


def design_matrix(table: pa.Table, features: tuple[Feature, ...]) -> Matrix:
    """The declared columns of `table` as (rows, features) float64, encoded and bounded (`encoding.py`).

    Raises `ColumnMissing` for a declared column that is not there, `ValueUnreadable` for one of another type.
    Columns that are not declared are never read.
    """
    if missing := [feature.name for feature in features if feature.name not in table.column_names]:
        raise ColumnMissing(f"The mart lacks declared features: {', '.join(missing)}. Build it again.")
    columns = [_column(feature, table.column(feature.name)) for feature in features]
    matrix = np.column_stack(columns) if columns else np.empty((table.num_rows, 0))
    return Encoder(features).plausible(matrix.astype(np.float64, copy=False))


def refuse_undeclared_groups(table: pa.Table, use_case: UseCase, vocabulary: Vocabulary) -> None:
    """Raise unless the mart's grouped columns (`complaint_*`, `history_*`) are just those of the vocabulary.

    A mart and a vocabulary that differ were not exported together, and a model trained on the one would be
    served with the other.
    """
    prefixes = tuple(group.prefix for group in use_case.groups)
    singles = {feature.name for feature in use_case.features}
    declared = [name for f in features_of(use_case, vocabulary) if (name := f.name) not in singles]
    given = [name for name in table.column_names if name.startswith(prefixes) and name not in singles]
    refuse_other_names(declared, given)


def read_snapshot(folder: Path, use_case: UseCase) -> Snapshot:
    """Read `snapshots/current.json` of `folder`, and of the tables it points to those that the use case needs.

    Raises `SnapshotRefused` when a file is absent or its SHA-256 is not the recorded one.
    """
    return read_snapshot_tables(folder, _read_pointer(folder / "current.json"), use_case)


def read_snapshot_tables(folder: Path, pointer: dict[str, object], use_case: UseCase) -> Snapshot:
    """Read the tables that `pointer` (the content of a `current.json`) names, each verified.

    The mart's columns that say what is scored get their `CANONICAL_COLUMNS` names. A vocabulary that no group of the
    use case names stays empty: its words do not make another model.
    """
    digest, entries = str(pointer["digest"]), pointer["tables"]
    assert isinstance(entries, dict)
    tables: dict[str, pa.Table] = {}
    files: dict[str, str] = {}
    mart = f"{use_case.use_case}_mart"
    used = {group.vocabulary for group in use_case.groups}
    for name in (mart, *(name for name in VOCABULARIES if name in used)):
        if name not in entries:
            raise SnapshotRefused(f"Snapshot {digest[:12]} has no table {name}; export it again.")
        files[name] = str(entries[name]["sha256"])
        tables[name] = read_verified(folder / digest / Path(str(entries[name]["file"])).name, files[name])
    vocabulary = Vocabulary.from_tables(*(tables.get(name, nothing(name)) for name in VOCABULARIES))
    return Snapshot(
        digest, str(pointer.get("as_of", "")), files, _in_canonical_names(tables[mart], use_case), vocabulary
    )


def _in_canonical_names(mart: pa.Table, use_case: UseCase) -> pa.Table:
    declared = use_case.grain
    columns = zip((declared.id, declared.key, declared.at, declared.ready_at), CANONICAL_COLUMNS, strict=True)
    names = {given: name for given, name in columns if given != name}
    if missing := [name for name in names if name not in mart.column_names]:
        raise ColumnMissing(f"The mart of {use_case.use_case} lacks {', '.join(missing)}; build it again.")
    return mart.rename_columns([names.get(name, name) for name in mart.column_names])


def read_verified(path: Path, sha256: str) -> pa.Table:
    """Read a Parquet file whose bytes have the given SHA-256. Raises `SnapshotRefused`."""
    if not path.is_file():
        raise SnapshotRefused(f"{path.name} of snapshot {path.parent.name[:12]} is not there; export it again.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SnapshotRefused(f"{path.name} of snapshot {path.parent.name[:12]} is not what was exported.")
    return pq.read_table(pa.BufferReader(content))


def _read_pointer(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise SnapshotRefused(f"There is no snapshot yet ({path.name}); run the tables first.")
    try:
        pointer = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SnapshotRefused(f"{path.name} is not JSON; export the snapshot again.") from error
    if not isinstance(pointer, dict) or not isinstance(pointer.get("tables"), dict) or "digest" not in pointer:
        raise SnapshotRefused(f"{path.name} lacks digest or tables; export the snapshot again.")
    return pointer


def _column(feature: Feature, column: pa.ChunkedArray) -> Matrix:
    kind = column.type
    if feature.levels is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        keys, numbers = list(feature.levels), np.array([*feature.levels.values(), np.nan])
        positions = pc.fill_null(
            pc.call_function("index_in", [column], pc.SetLookupOptions(value_set=pa.array(keys, type=kind))),
            len(keys),
        )
        return numbers[positions.to_numpy()]
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_decimal(kind):
        return _numbers(column.cast(pa.float64()))
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    raise ValueUnreadable(f"The mart's {feature.name} is of type {kind}; expected a {feature.kind} value.")


def _numbers(column: pa.ChunkedArray) -> Matrix:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.float64()).fill_null(np.nan).to_numpy().astype(np.float64, copy=False)

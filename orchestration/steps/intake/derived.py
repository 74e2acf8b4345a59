"""What was made of a person's rows after the lake, taken away: warehouse, snapshots, predictions, serving's events.

What does not belong here: the lake and what lies before it (orchestration/feeds/erasure), and making anew what is taken
away (a run). The warehouse goes as a file, because a database that deletes rows keeps their bytes for a while.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.serving.forgetting import forget_patients
from orchestration.feeds.erasure import Plan
from orchestration.settings import Settings
from orchestration.steps.files import write_json_durably
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK, demand_rebuild, remove_spills

TOMBSTONE = "ERASED.json"
REVIEWS = "reviews"
SHOWN_DIGITS = 12  # of a file's digest, as a review's sample rows show it
MASK_63 = (1 << 63) - 1


@dataclass(frozen=True)
class Removed:
    """What was taken away: event rows, rows of predictions, snapshots, and whether the warehouse has to be made."""

    events: int
    predictions: int
    snapshots: int
    is_warehouse_gone: bool


def remove_derived(settings: Settings, plan: Plan, erasure: str) -> Removed:
    """Take away everything that was derived; safe to repeat."""
    keys = {*plan.persons, *plan.visits}
    numbers = {hash63(kind, plan.site, key) for kind in ("person", "visit") for key in keys}
    events = forget_patients(settings.events_url, plan.site, plan.persons, plan.visits)
    snapshots = sum(_bury(folder, erasure) for folder in _holders(settings.snapshots, keys, numbers))
    _empty_reviews(settings, plan, erasure)
    predictions = sum(_without(path, keys, numbers) for path in sorted(settings.home.glob("candidates/**/*.parquet")))
    return Removed(events, predictions, snapshots, _remove_warehouse(settings))


def hash63(*parts: str) -> int:
    """Return the integer that dbt's macro `hash63` makes of a natural key."""
    return int(hashlib.md5("|".join(parts).encode(), usedforsecurity=False).hexdigest()[:16], 16) & MASK_63


def _remove_warehouse(settings: Settings) -> bool:
    with exclusive(settings.home, WAREHOUSE_LOCK):
        found = settings.warehouse.exists()
        for path in (settings.warehouse, settings.warehouse.with_name(f"{settings.warehouse.name}.wal")):
            path.unlink(missing_ok=True)
        remove_spills(settings)
    demand_rebuild(settings, "erasure", from_nothing=True)
    return found


def _holders(folder: Path, keys: Collection[str], numbers: Collection[int]) -> Iterator[Path]:
    for snapshot in sorted(path for path in folder.glob("*") if path.is_dir()):
        if any(_rows_of(pq.read_table(path), keys, numbers) for path in sorted(snapshot.glob("*.parquet"))):
            yield snapshot


def _bury(snapshot: Path, erasure: str) -> bool:
    """Remove a snapshot's content; its name stays, so that what refers to it can say why it is empty."""
    tables = sorted(snapshot.glob("*.parquet"))
    write_json_durably(snapshot / TOMBSTONE, {"erasure": erasure, "tables": [path.name for path in tables]})
    for path in tables:
        path.unlink()
    return True


def _empty_reviews(settings: Settings, plan: Plan, erasure: str) -> None:
    """Remove sample rows out of reviews, with their pages, where they show rows of files that the person stood in.

    A sample says its file by the first digits of the digest, and its line; the document stays and says that it was
    emptied, so that the ledger's digest of it is known to be that of what the reviewer saw.
    """
    gone = {(sha[:SHOWN_DIGITS], str(line)) for sha, part in plan.parts.items() for line in part.mine}
    whole = {sha[:SHOWN_DIGITS] for sha, part in plan.parts.items() if part.lines is None}
    for path in sorted((settings.home / REVIEWS).glob("*.json")):
        document = json.loads(path.read_bytes())
        kept = {
            side: [
                row for row in rows if row.get("file") not in whole and (row.get("file"), row.get("line")) not in gone
            ]
            for side, rows in document.get("rows", {}).items()
        }
        if kept != document.get("rows"):
            write_json_durably(
                path, {**document, "rows": kept, "emptied_by": [*document.get("emptied_by", []), erasure]}
            )
            (settings.reports / REVIEWS / f"{document['review']}.html").unlink(missing_ok=True)


def _without(path: Path, keys: Collection[str], numbers: Collection[int]) -> int:
    found = pq.read_table(path)
    theirs = _is_theirs(found, keys, numbers)
    if theirs.any():
        beside = path.with_suffix(".part")
        pq.write_table(found.filter(pa.array(~theirs)), beside)
        beside.replace(path)
    return int(theirs.sum())


def _rows_of(table: pa.Table, keys: Collection[str], numbers: Collection[int]) -> int:
    return int(_is_theirs(table, keys, numbers).sum())


def _is_theirs(table: pa.Table, keys: Collection[str], numbers: Collection[int]) -> np.ndarray:
    """Return, by row, whether any text is one of the keys or any whole number one of the numbers."""
    found = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            wanted: Collection[str] | Collection[int] = keys
        elif pa.types.is_int64(column.type):
            wanted = numbers
        else:
            continue
        found |= np.fromiter((value in wanted for value in column.to_pylist()), dtype=bool, count=table.num_rows)
    return found

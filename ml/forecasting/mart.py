"""The staffing mart of a published snapshot as a history of one site.

Here belongs which columns are read and what had arrived; the mart's SQL is dbt's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ml.features import SnapshotRefused
from ml.features.mart import read_verified
from ml.forecasting import NotEnoughHistory
from ml.forecasting.drivers import driver_columns, drivers_of
from ml.forecasting.history import History, history_of, with_sums
from ml.forecasting.ratios import Places, by_ratio
from ml.usecases.forecast import ForecastUseCase


@dataclass(frozen=True)
class StaffingSnapshot:
    """The published mart: its snapshot's digest, when that was taken, its file's SHA-256, and the rows of all sites."""

    digest: str
    as_of: datetime
    files: Mapping[str, str]
    mart: pa.Table


def read_staffing(folder: Path, mart: str = "staffing_mart") -> StaffingSnapshot:
    """Read the mart that `snapshots/current.json` points to. Raises `SnapshotRefused`."""
    path = folder / "current.json"
    if not path.is_file():
        raise SnapshotRefused("There is no snapshot yet (current.json); run the tables first.")
    pointer = json.loads(path.read_bytes())
    if mart not in pointer["tables"]:
        raise SnapshotRefused(f"Snapshot {pointer['digest'][:12]} has no table {mart}; run the tables again.")
    entry = pointer["tables"][mart]
    table = read_verified(folder / pointer["digest"] / entry["file"], str(entry["sha256"]))
    files = {mart: str(entry["sha256"])}
    return StaffingSnapshot(str(pointer["digest"]), datetime.fromisoformat(pointer["as_of"]), files, table)


def site_rows(mart: pa.Table, site: str) -> pa.Table:
    """One site's rows of a mart."""
    return mart.filter(pc.call_function("equal", [mart["site"], site]))


def told_rows(mart: pa.Table, declared: ForecastUseCase, site: str) -> pa.Table:
    """One site's rows that tell any figure of the declaration; a shift that is only planned yet tells none."""
    rows = site_rows(mart, site)
    told = [rows[target.column].is_valid() for target in declared.targets if target.column in rows.column_names]
    return rows.filter(reduce(_either, told)) if told else rows


def _either(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.call_function("or", [one, other])


def site_history(
    mart: pa.Table,
    declared: ForecastUseCase,
    site: str,
    as_of: datetime | None = None,
    places: Places | None = None,
) -> History:
    """One site's history, of the rows that had arrived by `as_of` (None: all of them), with its drivers.

    With `places`, units that report no hours get those that the ratios ask for (`History.by_ratio`). The history ends
    on the last day with a figure, whatever is rostered or booked beyond. Raises `NotEnoughHistory` when there is none,
    `BadHistory` when a row cannot be.
    """
    rows = site_rows(mart, site)
    if as_of is not None:
        rows = rows.filter(pc.call_function("less_equal", [rows["known_at"], pa.scalar(as_of, rows["known_at"].type)]))
    if not rows.num_rows:
        by_then = f" by {as_of.isoformat()}" if as_of else ""
        raise NotEnoughHistory(f"{site} has no staffing rows{by_then}. Land its staffing feed, then run.")
    columns = [target.column for target in declared.targets if target.column]
    beside = driver_columns(rows)
    bare = history_of(rows, [*columns, *beside])
    grids = {name: bare.values[name] for name in beside}
    told = replace(bare, values={name: bare.values[name] for name in columns})
    if places is not None:
        hours, given = by_ratio(told, declared, places, grids)
        told = replace(told, values={**told.values, **hours}, by_ratio=given)
    sums = {target.name: target.sum_of for target in declared.targets if target.sum_of}
    whole = with_sums(told, sums)
    return replace(whole, values={**whole.values, **drivers_of(grids)}).until(whole.last_known)

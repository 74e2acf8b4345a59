"""What bed demand is worked out from: the published stays of a site, and triage's answers about its visits.

What does not belong here: the distribution (ml/forecasting/bed_flow.py) and which tier gives it (bed_demand.py).
"""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.features.mart import read_verified
from ml.forecasting.bed_stays import Stays
from ml.forecasting.history import Floats
from orchestration.settings import Settings
from orchestration.sites import Site, UnitKind

OUTCOME = "admission"


def stays_of(table: pa.Table, site: Site, at: datetime) -> Stays:
    """The mart's stays of one site that had arrived by `at`; units that the site does not list count as beds.

    A move between two emergency departments is no admission: it is one stay.
    """
    rows = table.filter(
        pc.call_function("less_equal", [table["known_at"], pa.scalar(at, table["known_at"].type)])
    ).sort_by([("visit_key", "ascending"), ("entered_at", "ascending")])
    departments = [unit.id for unit in site.units_of(UnitKind.ED)]
    is_ed = np.array([unit in departments for unit in rows["unit"].to_pylist()], np.bool_)
    is_first = np.asarray(rows["is_first"].to_pylist(), np.bool_)
    from_bed = np.concatenate(([False], ~is_ed[:-1])) & ~is_first if len(is_ed) else is_ed
    return Stays(
        visit=np.array(rows["visit_key"].to_pylist(), np.object_),
        is_ed=is_ed,
        entered=_seconds(rows["entered_at"]),
        left=_seconds(rows["left_at"]),
        is_first=is_first,
        is_last=np.asarray(rows["is_last"].to_pylist(), np.bool_),
        from_bed=from_bed,
        level=np.array([np.nan if one is None else one for one in rows["triage_level"].to_pylist()], np.float64),
    ).in_one_department()


def _seconds(column: pa.ChunkedArray) -> Floats:
    micros = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return np.array([np.nan if one is None else one / 1e6 for one in micros.to_pylist()], np.float64)


def scores_of(events: pa.Table, at: datetime, upstream: str, release: str | None) -> dict[str, float]:
    """The newest risk of admission per visit that the released model of a use case gave, of answers up to `at`."""
    found: dict[str, tuple[datetime, float]] = {}
    columns = ("use_case", "release_digest", "tier", "visit_key", "at", "scores")
    for use_case, digest, tier, visit, when, scores in zip(
        *(events[name].to_pylist() for name in columns), strict=True
    ):
        if use_case != upstream or tier != "model" or digest != release or not visit or not scores or when > at:
            continue
        risk = json.loads(scores).get(OUTCOME)
        if isinstance(risk, int | float) and 0 <= risk <= 1 and (visit not in found or found[visit][0] < when):
            found[visit] = (when, float(risk))
    return {visit: risk for visit, (_, risk) in found.items()}


def published_tables(settings: Settings) -> tuple[pa.Table, pa.Table] | None:
    """Stays and events of the published snapshot, verified, or None before there are any. Raises `SnapshotRefused`."""
    path = settings.snapshots / "current.json"
    if not path.is_file():
        return None
    pointer = json.loads(path.read_bytes())
    entries = [pointer["tables"].get(name) for name in ("staffing_stay", "serving_event")]
    if None in entries:
        return None
    folder: Path = settings.snapshots / pointer["digest"]
    stays, events = (read_verified(folder / entry["file"], str(entry["sha256"])) for entry in entries)
    return stays, events

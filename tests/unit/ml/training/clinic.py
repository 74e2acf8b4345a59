"""A clinic's mart as dbt publishes it, made up: long leads and a missed last appointment make missing likelier.

What does not belong here: expectations.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.features.mart import read_snapshot
from ml.training.candidate import Candidate, train_candidate
from ml.usecases import load_use_case

FIRST = datetime(2026, 1, 5, 14, tzinfo=UTC)
AS_OF = FIRST + timedelta(days=120)
GROUPS = {"race": ("white", "black", None), "sex": ("female", "male"), "language": ("en", "es"), "payer": ("private",)}


def mart(rows: int = 3000, seed: int = 3, prefix: str = "k") -> pa.Table:
    """Appointments from January to May; those after `AS_OF` are still to come, and some were cancelled."""
    rng = np.random.default_rng(seed)
    lead, missed = rng.integers(1, 60, rows), rng.random(rows) < 0.3
    starts = [FIRST + timedelta(minutes=int(minute)) for minute in np.sort(rng.integers(0, 130 * 1440, rows))]
    odds = -2.2 + 0.03 * lead + 1.2 * missed
    is_missed = rng.random(rows) < 1 / (1 + np.exp(-odds))
    is_given_back = rng.random(rows) < 0.1
    is_open = np.array([start > AS_OF for start in starts])
    label = [None if skip else bool(one) for skip, one in zip(is_given_back | is_open, is_missed, strict=True)]
    status = np.where(
        is_given_back, "cancelled", np.where(is_open, "booked", np.where(is_missed, "no_show", "arrived"))
    )
    known = [min(start, AS_OF) for start in starts]
    zone = pa.timestamp("us", tz="UTC")
    groups = {
        name: pa.array(rng.choice(np.array(values, dtype=object), rows), pa.string()) for name, values in GROUPS.items()
    }
    return pa.table(
        {
            "appointment_id": pa.array(range(rows), pa.int64()),
            "site": ["city"] * rows,
            "appointment_key": [f"{prefix}{number}" for number in range(rows)],
            "booked_at": pa.array([s - timedelta(days=int(d)) for s, d in zip(starts, lead, strict=True)], zone),
            "starts_at": pa.array(starts, zone),
            "known_at": pa.array(known, zone),
            "status": status.tolist(),
            "service": rng.choice(["GIM", "CAR", "PSY"], rows).tolist(),
            "lead_days": pa.array(lead, pa.int32()),
            "start_weekday": pa.array([start.isoweekday() for start in starts], pa.int32()),
            "start_hour": pa.array([start.hour for start in starts], pa.int32()),
            "is_new": pa.array([False] * rows),
            "earlier_kept": pa.array(rng.integers(0, 5, rows), pa.int32()),
            "earlier_no_shows": pa.array(missed.astype(int), pa.int32()),
            "earlier_cancelled": pa.array([0] * rows, pa.int32()),
            "missed_last": pa.array(missed),
            "no_show": pa.array(label, pa.bool_()),
            "labels_known_at": pa.array(
                [None if one is None else at for one, at in zip(label, known, strict=True)], zone
            ),
            "is_eligible": [True] * rows,
            "age_band": ["35-49"] * rows,
            **groups,
        }
    )


def write_snapshot(folder: Path, table: pa.Table) -> None:
    """Publish a snapshot that holds the mart of appointments alone."""
    (folder / "abc").mkdir(parents=True, exist_ok=True)
    path = folder / "abc" / "appointments_mart.parquet"
    pq.write_table(table, path)
    entry = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": table.num_rows}
    pointer = {"digest": "abc", "as_of": AS_OF.isoformat(), "tables": {"appointments_mart": entry}}
    (folder / "current.json").write_text(json.dumps(pointer))


@cache
def candidate(folder: Path) -> Candidate:
    """A candidate trained on a snapshot of the clinic."""
    use_case = load_use_case("appointments")
    write_snapshot(folder, mart())
    snapshot = read_snapshot(folder, use_case)
    until = AS_OF - timedelta(days=40)
    return train_candidate(use_case, snapshot.mart, snapshot.vocabulary, site="city", train_until=until, seed=1)

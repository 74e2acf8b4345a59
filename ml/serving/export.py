"""Events, feedback and adjustments out of the store, as Parquet files that land as feeds under their own contracts.

Here belongs the shape of the three files. No free text leaves the store: not the cards' words, not the
comments.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Executable, select

from ml.serving.tables import ADJUSTMENT, EVENT, FEEDBACK, instant_of, open_database

_TIME = pa.timestamp("us", tz="UTC")
EVENTS_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("at", _TIME, nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("use_case", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        ("unit", pa.string()),
        ("visit_key", pa.string()),
        ("patient_key", pa.string()),
        ("hook_instance", pa.string()),
        ("release_digest", pa.string()),
        ("generation", pa.int64()),
        ("stage", pa.string()),
        ("tier", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        ("reason", pa.string()),
        ("latency_ms", pa.float64()),
        ("features", pa.string()),
        ("scores", pa.string()),
        ("risk_band", pa.string()),
        ("card_uuid", pa.string()),
        pa.field("is_displayed", pa.bool_(), nullable=False),
    ]
)
FEEDBACK_SCHEMA = pa.schema(
    [
        pa.field("feedback_id", pa.string(), nullable=False),
        pa.field("received_at", _TIME, nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("card_uuid", pa.string(), nullable=False),
        pa.field("use_case", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        ("unit", pa.string()),
        ("visit_key", pa.string()),
        ("release_digest", pa.string()),
        ("stage", pa.string()),
        pa.field("outcome", pa.string(), nullable=False),
        ("override_reason_code", pa.string()),
        ("override_reason_system", pa.string()),
        ("accepted_suggestions", pa.int64()),
        pa.field("outcome_at", _TIME, nullable=False),
        pa.field("has_comment", pa.bool_(), nullable=False),
    ]
)
ADJUSTMENTS_SCHEMA = pa.schema(
    [
        pa.field("adjustment_id", pa.string(), nullable=False),
        pa.field("at", _TIME, nullable=False),
        pa.field("use_case", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("shift_date", pa.date32(), nullable=False),
        pa.field("shift", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("advised", pa.float64(), nullable=False),
        pa.field("before", pa.float64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("reason_code", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        ("made_by", pa.string()),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("release_digest", pa.string(), nullable=False),
        pa.field("plan_digest", pa.string(), nullable=False),
    ]
)
_EVENT_COLUMNS = tuple(name for name in EVENTS_SCHEMA.names if name != "at")
_ADJUSTMENT_COLUMNS = tuple(name for name in ADJUSTMENTS_SCHEMA.names if name != "at")
_OF_EVENT = ("use_case", "site", "unit", "visit_key", "release_digest", "stage")
_OF_FEEDBACK = (
    "feedback_id",
    "event_id",
    "card_uuid",
    "outcome",
    "override_reason_code",
    "override_reason_system",
    "accepted_suggestions",
)


@dataclass(frozen=True)
class ExportMark:
    """The last row numbers that were exported; 0 before the first export."""

    event: int = 0
    feedback: int = 0
    adjustment: int = 0


@dataclass(frozen=True)
class Exported:
    """The files written, none when nothing was new, and the mark to start from next time."""

    files: tuple[Path, ...]
    mark: ExportMark


def export_events(url: str, out_dir: Path, *, site: str, since: ExportMark | None = None) -> Exported:
    """Write what one site recorded after `since` to `out_dir`, named by the range of row numbers.

    The same call writes the same files again, and landing them twice changes nothing.
    """
    start = since or ExportMark()
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            events = _rows(connection, _events(site, start.event))
            feedback = _rows(connection, _feedback(site, start.feedback))
            adjustments = [_dated(row) for row in _rows(connection, _adjustments(site, start.adjustment))]
    finally:
        engine.dispose()
    files = (
        *_write(out_dir, "serving_events", events, EVENTS_SCHEMA, {"at": "at_us"}),
        *_write(
            out_dir,
            "serving_feedback",
            feedback,
            FEEDBACK_SCHEMA,
            {"received_at": "received_us", "outcome_at": "outcome_us"},
        ),
        *_write(out_dir, "board_adjustments", adjustments, ADJUSTMENTS_SCHEMA, {"at": "at_us"}),
    )
    mark = ExportMark(
        event=events[-1]["id"] if events else start.event,
        feedback=feedback[-1]["id"] if feedback else start.feedback,
        adjustment=adjustments[-1]["id"] if adjustments else start.adjustment,
    )
    return Exported(files, mark)


def _events(site: str, after: int) -> Executable:
    columns = (EVENT.c.id, EVENT.c.at_us, *(EVENT.c[name] for name in _EVENT_COLUMNS))
    return select(*columns).where(EVENT.c.site == site, EVENT.c.id > after).order_by(EVENT.c.id)


def _feedback(site: str, after: int) -> Executable:
    return (
        select(
            FEEDBACK.c.id,
            FEEDBACK.c.received_us,
            FEEDBACK.c.outcome_us,
            FEEDBACK.c.user_comment.is_not(None).label("has_comment"),
            *(FEEDBACK.c[name] for name in _OF_FEEDBACK),
            *(EVENT.c[name] for name in _OF_EVENT),
        )
        .join(EVENT, EVENT.c.event_id == FEEDBACK.c.event_id)
        .where(EVENT.c.site == site, FEEDBACK.c.id > after)
        .order_by(FEEDBACK.c.id)
    )


def _adjustments(site: str, after: int) -> Executable:
    columns = (ADJUSTMENT.c.id, ADJUSTMENT.c.at_us, *(ADJUSTMENT.c[name] for name in _ADJUSTMENT_COLUMNS))
    return select(*columns).where(ADJUSTMENT.c.site == site, ADJUSTMENT.c.id > after).order_by(ADJUSTMENT.c.id)


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "shift_date": date.fromisoformat(row["shift_date"])}


def _rows(connection: Connection, query: Executable) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _write(
    out_dir: Path, name: str, rows: list[dict[str, Any]], schema: Any, times: dict[str, str]
) -> tuple[Path, ...]:
    if not rows:
        return ()
    for row in rows:
        row.update({column: instant_of(row[source]) for column, source in times.items()})
        for flag in ("has_comment", "is_displayed"):
            if flag in row:
                row[flag] = bool(row[flag])
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / f"{name}-{rows[0]['id']}-{rows[-1]['id']}.parquet"
    draft = path.with_suffix(".draft")
    columns = [{field.name: row[field.name] for field in schema} for row in rows]
    pq.write_table(pa.Table.from_pylist(columns, schema=schema), draft)
    draft.replace(path)
    return (path,)

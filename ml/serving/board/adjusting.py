"""A person's own figure for a shift: taken in place, with a coded reason, on disk before the answer goes out.

Here belong its shape, what stands against it, storing it and reading it back. It changes no plan and no roster: it is
what the manager decided, shown beside the advice, and it goes back to the graph as feedback and onto the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from ml.registry.plan import Line, Plan
from ml.serving import Problem
from ml.serving.events import EventStore, insert_new
from ml.serving.plans import Planning
from ml.serving.tables import ADJUSTMENT, instant_of, microseconds

NAMESPACE = UUID("0f5f1d5e-54a7-5b7c-8f0e-2d9a6d1b7c11")
CHARGE_NURSE = "charge_nurse"
LARGEST = 500
_ABOUT = ("use_case", "site", "unit", "shift_date", "shift", "target")
_NEWEST_FIRST = (ADJUSTMENT.c.at_us.desc(), ADJUSTMENT.c.id.desc())


class Adjustment(BaseModel):
    """What is asked: `to` is how many are wanted in the shift, in the measure of the plan's line.

    `nonce` is the page's: the same click on it sent twice is one adjustment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_case: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    date: date
    shift: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    target: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
    to: Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
    reason: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = CHARGE_NURSE
    nonce: UUID


@dataclass(frozen=True)
class Adjusted:
    """The newest figure of a person for one shift and target."""

    value: float
    reason_code: str
    at: datetime


def checked_line(asked: Adjustment, unit: str, live: Planning, now: datetime) -> tuple[Plan, Line]:
    """The plan and the line that an adjustment is about. Raises `Problem` when there is none, or it may not change."""
    plan = live.shown(now)
    if plan is None:
        why = live.why_not(now)
        raise Problem(HTTPStatus.CONFLICT, "no-plan-shown", f"There is no plan to adjust: {why}. Reload the board.")
    layout = live.release.board
    line = next(
        (
            line
            for line in plan.of_unit(unit)
            if (line.date, line.shift, line.target) == (asked.date, asked.shift, asked.target)
        ),
        None,
    )
    target = layout.target(asked.target)
    if line is None or target is None or not target.is_adjustable:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "unknown-line",
            "The plan has no figure that could be adjusted for that target, shift and unit; reload the board.",
        )
    if line.ends_at <= now:
        raise Problem(HTTPStatus.CONFLICT, "shift-is-over", "The shift is over; adjust one that is to come.")
    if asked.reason not in {one.code for one in layout.adjustment_reasons}:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "unoffered-reason",
            "The reason is none that the board offers; send a code of its `reasons`.",
        )
    return plan, line


async def adjust(
    store: EventStore, site: str, unit: str, asked: Adjustment, live: Planning, now: datetime, made_by: str | None
) -> str:
    """Store an adjustment and return its id; the same one sent twice is stored once.

    `made_by` is the pseudonym of the person, where a proxy says who it is. Raises `Problem` and `StoreUnavailable`.
    """
    plan, line = checked_line(asked, unit, live, now)
    adjustment_id = str(uuid5(NAMESPACE, f"{site}|{unit}|{asked.model_dump_json()}"))
    row: dict[str, Any] = {
        "adjustment_id": adjustment_id,
        "at_us": microseconds(now),
        "use_case": asked.use_case,
        "site": site,
        "unit": unit,
        "shift_date": asked.date.isoformat(),
        "shift": asked.shift,
        "target": asked.target,
        "advised": line.median,
        "value": asked.to,
        "reason_code": asked.reason,
        "role": asked.role,
        "made_by": made_by,
        "stage": live.stage.value,
        "tier": plan.tier.value,
        "release_digest": live.release.digest,
        "plan_digest": plan.digest,
    }
    await store.write(lambda connection: _record(connection, row))
    return adjustment_id


def _record(connection: Connection, row: dict[str, Any]) -> None:
    of_line = [ADJUSTMENT.c[name] == row[name] for name in _ABOUT]
    before = connection.scalar(select(ADJUSTMENT.c.value).where(*of_line).order_by(*_NEWEST_FIRST).limit(1))
    insert_new(connection, ADJUSTMENT, {**row, "before": row["advised"] if before is None else before})


def adjustments_of(
    store: EventStore, use_case: str, site: str, unit: str, since: date
) -> Mapping[tuple[date, str, str], Adjusted]:
    """The newest adjustment of every shift and target of a unit, of days from `since`. Blocks: call it in a thread."""
    where = (
        ADJUSTMENT.c.use_case == use_case,
        ADJUSTMENT.c.site == site,
        ADJUSTMENT.c.unit == unit,
        ADJUSTMENT.c.shift_date >= since.isoformat(),
    )
    with store.engine.connect() as connection:
        rows = connection.execute(select(ADJUSTMENT).where(*where).order_by(*_NEWEST_FIRST)).mappings().all()
    found: dict[tuple[date, str, str], Adjusted] = {}
    for row in rows:
        about = (date.fromisoformat(row["shift_date"]), row["shift"], row["target"])
        found.setdefault(about, Adjusted(row["value"], row["reason_code"], instant_of(row["at_us"])))
    return found

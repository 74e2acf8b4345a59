"""How many visits of a unit were seen, and at which risk: what the huddle board counts.

Here belongs the counting of stored events. A visit counts once, by its latest score, however often it was asked about;
the board's words (`board.py`) and who may see it do not belong here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from ml.serving.tables import CALL, EVENT, instant_of, microseconds


@dataclass(frozen=True)
class BoardCounts:
    """One unit since some time. `by_band`: visits by the band of their latest score; `last_at`: its last call ever."""

    visits: int
    calls: int
    by_band: dict[str, int]
    displayed: int
    last_at: datetime | None


def count_visits(connection: Connection, use_case: str, site: str, unit: str, since: datetime) -> BoardCounts:
    """Count what the unit asked since `since`."""
    here = (EVENT.c.use_case == use_case, EVENT.c.site == site, EVENT.c.unit == unit, EVENT.c.kind == CALL)
    recent = (*here, EVENT.c.at_us >= microseconds(since))
    totals = select(func.count(EVENT.c.visit_key.distinct()), func.count()).where(*recent)
    visits, calls = connection.execute(totals).one()
    displayed = connection.scalar(select(func.count()).where(*recent, EVENT.c.is_displayed))
    newest_first = func.row_number().over(
        partition_by=EVENT.c.visit_key, order_by=(EVENT.c.at_us.desc(), EVENT.c.id.desc())
    )
    scored = select(EVENT.c.risk_band, newest_first.label("age")).where(*recent, EVENT.c.risk_band.is_not(None))
    latest = scored.subquery()
    bands = select(latest.c.risk_band, func.count()).where(latest.c.age == 1).group_by(latest.c.risk_band)
    by_band: dict[str, int] = {row[0]: row[1] for row in connection.execute(bands)}
    last = connection.scalar(select(EVENT.c.at_us).where(*here).order_by(EVENT.c.at_us.desc()).limit(1))
    return BoardCounts(visits, calls, by_band, displayed or 0, None if last is None else instant_of(last))

"""What came back from serving: events into drops, so that they land as a feed under contract like any other.

What does not belong here: judging what came back (shadow, drift).
"""

import json
from dataclasses import asdict
from datetime import date

import duckdb

from evaluation.ledger import instant_text
from ml.serving.export import ExportMark, export_events
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.files import write_json
from orchestration.steps.locks import exclusive
from orchestration.steps.record.records import now, open_records
from orchestration.steps.warehouse.tables import current_snapshot
from orchestration.steps.watching.step_downs import ServedEvent, record_served

ADJUSTMENTS = """
    select
        adjustment_id as adjustment,
        made_at,
        unit,
        shift_date as "date",
        shift_code as shift,
        target,
        advised,
        previous as "before",
        wanted as "value",
        reason_code as reason,
        role,
        release_digest as release,
        plan_digest as plan
    from '{adjustments}'
    where use_case = $use_case and site = $site
    order by made_at, adjustment_id
"""
SERVED = """
    select
        event_id,
        "at",
        release_digest,
        generation,
        reason,
        case when kind = 'step_down' then tier end,
        status
    from '{events}'
    where kind in ('step_down', 'outage') and use_case = $use_case and site = $site
"""
BOARD = "huddle-board"
"""Who stands in the ledger for a person at the board; the role that they said is in the entry."""


def collect_events(settings: Settings, day: date) -> dict[str, int]:
    """Export every site's new events and feedback into the drop of `day`; returns files written per site."""
    with exclusive(settings.home, "export"):
        return {site: _collect(settings, site, day) for site in list_sites()}


def _collect(settings: Settings, site: str, day: date) -> int:
    marks = settings.home / "state" / f"export-{site}.json"
    since = ExportMark(**json.loads(marks.read_bytes())) if marks.exists() else ExportMark()
    drop = settings.drops / site / day.isoformat()
    exported = export_events(settings.events_url, drop, site=site, since=since)
    if exported.files:
        write_json(marks, asdict(exported.mark))
    return len(exported.files)


def record_adjustments(settings: Settings, use_case: str, site: str) -> int:
    """Write to the ledger, once each, what people changed on the board; returns how many were new."""
    ledger = open_records(settings)
    known = {
        str(entry.payload["adjustment"])
        for entry in ledger.entries(kinds=("adjustment",), use_case=use_case, site=site)
    }
    query = ADJUSTMENTS.format(adjustments=current_snapshot(settings).table("board_adjustment"))
    with duckdb.connect() as connection:
        found = connection.sql(query, params={"use_case": use_case, "site": site}).to_arrow_table().to_pylist()
    new = [row for row in found if row["adjustment"] not in known]
    for row in new:
        said = {**row, "date": row["date"].isoformat(), "made_at": instant_text(row["made_at"])}
        ledger.append("adjustment", BOARD, {**said, "use_case": use_case, "site": site, "detail": {}}, at=now())
    return len(new)


def record_step_downs(settings: Settings, use_case: str, site: str) -> int:
    """Write to the ledger, once each, the steps down that serving took by itself, with an incident for each.

    A time in which calls were refused or late is an incident alone. Returns how many steps down were new.
    """
    with duckdb.connect() as connection:
        found = SERVED.format(events=current_snapshot(settings).table("serving_event"))
        rows = connection.execute(found, {"use_case": use_case, "site": site}).fetchall()
    return len(record_served(settings, use_case, site, [ServedEvent(*row) for row in rows]).entries)

"""What came back from serving: events into drops, so that they land as a feed under contract like any other.

What does not belong here: judging what came back (shadow, drift).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import duckdb

from evaluation.ledger import instant_text
from evaluation.policies import Tier
from ml.serving.export import ExportMark, export_events
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.files import write_json
from orchestration.steps.locks import exclusive
from orchestration.steps.record.incidents import AUTOMATIC, incident_label, open_once
from orchestration.steps.record.records import now, open_records
from orchestration.steps.warehouse.tables import current_snapshot

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
STEP_DOWNS = """
    select event_id, "at", release_digest, tier, reason
    from '{events}'
    where kind = 'step_down' and use_case = $use_case and site = $site
    order by "at", event_id
"""
OUTAGES = """
    select event_id, "at", status, reason
    from '{events}'
    where kind = 'outage' and use_case = $use_case and site = $site
    order by "at", event_id
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

    The service acts first and alone; the ledger learns of it when the events have landed, with the time it took effect.
    A time in which calls were refused or late is an incident alone. Returns how many steps down were new.
    """
    ledger = open_records(settings)
    known = {
        str(detail["event"])
        for entry in ledger.entries(kinds=("tier_change",), use_case=use_case, site=site)
        if isinstance(detail := entry.payload["detail"], Mapping) and "event" in detail
    }
    found = _step_downs(settings, use_case, site)
    before = {event: _tier_before(found[:place], release) for place, (event, _, release, *_) in enumerate(found)}
    new = [row for row in found if row[0] not in known]
    for event, at, release, tier, reason in new:
        payload = {
            "use_case": use_case,
            "site": site,
            "release": release,
            "from_tier": before[event],
            "tier": tier,
            "reason": reason,
            "is_automatic": True,
            "effective_at": instant_text(at),
            "detail": {"event": event},
        }
        ledger.append("tier_change", AUTOMATIC, payload, at=now())
        _tell(
            settings, use_case, site, f"tier-{event}", f"Serving stepped down to {tier} at {at:%H:%M:%S} UTC: {reason}"
        )
    for event, at, status, reason in _served(settings, OUTAGES, use_case, site):
        words = status.replace("_", " ")
        _tell(
            settings, use_case, site, f"outage-{event}", f"Serving, {words}, from {at:%Y-%m-%d %H:%M:%S} UTC: {reason}"
        )
    return len(new)


def _tell(settings: Settings, use_case: str, site: str, about: str, what: str) -> None:
    open_once(settings, incident_label(about), use_case=use_case, site=site, severity="medium", what=what)


def _tier_before(earlier: Sequence[tuple[str, datetime, str, str, str]], release: str) -> str:
    """The tier that the release answered from: what it stepped down to last, at first its model."""
    return next((tier for _, _, of, tier, _ in reversed(earlier) if of == release), Tier.MODEL.value)


def _step_downs(settings: Settings, use_case: str, site: str) -> list[tuple[str, datetime, str, str, str]]:
    return _served(settings, STEP_DOWNS, use_case, site)


def _served(settings: Settings, query: str, use_case: str, site: str) -> list[Any]:
    with duckdb.connect() as connection:
        found = query.format(events=current_snapshot(settings).table("serving_event"))
        return connection.execute(found, {"use_case": use_case, "site": site}).fetchall()

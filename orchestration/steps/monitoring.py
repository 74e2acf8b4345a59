"""What came back from serving: events into drops, so that they land as a feed under contract like any other.

What does not belong here: judging what came back (shadow, drift).
"""

import json
from collections.abc import Mapping
from datetime import date, datetime

import duckdb

from evaluation.ledger import instant_text
from evaluation.policies import Tier
from ml.serving.export import ExportMark, export_events
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.files import write_json
from orchestration.steps.incidents import AUTOMATIC
from orchestration.steps.locks import exclusive
from orchestration.steps.records import now, open_records
from orchestration.steps.tables import current_snapshot

STEP_DOWNS = """
    select event_id, "at", release_digest, tier, reason
    from '{events}'
    where kind = 'step_down' and use_case = $use_case and site = $site
    order by "at", event_id
"""


def collect_events(settings: Settings, day: date) -> dict[str, int]:
    """Export every site's new events and feedback into the drop of `day`; returns files written per site."""
    with exclusive(settings.home, "export"):
        return {site: _collect(settings, site, day) for site in list_sites()}


def _collect(settings: Settings, site: str, day: date) -> int:
    marks = settings.home / "state" / f"export-{site}.json"
    since = ExportMark(**json.loads(marks.read_bytes())) if marks.exists() else ExportMark(0, 0)
    drop = settings.drops / site / day.isoformat()
    exported = export_events(settings.events_url, drop, site=site, since=since)
    if exported.files:
        write_json(marks, {"event": exported.mark.event, "feedback": exported.mark.feedback})
    return len(exported.files)


def record_step_downs(settings: Settings, use_case: str, site: str) -> int:
    """Write to the ledger, once each, the steps down that serving took by itself; returns how many were new.

    The service acts first and alone; the ledger learns of it when the events have landed, with the time it took effect.
    """
    ledger = open_records(settings)
    known = {
        str(detail["event"])
        for entry in ledger.entries(kinds=("tier_change",), use_case=use_case, site=site)
        if isinstance(detail := entry.payload["detail"], Mapping) and "event" in detail
    }
    new = [row for row in _step_downs(settings, use_case, site) if row[0] not in known]
    for event, at, release, tier, reason in new:
        payload = {
            "use_case": use_case,
            "site": site,
            "release": release,
            "from_tier": Tier.MODEL.value,
            "tier": tier,
            "reason": reason,
            "is_automatic": True,
            "effective_at": instant_text(at),
            "detail": {"event": event},
        }
        ledger.append("tier_change", AUTOMATIC, payload, at=now())
    return len(new)


def _step_downs(settings: Settings, use_case: str, site: str) -> list[tuple[str, datetime, str, str, str]]:
    query = STEP_DOWNS.format(events=current_snapshot(settings).table("serving_event"))
    with duckdb.connect() as connection:
        return connection.execute(query, {"use_case": use_case, "site": site}).fetchall()

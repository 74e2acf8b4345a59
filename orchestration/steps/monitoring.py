"""What came back from serving: events into drops, so that they land as a feed under contract like any other.

What does not belong here: judging what came back (shadow, drift).
"""

import json
from datetime import date

from ml.serving.export import ExportMark, export_events
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.files import write_json
from orchestration.steps.locks import exclusive


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

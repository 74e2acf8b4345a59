"""The present of a demo's home: its simulated hospital has come to a day of its own, and goes on from there.

A service over such a home, started by hand, runs on that clock, so that the board shows the coming shifts and not those
of a calendar that nobody simulated. What does not belong here: the wall's clock of every other home.
"""

import json
from collections.abc import Callable
from datetime import datetime

from ml.serving.config import utc_now
from orchestration.settings import Environment, Settings
from orchestration.steps.files import write_json
from orchestration.steps.record.records import now


def stand_at(settings: Settings, present: datetime) -> None:
    """Let the home's own time be `present` now; only the demo does."""
    write_json(settings.home / "state" / "present.json", {"present": present.isoformat(), "since": now().isoformat()})


def own_clock(settings: Settings) -> Callable[[], datetime] | None:
    """Return the clock of a demo's home; None for every other, and always in production."""
    path = settings.home / "state" / "present.json"
    if settings.environment is Environment.PRODUCTION or not path.exists():
        return None
    said = json.loads(path.read_bytes())
    behind = datetime.fromisoformat(said["since"]) - datetime.fromisoformat(said["present"])
    return lambda: utc_now() - behind

"""Local time of a site: days as spans of seconds, and seconds as FHIR instants with the local offset.

The simulation counts whole seconds since 1970-01-01 UTC. What does not belong here: shifts (`orchestration.sites`).
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = 3600
DAY = 24 * HOUR


class LocalClock:
    """Turns seconds into local time and back, quickly: the offset is looked up once per quarter of an hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._prefixes: dict[int, tuple[str, int, str]] = {}

    def day_start(self, day: date) -> int:
        """First second of a local day."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def day_span(self, day: date) -> tuple[int, int]:
        """First second of a local day and of the next; 23 to 25 hours apart."""
        return self.day_start(day), self.day_start(day + timedelta(days=1))

    def date_of(self, second: int) -> date:
        return datetime.fromtimestamp(second, self.zone).date()

    def hour_of(self, second: int) -> float:
        """Local hour of the day, 0 up to 24."""
        local = datetime.fromtimestamp(second, self.zone)
        return local.hour + local.minute / 60

    def instant(self, second: int) -> str:
        """FHIR instant: `2025-03-09T14:05:09-05:00`."""
        quarter, rest = divmod(int(second), 900)
        known = self._prefixes.get(quarter)
        if known is None:
            local = datetime.fromtimestamp(quarter * 900, self.zone)
            known = (f"{local:%Y-%m-%dT%H:}", local.minute, local.isoformat()[-6:])
            self._prefixes[quarter] = known
        hour, minute, offset = known
        return f"{hour}{minute + rest // 60:02d}:{rest % 60:02d}{offset}"

    def at(self, second: int) -> datetime:
        """The same second as a datetime in UTC."""
        return datetime.fromtimestamp(second, UTC)

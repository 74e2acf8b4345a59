"""A site's working shifts on its own clock: which one a moment falls in.

What does not belong here: where a release may speak (advice), and a shift's plan (board).
"""

from dataclasses import dataclass
from datetime import datetime, time, tzinfo


@dataclass(frozen=True)
class WorkingShift:
    """A shift in local time, its start in, its end out; one that ends at or before its start ends on the next day."""

    id: str
    starts: time
    ends: time

    def covers(self, local: time) -> bool:
        """Whether a local time of day falls in the shift."""
        if self.starts < self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends


@dataclass(frozen=True)
class Hours:
    """When people work at a site: its time zone, and its shifts in the order of its file; empty where it names none."""

    zone: tzinfo
    shifts: tuple[WorkingShift, ...] = ()

    def shift_of(self, at: datetime) -> str | None:
        """The first shift that covers a moment, or None. As the marts have it (`dbt_project/macros/shifts.sql`)."""
        return self.shift_at(at.astimezone(self.zone).time())

    def shift_at(self, local: time) -> str | None:
        """As `shift_of`, by the site's clock."""
        return next((one.id for one in self.shifts if one.covers(local)), None)

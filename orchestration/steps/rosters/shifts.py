"""A site's shifts on its own clock: when the shift of a local day begins and ends, and how long it is.

Where clocks change, a shift is an hour shorter or longer than on other days. What does not belong here: who works it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from orchestration.sites import Shift, Site
from orchestration.steps.errors import StepError

WHOLE_DAY = Shift(id="all", starts=time(), ends=time())
"""What a unit that reports whole days calls its one shift."""


class UnknownShift(StepError):
    """A feed or a plan names a shift that the site does not have."""


@dataclass(frozen=True)
class Span:
    """One shift of one local day. Instants carry the site's zone; `hours` pass on the clock's two sides, `usual_hours`
    on a day without a change of clocks."""

    starts_at: datetime
    ends_at: datetime
    usual_hours: float

    @property
    def hours(self) -> float:
        return (self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC)) / timedelta(hours=1)


def span_of(site: Site, day: date, shift: str) -> Span:
    """Return when a shift of a local day begins and ends. Raises `UnknownShift`.

    A local time that does not exist, because clocks jumped over it, is that much later; one that comes twice is the
    first. One shift's end is so the next one's start on every day.
    """
    found = next((one for one in (*site.shifts, WHOLE_DAY) if one.id == shift), None)
    if found is None:
        raise UnknownShift(f"{site.id} has no shift {shift!r}; it has {', '.join(one.id for one in site.shifts)}.")
    last = day + timedelta(days=found.ends <= found.starts)
    naive = datetime.combine(last, found.ends) - datetime.combine(day, found.starts)
    return Span(local(site, day, found.starts), local(site, last, found.ends), naive / timedelta(hours=1))


def local(site: Site, day: date, at: time) -> datetime:
    """Return a local time of a day as an instant in the site's zone."""
    return datetime.combine(day, at, site.zone).astimezone(UTC).astimezone(site.zone)

"""Stays on units as they were known at a moment, and what the same hours of past days tell of beds by themselves.

What does not belong here: what is learned of how stays flow (`bed_flow.py`). Times are seconds since 1970; an inpatient
is whoever is on a unit that is no emergency department.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.forecasting import NotEnoughHistory
from ml.forecasting.bed_demand import Distribution
from ml.forecasting.history import Floats

HOUR, DAY = 3600.0, 86400.0
PAST_DAYS, FEWEST_DAYS = 56, 21
LocalHour = Callable[[float], int]


@dataclass(frozen=True)
class Stays:
    """Stays on units, vectors of one length: `left` is NaN while open, `level` NaN where nobody triaged.

    `from_bed`: the visit came from another unit with beds, so that the hospital gains nobody.
    """

    visit: npt.NDArray[np.object_]
    is_ed: npt.NDArray[np.bool_]
    entered: Floats
    left: Floats
    is_first: npt.NDArray[np.bool_]
    is_last: npt.NDArray[np.bool_]
    from_bed: npt.NDArray[np.bool_]
    level: Floats

    def at(self, now: float) -> "Stays":
        """The stays as they were known at a moment: nobody had come or left later."""
        came = self.entered <= now
        left = np.where(self.left <= now, self.left, np.nan)[came]
        is_last = np.where(np.isnan(left), False, self.is_last[came])
        visit, is_ed, is_first = self.visit[came], self.is_ed[came], self.is_first[came]
        return Stays(visit, is_ed, self.entered[came], left, is_first, is_last, self.from_bed[came], self.level[came])

    def in_one_department(self) -> "Stays":
        """The stays with those of one visit that follow each other in emergency departments as one.

        Who moves from one department to another is neither admitted nor gone. Rows must be in the order of visit and
        time.
        """
        same_visit = np.concatenate((np.zeros(1, np.bool_), self.visit[1:] == self.visit[:-1]))[: len(self.visit)]
        goes_on = np.concatenate((np.zeros(1, np.bool_), self.is_ed[1:] & self.is_ed[:-1]))[: len(self.visit)]
        begins = ~(same_visit & goes_on)
        ends = np.concatenate((begins[1:], np.ones(1, np.bool_)))[: len(self.visit)]
        return Stays(
            self.visit[begins], self.is_ed[begins], self.entered[begins], self.left[ends], self.is_first[begins],
            self.is_last[ends], self.from_bed[begins], self.level[ends],
        )  # fmt: skip

    def net(self, since: float, hours: float) -> int:
        """Inpatients gained in the window, less those lost: what a forecast of its beds is compared with."""
        until = since + hours * HOUR
        beds = ~self.is_ed
        came = beds & ~self.from_bed & (self.entered > since) & (self.entered <= until)
        gone = beds & self.is_last & (self.left > since) & (self.left <= until)
        return int(came.sum() - gone.sum())


def historical(
    stays: Stays, now: float, local_hour: LocalHour, hours: int, known_until: float | None = None
) -> Distribution:
    """Net beds of the same window, from the same local hour, on past days: what is given without anybody's risk.

    Days whose window was not over by `known_until` (now, where it is left out) do not count.
    """
    until = now if known_until is None else known_until
    known = stays.at(until)
    first = known.entered.min() if known.entered.size else now
    found = [known.net(then, hours) for then in same_hour(now, hours, local_hour)
             if then >= first and then + hours * HOUR <= until]  # fmt: skip
    if len(found) < FEWEST_DAYS:
        raise NotEnoughHistory(f"{len(found)} past days tell this window; at least {FEWEST_DAYS} are needed.")
    lowest = min(found)
    return Distribution(lowest, np.bincount(np.array(found) - lowest) / len(found))


def same_hour(now: float, hours: float, local_hour: LocalHour) -> list[float]:
    """Moments of past days at the same time of the wall's clock, whose windows were over by `now`."""
    found: list[float] = []
    for days in range(1, PAST_DAYS + 1):
        then = now - days * DAY
        then += ((local_hour(now) - local_hour(then) + 12) % 24 - 12) * HOUR
        if then + hours * HOUR <= now:
            found.append(then)
    return found

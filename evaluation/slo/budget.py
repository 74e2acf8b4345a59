"""What is left of an error budget at a time, how fast it burns, and which alert that is.

Here belongs arithmetic over events that carry their own times: ``now`` is an argument, so a past day is judged as it
was, and what burned in the night is found in the morning, when its events have come back. A budget is weighted: a late
score of a patient in the highest triage level costs more than one of the lowest. The share of good events is counted
plainly, with its Wilson interval, because that is what was promised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from evaluation.evidence import Figure
from evaluation.metrics.intervals import wilson
from evaluation.slo.objective import LEAST_BAD, Alert, Objective

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Happened:
    """Events of one measure, in columns of one length: ``at`` microseconds since 1970 (UTC), ``took`` seconds (infinite
    where it never came; not a number counts as that), ``weight`` >= 1, and by name what they can be grouped by."""

    at: NDArray[np.int64]
    took: NDArray[np.float64]
    weight: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.str_]]

    def where(self, chosen: NDArray[np.bool_]) -> "Happened":
        """The chosen events."""
        groups = {name: values[chosen] for name, values in self.groups.items()}
        return Happened(self.at[chosen], self.took[chosen], self.weight[chosen], groups)


@dataclass(frozen=True)
class Burn:
    """How fast the budget burned at a time by one alert's windows; null where a window holds no event."""

    alert: Alert
    at: datetime
    long: float | None
    short: float | None
    bad: int

    @property
    def fires(self) -> bool:
        fast = [rate is not None and rate >= self.alert.burn for rate in (self.long, self.short)]
        return all(fast) and self.bad >= LEAST_BAD


@dataclass(frozen=True)
class Standing:
    """An objective at a time: the share that was good over its window, and what that left of the weighted budget.

    ``spent`` is 1 where the whole budget is gone and null where nothing happened; ``group`` is null for all events, and
    ``groups`` are the same objective's standings by unit, shift or feed.
    """

    objective: Objective
    now: datetime
    good: Figure
    spent: float | None
    burns: tuple[Burn, ...]
    group: tuple[str, str] | None = None
    groups: tuple["Standing", ...] = ()

    @property
    def worst(self) -> str:
        """The group that lost most events, in words; empty where none is told apart or nothing was lost."""
        lost = {one.group: (one.good.n or 0) - (one.good.n_events or 0) for one in self.groups if one.group}
        where = max(lost, key=lambda group: lost[group], default=None)
        return f"{where[0]} {where[1]} ({lost[where]:,})" if where and lost[where] else ""

    @property
    def is_met(self) -> bool | None:
        """Whether the share reaches the target; null where nothing happened."""
        return None if self.good.value is None else self.good.value >= self.objective.target


@dataclass(frozen=True)
class _Sums:
    """Events in the order of their times, added up from the first on, so that any window is a difference."""

    objective: Objective
    at: NDArray[np.int64]
    weight: NDArray[np.float64]
    bad_weight: NDArray[np.float64]
    bad: NDArray[np.int64]

    @staticmethod
    def of(objective: Objective, events: Happened) -> "_Sums":
        order = np.argsort(events.at, kind="stable")
        late = ~(events.took[order] <= objective.at_most.total_seconds())  # what is no number never came
        weight = events.weight[order]
        sums = [np.concatenate([[0], np.cumsum(one)]) for one in (weight, weight * late, late.astype(np.int64))]
        return _Sums(objective, events.at[order], sums[0], sums[1], sums[2])

    def bounds(self, until: NDArray[np.int64], window: timedelta) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the events of the windows that end at some times begin and end: after the start, up to the end."""
        first = np.searchsorted(self.at, until - window // MICROSECOND, side="right")
        return first, np.searchsorted(self.at, until, side="right")

    def rates(self, until: NDArray[np.int64], window: timedelta) -> NDArray[np.float64]:
        """The weighted share that was bad in each window as a multiple of what may be; not a number without events."""
        first, end = self.bounds(until, window)
        whole = self.weight[end] - self.weight[first]
        bad = self.bad_weight[end] - self.bad_weight[first]
        return np.divide(bad, whole * self.objective.allowed, out=np.full(whole.shape, np.nan), where=whole > 0)

    def burns(self, alert: Alert, until: NDArray[np.int64]) -> list[Burn]:
        first, end = self.bounds(until, alert.long)
        columns = (
            until,
            self.rates(until, alert.long),
            self.rates(until, alert.short),
            self.bad[end] - self.bad[first],
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [
            Burn(alert, EPOCH + at * MICROSECOND, _known(long), _known(short), bad) for at, long, short, bad in rows
        ]


def standing(objective: Objective, events: Happened, now: datetime) -> Standing:
    """Judge the events of the window that ends at ``now``; later ones do not exist yet."""
    sums, until = _Sums.of(objective, events), np.array([microseconds(now)])
    [first], [end] = sums.bounds(until, objective.window)
    n, bad = int(end - first), int(sums.bad[end] - sums.bad[first])
    good = Figure((n - bad) / n, *wilson(n - bad, n), n=n, n_events=n - bad) if n else Figure(None, n=0)
    burns = tuple(burn for alert in objective.alerts for burn in sums.burns(alert, until))
    return Standing(objective, now, good, _known(float(sums.rates(until, objective.window)[0])), burns)


def by_group(objective: Objective, events: Happened, now: datetime, name: str) -> list[Standing]:
    """Judge the events of each value of a group by themselves, sorted by the value; of values seen in the window."""
    found = [
        (value, standing(objective, events.where(events.groups[name] == value), now))
        for value in sorted(set(events.groups[name].tolist()))
    ]
    return [replace(one, group=(name, str(value))) for value, one in found if one.good.n]


def alert_between(objective: Objective, events: Happened, after: datetime, until: datetime) -> Burn | None:
    """The fastest burn that was worth telling at any event later than ``after``, at the first time that it was: one
    cause, one alert. Null where the budget never burned that fast."""
    sums = _Sums.of(objective, events)
    late = np.diff(sums.bad) > 0
    times = np.unique(sums.at[late & (sums.at > microseconds(after)) & (sums.at <= microseconds(until))])
    for alert in sorted(objective.alerts, key=lambda one: -one.burn):
        if first := next((burn for burn in sums.burns(alert, times) if burn.fires), None):
            return first
    return None


def microseconds(at: datetime) -> int:
    """A time as microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value

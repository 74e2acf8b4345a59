"""The cheapest schedule of one person for given prices of duties: dynamic programming over days.

States hold what the rules look back on: the length of the run of work or days off, the last shift, minutes so far,
weekends so far, and how many of a limited shift. What does not belong here: where prices come from (`columns.py`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SATURDAY, SUNDAY = 5, 6
START = ("start", 0, False)
State = tuple[str, int, bool]
"""`work` or `off`, how many days in a row (days off count up to what is wanted), and whether the run came from before
the period, so that it is never too short."""


@dataclass(frozen=True)
class Profile:
    """What binds one person's days. `cost[d, j]` is what working duty j on day d costs in wishes (`base` without any
    work); `allowed[d, j]`; `never[s, j]` where j may not follow s; `units[j]` the length in units of time; `limited`
    the duty that at most `most_limited` may be worked of."""

    base: float
    cost: Array
    allowed: Array
    never: Array
    units: tuple[int, ...]
    least_units: int
    most_units: int
    most_run: int
    least_run: int
    least_off: int
    most_weekends: int
    limited: int | None
    most_limited: int
    first_weekday: int

    @cached_property
    def states(self) -> list[State]:
        """Return the states that a person may be in after a day."""
        worked = [("work", n, False) for n in range(1, self.most_run + 1)]
        from_before = [("work", n, True) for n in range(1, self.most_run + 1) if n < self.least_run]
        return [*worked, *from_before, *(("off", n, False) for n in range(1, max(1, self.least_off) + 1))]

    def after_work(self, state: State) -> State | None:
        """Return the state after a working day, None where it is forbidden."""
        kind, run, before = state
        if kind == "start":
            return self._worked(1, True)
        if kind == "off":
            return self._worked(1, False) if run >= self.least_off else None
        return self._worked(run + 1, before) if run < self.most_run else None

    def _worked(self, run: int, before: bool) -> State | None:
        return None if run > self.most_run else ("work", run, before and run < self.least_run)

    def after_off(self, state: State) -> State | None:
        """Return the state after a free day, None where it is forbidden."""
        kind, run, before = state
        longest = max(1, self.least_off)
        if kind == "start":
            return ("off", longest, False)
        if kind == "off":
            return ("off", min(run + 1, longest), False)
        return ("off", 1, False) if before or run >= self.least_run else None


class Pricer:
    """Finds cheapest schedules of one person; the tables are kept between calls."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.days, self.duties = profile.cost.shape
        self.shape = (profile.most_units + 1, profile.most_weekends + 1, profile.most_limited + 1)

    def cheapest(self, prices: Array) -> tuple[float, tuple[int, ...]]:
        """Return the least of wishes minus `prices[d, j]` collected, and the schedule: a duty or -1 for each day."""
        tables = self._tables(self.profile.cost - prices)
        value = float(tables[0][START, -1][0, 0, 0])
        if not np.isfinite(value):
            return value, ()
        return value + self.profile.base, self._trace(tables, self.profile.cost - prices)

    def _tables(self, cost: Array) -> list[dict[tuple[State, int], Array]]:
        """Return for each day and state before it the least that the days from then on cost."""
        profile = self.profile
        end = np.full(self.shape, np.inf)
        end[profile.least_units :] = 0.0
        after: dict[tuple[State, int], Array] = dict.fromkeys(self._keys(), end)
        tables = [after]
        for day in range(self.days - 1, -1, -1):
            after = self._before(day, cost[day], after)
            tables.append(after)
        return tables[::-1]

    def _keys(self) -> list[tuple[State, int]]:
        """Return the states with the last duty, which matters only after work."""
        keys: list[tuple[State, int]] = []
        for state in self.profile.states:
            keys += [(state, duty) for duty in range(self.duties)] if state[0] == "work" else [(state, -1)]
        return keys

    def _before(self, day: int, cost: Array, after: dict[tuple[State, int], Array]) -> dict[tuple[State, int], Array]:
        moved: dict[tuple[State, int, int], Array] = {}
        keys = [(START, -1)] if day == 0 else self._keys()
        before: dict[tuple[State, int], Array] = {}
        for state, last in keys:
            free, worked = self.profile.after_off(state), self.profile.after_work(state)
            best = after[free, -1] if free is not None else None
            for duty in self._choices(day, last) if worked is not None else ():
                assert worked is not None
                key = (worked, duty, self._weekend(day, state))
                if key not in moved:
                    moved[key] = self._moved(after[worked, duty], duty, key[2], cost[duty])
                best = moved[key] if best is None else np.minimum(best, moved[key])
            before[state, last] = np.full(self.shape, np.inf) if best is None else best
        return before

    def _choices(self, day: int, last: int) -> list[int]:
        allowed = self.profile.allowed[day]
        return [j for j in range(self.duties) if allowed[j] and (last < 0 or not self.profile.never[last, j])]

    def _weekend(self, day: int, state: State) -> int:
        """Return 1 where working on a day begins a worked weekend."""
        weekday = (day + self.profile.first_weekday) % 7
        return int(weekday == SATURDAY or (weekday == SUNDAY and state[0] != "work"))

    def _moved(self, table: Array, duty: int, weekend: int, cost: float) -> Array:
        units, limited = self.profile.units[duty], int(duty == self.profile.limited)
        moved = np.full(self.shape, np.inf)
        a, b, c = self.shape
        if units < a and weekend < b and limited < c:
            moved[: a - units, : b - weekend, : c - limited] = table[units:, weekend:, limited:] + cost
        return moved

    def _trace(self, tables: list[dict[tuple[State, int], Array]], cost: Array) -> tuple[int, ...]:
        """Follow the least from the first day on."""
        state, last, at, chosen = START, -1, (0, 0, 0), list[int]()
        for day in range(self.days):
            options: list[tuple[float, int, State, tuple[int, int, int]]] = []
            free, worked = self.profile.after_off(state), self.profile.after_work(state)
            if free is not None:
                options.append((float(tables[day + 1][free, -1][at]), -1, free, at))
            for duty in self._choices(day, last) if worked is not None else ():
                assert worked is not None
                limited = int(duty == self.profile.limited)
                then = (at[0] + self.profile.units[duty], at[1] + self._weekend(day, state), at[2] + limited)
                if all(n < size for n, size in zip(then, self.shape, strict=True)):
                    value = float(tables[day + 1][worked, duty][then]) + float(cost[day, duty])
                    options.append((value, duty, worked, then))
            _, last, state, at = min(options, key=lambda one: one[0])
            chosen.append(last)
        return tuple(chosen)

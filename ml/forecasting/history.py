"""What is known of every unit and shift, day by day: a full calendar grid, in which an unknown day stays unknown.

Here belongs reading columns into that grid, with every fault said. What is made of it (`features.py`) does not.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.forecasting import BadHistory, NotEnoughHistory

Floats = npt.NDArray[np.float64]
Series = tuple[str, str]
"""A unit and a shift."""
KEYS = ("unit", "date", "shift")
LONGEST_DAYS = 40 * 366
EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Gap:
    """Days without a single figure, both ends included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class History:
    """`values[target]` is an array of series × days, NaN where nothing is known; day 0 is `first`.

    `by_ratio` are the units and shifts whose hours are what their census needs, since nobody reports what was worked.
    """

    first: dt.date
    series: tuple[Series, ...]
    values: Mapping[str, Floats]
    by_ratio: frozenset[Series] = frozenset()

    @property
    def days(self) -> int:
        """Length of the calendar grid."""
        return next(iter(self.values.values())).shape[1]

    @property
    def last(self) -> dt.date:
        """The last day of the grid."""
        return self.first + dt.timedelta(days=self.days - 1)

    def index(self, day: dt.date) -> int:
        """Position of a day in the grid; it may lie outside."""
        return (day - self.first).days

    def date(self, index: int) -> dt.date:
        """The day at a position."""
        return self.first + dt.timedelta(days=index)

    def tells(self, target: str, series: Series) -> bool:
        """Whether a unit and shift ever reported a figure."""
        return bool(np.isfinite(self.values[target][self.series.index(series)]).any())

    def until(self, day: dt.date) -> "History":
        """The history as it was after `day`: nothing later. Raises `NotEnoughHistory` when nothing is left."""
        stop = self.index(day) + 1
        if stop < 1:
            raise NotEnoughHistory(f"Nothing was known by {day}; the history begins on {self.first}.")
        return replace(self, values={name: array[:, :stop] for name, array in self.values.items()})

    @property
    def last_known(self) -> dt.date:
        """The last day with any figure. Raises `NotEnoughHistory` where there is none."""
        known = np.flatnonzero(np.any([np.isfinite(array).any(axis=0) for array in self.values.values()], axis=0))
        if not known.size:
            raise NotEnoughHistory("The history holds no figure: only what is rostered or booked has landed.")
        return self.date(int(known[-1]))

    def gaps(self) -> tuple[Gap, ...]:
        """Runs of days on which no series has any figure."""
        known = np.any([np.isfinite(array).any(axis=0) for array in self.values.values()], axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], known, [True])).astype(np.int8)))
        return tuple(
            Gap(self.date(int(start)), self.date(int(stop) - 1))
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        )


def history_of(table: pa.Table, columns: Sequence[str], sums: Mapping[str, Sequence[str]] | None = None) -> History:
    """Read columns `unit`, `date`, `shift` and `columns` (numbers, or null where unknown) into a grid.

    `sums` adds a target as the sum of others; it is known where all of its parts are that the unit ever reports.
    Raises `BadHistory` for a missing column, a row without key, a day given twice, a negative, infinite or textual
    figure; `NotEnoughHistory` for no row.
    """
    for name in (*KEYS, *columns):
        if name not in table.column_names:
            raise BadHistory(f"The history has no column {name!r}; it has {', '.join(table.column_names)}.")
    if not table.num_rows:
        raise NotEnoughHistory("The history holds no row: nothing has landed for this site yet.")
    units, dates, shifts = (table[name].to_pylist() for name in KEYS)
    keys = list(zip(units, dates, shifts, strict=True))
    _require_keys(keys)
    series = tuple(sorted(set(zip(units, shifts, strict=True))))
    first, days = min(dates), (max(dates) - min(dates)).days + 1
    if days > LONGEST_DAYS:
        raise BadHistory(f"The history runs from {first} to {max(dates)}: a date is mistyped.")
    rows = np.array([series.index((unit, shift)) for unit, shift in zip(units, shifts, strict=True)])
    places = np.array([(day - first).days for day in dates])
    return with_sums(
        History(first, series, _grids(table, columns, keys, (rows, places), (len(series), days))), sums or {}
    )


def _grids(
    table: pa.Table,
    columns: Sequence[str],
    keys: Sequence[tuple[object, object, object]],
    places: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    shape: tuple[int, int],
) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    for name in columns:
        grid = np.full(shape, np.nan)
        grid[places] = _numbers(table, name, keys)
        values[name] = grid
    return values


def with_sums(history: History, sums: Mapping[str, Sequence[str]]) -> History:
    """The history with targets that are sums of others. Raises `BadHistory` for a part that is none."""
    values = dict(history.values)
    for name, parts in sums.items():
        if missing := [part for part in parts if part not in values]:
            raise BadHistory(f"{name} is the sum of {', '.join(parts)}, but {', '.join(missing)} is no column.")
        values[name] = _total([values[part] for part in parts])
    return replace(history, values=values)


def _total(parts: Sequence[Floats]) -> Floats:
    never = [~np.isfinite(part).any(axis=1, keepdims=True) for part in parts]
    total = np.sum([np.where(silent, 0.0, part) for part, silent in zip(parts, never, strict=True)], axis=0)
    return np.where(np.all(never, axis=0), np.nan, total)


def _require_keys(keys: Sequence[tuple[object, object, object]]) -> None:
    seen: set[tuple[object, object, object]] = set()
    for number, (unit, day, shift) in enumerate(keys, 1):
        if not isinstance(unit, str) or not isinstance(shift, str) or type(day) is not dt.date:
            raise BadHistory(f"Row {number} of the history lacks a unit, a date or a shift ({unit}, {day}, {shift}).")
        if (unit, day, shift) in seen:
            raise BadHistory(
                f"{unit} on {day}, shift {shift}, is given twice; expected one row per unit, day and shift."
            )
        seen.add((unit, day, shift))


def _numbers(table: pa.Table, name: str, keys: Sequence[tuple[object, object, object]]) -> Floats:
    kind = table[name].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise BadHistory(f"Column {name!r} holds {kind}; expected numbers.")
    found = table[name].cast(pa.float64()).to_numpy()
    wrong = np.flatnonzero((found < 0) | np.isinf(found))
    if wrong.size:
        unit, day, shift = keys[int(wrong[0])]
        raise BadHistory(
            f"{name} of {unit} on {day}, shift {shift}, is {found[wrong[0]]:g}; expected 0 or more. Correct the feed."
        )
    return found

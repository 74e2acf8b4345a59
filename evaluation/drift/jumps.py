"""What jumped overnight: a column whose last days lie outside everything before, by more than other patients explain.

A window of weeks is slow to tell that a unit, a device or a code was changed on one day: two such days among
twenty-eight are a bad weekend to it. So every number that a model reads is also held against itself, day by day, at the
whole site. A jump needs all of: an effect in standard deviations of the rows before it (or a share of rows whose value
went missing) that no case mix has; every day since on the far side of every day before; and enough days and rows. The
day on which it began is the split that explains most (Page, Biometrika 41 (1954) 100, as a scan over whole days). What
does not belong here: slow shifts and segments (``segments``), and what is one cause (``causes``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.drift.comparison import CONSTANT_MOVED, FloatArray
from evaluation.drift.tallies import Watched
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.watch_policy import Jumps

Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Jump:
    """A column from one day on. ``of`` says what jumped: its values (``moved`` in standard deviations, signed) or the
    share of rows without one (``moved`` in shares, signed). ``before`` and ``after``: means, or shares."""

    watched: Watched
    of: Literal["values", "missing"]
    since: date
    before: float
    after: float
    moved: float
    rows: int

    @property
    def sentence(self) -> str:
        """What jumped, when and by how much."""
        what = f"{self.watched.name} jumped at the whole site on {self.since:%Y-%m-%d}"
        if self.of == "missing":
            return (
                f"{what}: missing in {100 * self.before:.0f} % of rows before and in {100 * self.after:.0f} % of "
                f"{self.rows:,} since."
            )
        return (
            f"{what}: {self.before:.4g} on average before and {self.after:.4g} in {self.rows:,} rows since, "
            f"{self.moved:+.1f} standard deviations."
        )


def find_jumps(table: pa.Table, days: Days, watched: Sequence[Watched], policy: Jumps) -> tuple[Jump, ...]:
    """Return what jumped in a window, the largest first; ``days`` is each row's day as an ordinal from 1970-01-01.

    Of each column at most one jump; columns that are no numbers are not looked at. None where the window has fewer days
    than are asked for on both sides.
    """
    there, place = np.unique(days, return_inverse=True)
    if there.size < policy.earlier_days + policy.fewest_days:
        return ()
    found = [
        jump
        for one in watched
        if one.kind == "numeric"
        for jump in _of_column(one, _numbers(one, table), there, place, policy)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.moved)))


def _numbers(one: Watched, table: pa.Table) -> FloatArray:
    try:
        return np.asarray(table[one.name].cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DriftInputError(f"column {one.name} is not there, or not of numbers; it is watched for jumps.") from error


def _of_column(one: Watched, values: FloatArray, days: Days, place: Days, policy: Jumps) -> Iterator[Jump]:
    is_there = np.isfinite(values)
    sizes = (("missing", (~is_there).astype(np.float64), np.ones(values.size, dtype=bool), policy.missing),)
    for of, column, rows, least in (*sizes, ("values", values, is_there, policy.spreads)):
        jump = _largest(_Daily.of(column[rows], place[rows], days.size), policy, in_spreads=of == "values")
        if jump is not None and abs(jump.moved) >= least:
            since = date.fromordinal(date(1970, 1, 1).toordinal() + int(days[jump.first]))
            yield Jump(
                one, "missing" if of == "missing" else "values", since, jump.before, jump.after, jump.moved, jump.rows
            )
            return  # values that are gone say nothing of those that are left


@dataclass(frozen=True, slots=True)
class _Split:
    first: int
    before: float
    after: float
    moved: float
    rows: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class _Daily:
    """A column added up by day: rows, sums and sums of squares."""

    rows: FloatArray
    sums: FloatArray
    squares: FloatArray

    @staticmethod
    def of(values: FloatArray, place: Days, days: int) -> "_Daily":
        rows = np.bincount(place, minlength=days).astype(np.float64)
        sums, squares = (np.bincount(place, part, days).astype(np.float64) for part in (values, values**2))
        return _Daily(rows, sums, squares)

    @property
    def means(self) -> FloatArray:
        return np.divide(self.sums, self.rows, out=np.full(self.rows.size, np.nan), where=self.rows > 0)


def _largest(daily: _Daily, policy: Jumps, *, in_spreads: bool) -> _Split | None:
    """The split after which days lie apart from those before, and that explains most; None where no split does."""
    splits = range(policy.earlier_days, daily.rows.size - policy.fewest_days + 1)
    found = [split for first in splits if (split := _split(daily, first, policy, in_spreads=in_spreads)) is not None]
    return max(found, key=lambda one: one.weight, default=None)


def _split(daily: _Daily, first: int, policy: Jumps, *, in_spreads: bool) -> _Split | None:
    old, new = daily.means[:first], daily.means[first:]
    old, new = old[np.isfinite(old)], new[np.isfinite(new)]
    rows = float(daily.rows[first:].sum())
    if new.size < policy.fewest_days or old.size < policy.fewest_days or rows < policy.fewest_rows:
        return None
    if not (new.min() > old.max() or new.max() < old.min()):
        return None
    before_rows = float(daily.rows[:first].sum())
    before, after = float(daily.sums[:first].sum()) / before_rows, float(daily.sums[first:].sum()) / rows
    moved = after - before
    if in_spreads:
        spread = float(np.sqrt(max(daily.squares[:first].sum() / before_rows - before**2, 0.0)))
        moved = moved / spread if spread > 0 else float(np.sign(moved) * CONSTANT_MOVED)
    weight = abs(moved) * float(np.sqrt(before_rows * rows / (before_rows + rows)))
    return _Split(first, before, after, moved, int(rows), weight)

"""What jumped overnight: a column whose last days lie outside everything before, by more than other patients explain.

A window of weeks is slow to tell that a unit, a device or a code was changed on one day: two such days among
twenty-eight are a bad weekend to it. So every number that a model reads is also held against itself, day by day, at the
whole site. A jump needs all of: an effect in standard deviations of the rows before it (or a share of rows whose value
went missing) that no case mix has, and that is no matter of a few odd rows; every day since on the far side of every
day before; and enough days and rows. Days of hardly any rows are left out: one row of a day that has just begun is no
day. The day on which it began is the split that explains most (Page, Biometrika 41 (1954) 100, as a scan over whole
days). What does not belong here: slow shifts and segments (``segments``), and what is one cause (``causes``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa

from evaluation.drift.comparison import CONSTANT_MOVED, FloatArray
from evaluation.drift.daily import Daily, Days
from evaluation.drift.tallies import Watched
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.watch_policy import Jumps


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


def columns_judged(days: Days, watched: Sequence[Watched], policy: Jumps) -> int:
    """How many of the columns :func:`find_jumps` can say anything of in a window of such days: all numbers, or none."""
    there, place = np.unique(days, return_inverse=True)
    daily = Daily.of(np.zeros(place.size), place, there.size).of_whole_days(policy)
    is_judged = any(daily.is_enough(first, policy) for first in _splits(daily, policy))
    return sum(one.kind == "numeric" for one in watched) if is_judged else 0


def why_none_judged(days: Days, policy: Jumps, window_days: int) -> str:
    """Say why no column could be judged in a window of such days, of at most ``window_days``, and what it takes."""
    there = int(np.unique(days).size)
    takes = (
        f"a jump takes {policy.earlier_days} days before it and {policy.fewest_rows} rows on at least "
        f"{policy.fewest_days} days since"
    )
    if there < policy.earlier_days + policy.fewest_days:
        return f"No input was looked at for a jump: {takes}, and here are {there} days with rows."
    a_day = policy.fewest_rows / (window_days - policy.earlier_days)
    return (
        f"No input was looked at for a jump: {takes}. Here came {days.size / there:.1f} rows on a day; within "
        f"{window_days} days it takes more than {a_day:.1f}. A jump shows here only as slow drift, or to the people."
    )


def _numbers(one: Watched, table: pa.Table) -> FloatArray:
    try:
        return np.asarray(table[one.name].cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DriftInputError(f"column {one.name} is not there, or not of numbers; it is watched for jumps.") from error


def _of_column(one: Watched, values: FloatArray, days: Days, place: Days, policy: Jumps) -> Iterator[Jump]:
    is_there = np.isfinite(values)
    sizes = (("missing", (~is_there).astype(np.float64), np.ones(values.size, dtype=bool), policy.missing),)
    for of, column, rows, least in (*sizes, ("values", values, is_there, policy.spreads)):
        centre = float(np.median(column[rows])) if of == "values" and rows.any() else 0.0
        daily = Daily.of(column[rows] - centre, place[rows], days.size).of_whole_days(policy)
        jump = _largest(daily, policy, in_spreads=of == "values")
        if jump is not None and abs(jump.moved) >= least:
            since = date.fromordinal(date(1970, 1, 1).toordinal() + int(days[jump.first]))
            means = jump.before + centre, jump.after + centre
            yield Jump(one, "missing" if of == "missing" else "values", since, *means, jump.moved, jump.rows)
            return  # values that are gone say nothing of those that are left


@dataclass(frozen=True, slots=True)
class _Split:
    first: int
    before: float
    after: float
    moved: float
    rows: int
    weight: float


def _splits(daily: Daily, policy: Jumps) -> range:
    return range(policy.earlier_days, daily.rows.size - policy.fewest_days + 1)


def _largest(daily: Daily, policy: Jumps, *, in_spreads: bool) -> _Split | None:
    """The split after which days lie apart from those before, and that explains most; None where no split does."""
    found = (_split(daily, first, policy, in_spreads=in_spreads) for first in _splits(daily, policy))
    return max((split for split in found if split is not None), key=lambda one: one.weight, default=None)


def _split(daily: Daily, first: int, policy: Jumps, *, in_spreads: bool) -> _Split | None:
    if not daily.is_enough(first, policy):
        return None
    old, new = (side[np.isfinite(side)] for side in (daily.means[:first], daily.means[first:]))
    if not (new.min() > old.max() or new.max() < old.min()):
        return None
    before_rows, before, spread = daily.part(slice(None, first))
    rows, after, spread_since = daily.part(slice(first, None))
    moved = after - before
    if in_spreads:
        if abs(moved) < policy.spreads_since * spread_since:
            return None
        moved = _in_spreads(moved, spread, spread_since)
    weight = abs(moved) * float(np.sqrt(before_rows * rows / (before_rows + rows)))
    return _Split(first, before, after, moved, int(rows), weight)


def _in_spreads(moved: float, before: float, since: float) -> float:
    """In standard deviations before; of a constant in those since, and by no more than constants move."""
    if before > 0:
        return moved / before
    return float(np.sign(moved)) * (min(abs(moved) / since, CONSTANT_MOVED) if since > 0 else CONSTANT_MOVED)

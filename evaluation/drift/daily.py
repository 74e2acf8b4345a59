"""A column of a window added up by day, and whether its days and rows suffice to judge a jump on one of them.

What does not belong here: what a jump is (``jumps``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.comparison import FloatArray
from evaluation.drift.tallies import ROUNDING
from evaluation.drift.watch_policy import Jumps

Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """A column added up by day: rows, sums and sums of squares.

    Values come less a number among them: a constant is 0 then, and rounding leaves no spread of it.
    """

    rows: FloatArray
    sums: FloatArray
    squares: FloatArray

    @staticmethod
    def of(values: FloatArray, place: Days, days: int) -> "Daily":
        rows = np.bincount(place, minlength=days).astype(np.float64)
        sums, squares = (np.bincount(place, part, days).astype(np.float64) for part in (values, values**2))
        return Daily(rows, sums, squares)

    def of_whole_days(self, policy: Jumps) -> "Daily":
        """The same without the rows of days that have less than a share of the median day's."""
        some = self.rows[self.rows > 0]
        least = policy.day_share * float(np.median(some)) if some.size else 0.0
        kept = self.rows >= least
        return Daily(self.rows * kept, self.sums * kept, self.squares * kept)

    @property
    def means(self) -> FloatArray:
        return np.divide(self.sums, self.rows, out=np.full(self.rows.size, np.nan), where=self.rows > 0)

    def is_enough(self, first: int, policy: Jumps) -> bool:
        """Whether there are days and rows enough to judge a jump on this day, which has rows itself."""
        old, new = self.rows[:first], self.rows[first:]
        fewest = min(np.count_nonzero(old), np.count_nonzero(new))
        return bool(new[0] > 0 and fewest >= policy.fewest_days and new.sum() >= policy.fewest_rows)

    def part(self, days: slice) -> tuple[float, float, float]:
        """Rows, mean and standard deviation of some days; a spread that rounding can make is none."""
        rows, total, squares = (float(one[days].sum()) for one in (self.rows, self.sums, self.squares))
        mean, square = total / rows, squares / rows
        variance = square - mean**2
        return rows, mean, float(np.sqrt(variance)) if variance > ROUNDING * square else 0.0

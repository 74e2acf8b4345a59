"""How sure a difference of two windows is, where one day resembles the next.

Visits of one day resemble each other, and who lies on a ward today lies there tomorrow: rows, and days too, tell less
than as many independent ones. So a window's variance is that of its weeks (batch means: Carlstein, Annals of Statistics
14 (1986) 1171), after what a day takes over from the day before was taken out of them, and with its share put back
(prewhitening: Andrews & Monahan, Econometrica 60 (1992) 953; the autocorrelation corrected as in Kendall, Biometrika 41
(1954) 403). Whole weeks cancel the weekly rhythm; a variance is never less than that of independent rows; weeks are
few, so that the difference in standard errors is held against Student's t.

Rows that tell how full a ward stands are another matter (``is_standing``): a patient who lies for three weeks is in
each of them, and beside short stays a day's share in the next one tells nothing of the long. There the variance is that
of the slowest waves of the window, cosines of half a turn and more over its whole length, by the published rule for how
many (Lazarus, Lewis, Stock & Watson, Journal of Business & Economic Statistics 36 (2018) 541): long stays and a season
are in them, the weekly rhythm is not. They are fewer than weeks, which suits few comparisons and not the hundreds that
visits bring. What does not belong here: what is added up and which difference matters (``segments``).
"""

from dataclasses import dataclass

import numpy as np

from evaluation.drift.comparison import FloatArray

WEEK = 7
CARRIED_AT_MOST = 0.9
ENOUGH_WEEKS = 8
WAVES, WAVES_GROW = 0.41, 2 / 3
"""How many waves: 0.41 times the days to the power of two thirds (Lazarus et al. 2018, equation 4)."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Scores of a window's rows, added up. ``scores``: segments x days x scores; ``rows``: segments x days."""

    scores: FloatArray
    rows: FloatArray

    @property
    def n(self) -> FloatArray:
        """Rows by segment; 1 where there is none."""
        return np.maximum(self.rows.sum(axis=1), 1.0)

    @property
    def mean(self) -> FloatArray:
        return self.scores.sum(axis=1) / self.n[:, None]

    @property
    def away(self) -> FloatArray:
        """By how much each day's sum lies away from what its rows would have on the window's mean."""
        return self.scores - self.rows[:, :, None] * self.mean[:, None, :]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """By segment and score: the standard error of the difference of means, and its probability by chance."""

    error: FloatArray
    p_value: FloatArray


def difference(old: Sums, new: Sums, row_variance: FloatArray, *, is_standing: bool = False) -> Difference:
    """Judge the difference of two windows' means; ``row_variance`` is that of one row, by segment and score.

    ``is_standing`` says that rows tell how many are there, and not who came.

    A reference of enough weeks gives the variance alone: the weeks of a window in which something moved lie apart for
    that reason, and would hide it until the last of them has moved.
    """
    from scipy.special import stdtr

    sides = (old,) if old.rows.shape[1] >= WEEK * ENOUGH_WEEKS else (old, new)
    variance, freedom = _slow_variance(sides) if is_standing else _variance(sides)
    error = np.sqrt(np.maximum(variance, row_variance) * (1 / old.n + 1 / new.n)[:, None])
    away = np.divide(new.mean - old.mean, error, out=np.zeros_like(error), where=error > 0)
    by_chance = 2 * stdtr(np.maximum(freedom, 1)[:, None], -np.abs(away))
    return Difference(error, np.where(freedom[:, None] < 1, 1.0, by_chance))


def _variance(sides: tuple[Sums, ...]) -> tuple[FloatArray, FloatArray]:
    """Of one row, by segment and score, as its weeks tell it; and by segment the degrees of freedom."""
    carried = _carried_over(*(side.away for side in sides))
    squares, freed, freedom = np.zeros_like(carried), np.zeros(carried.shape[0]), np.zeros(carried.shape[0])
    for side in sides:
        found, weeks = _weekly_squares(side, carried)
        squares += found
        freed += side.n * (1 - 1 / np.maximum(weeks, 1))
        freedom += np.maximum(weeks - 1, 0)
    by_row = np.divide(squares, freed[:, None], out=np.zeros_like(squares), where=freed[:, None] > 0)
    return by_row / (1 - carried) ** 2, freedom


def _slow_variance(sides: tuple[Sums, ...]) -> tuple[FloatArray, FloatArray]:
    """The same as the slowest waves of each window tell it. A segment of few days tells of fewer."""
    squares, freed, freedom = 0.0, 0.0, 0.0
    for side in sides:
        days = side.rows.shape[1]
        waves = max(1, _waves(days))
        turns = np.arange(1, waves + 1)[:, None] * (np.arange(days) + 0.5) / days
        heights = np.einsum("wd,gds->gws", np.sqrt(2 / days) * np.cos(np.pi * turns), side.away)
        squares = squares + days * (heights**2).mean(axis=1)
        freed = freed + side.n[:, None]
        freedom = freedom + np.array([float(_waves(there)) for there in (side.rows > 0).sum(axis=1).tolist()])
    return np.asarray(squares / freed), np.asarray(freedom)


def _waves(days: int) -> int:
    return int(WAVES * days**WAVES_GROW)


def _carried_over(*windows: FloatArray) -> FloatArray:
    """The share of a day's deviation that the next one has too, without the weekly rhythm; never negative."""
    both, alone, days = 0.0, 0.0, 0
    for away in windows:
        plain = _without_weekdays(away)
        both = both + (plain[:, 1:] * plain[:, :-1]).sum(axis=1)
        alone = alone + (plain**2).sum(axis=1)
        days += away.shape[1]
    found = np.divide(both, alone, out=np.zeros_like(np.asarray(alone)), where=np.asarray(alone) > 0)
    return np.clip(found + (1 + 3 * found) / days * (found > 0), 0.0, CARRIED_AT_MOST)


def _without_weekdays(away: FloatArray) -> FloatArray:
    plain = away.copy()
    for weekday in range(min(WEEK, plain.shape[1])):
        plain[:, weekday::WEEK] -= plain[:, weekday::WEEK].mean(axis=1, keepdims=True)
    return plain


def _weekly_squares(side: Sums, carried: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squared sums of weeks, added up, and how many weeks have rows; the first week may be short."""
    own = side.away
    own[:, 1:] -= carried[:, None, :] * side.away[:, :-1]
    segments, days, scores = own.shape
    weeks, missing = -(-days // WEEK), -days % WEEK
    padded = np.concatenate([np.zeros((segments, missing, scores)), own], axis=1)
    rows = np.concatenate([np.zeros((segments, missing)), side.rows], axis=1)
    sums = padded.reshape(segments, weeks, WEEK, scores).sum(axis=2)
    return (sums**2).sum(axis=1), (rows.reshape(segments, weeks, WEEK).sum(axis=2) > 0).sum(axis=1).astype(np.float64)

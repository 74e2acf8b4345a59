"""How sure a difference is where days resemble each other: visits, and beds that stay full."""

import numpy as np
import pytest

from evaluation.drift.chance import Difference, Sums, difference

OLD, NEW, TIMES = 120, 28, 2000
ROWS = 9.0


def compared(*, kept: float, noise: float, moved: float = 0.0, is_standing: bool, weekly: float = 0.0) -> Difference:
    """Windows that follow each other, many times over: what lies there for long, and beside it what comes and goes.

    ``kept`` is the share of the long stays that is there the next day too, ``noise`` the spread of the short ones in
    spreads of the long; the later window has ``moved`` more in each row.
    """
    draw = np.random.default_rng(8)
    long = np.empty((TIMES, OLD + NEW))
    long[:, 0] = draw.standard_normal(TIMES)
    for day in range(1, OLD + NEW):
        long[:, day] = kept * long[:, day - 1] + np.sqrt(1 - kept**2) * draw.standard_normal(TIMES)
    rhythm = weekly * np.cos(2 * np.pi * np.arange(OLD + NEW) / 7)
    day_means = (long + noise * draw.standard_normal(long.shape) + rhythm) / 3
    day_means[:, OLD:] += moved
    rows = np.full(long.shape, ROWS)
    old, new = (Sums((day_means * rows)[:, part, None], rows[:, part]) for part in (slice(OLD), slice(OLD, None)))
    return difference(old, new, np.full((TIMES, 1), 0.1), is_standing=is_standing)


def share_below(level: float, found: Difference) -> float:
    return float((found.p_value < level).mean())


def test_long_stays_that_short_ones_drown_are_chance_of_beds_and_would_be_taken_for_drift_of_visits() -> None:
    """A day's share in the next one tells little of the long stays then: the weeks make chance far too small.

    Four months of stays of three weeks are few also for the slow waves: near what is said, not at it.
    """
    as_beds, as_visits = (compared(kept=0.95, noise=2.0, is_standing=standing) for standing in (True, False))
    assert share_below(0.01, as_beds) < 0.05 < 0.07 < share_below(0.01, as_visits)
    assert share_below(0.001, as_beds) < 0.01 < 0.02 < share_below(0.001, as_visits)


@pytest.mark.parametrize("weekly", [0.0, 4.0])
def test_beds_of_short_stays_are_judged_as_often_wrong_as_is_said_whatever_the_weekday(weekly: float) -> None:
    found = compared(kept=0.0, noise=1.0, weekly=weekly, is_standing=True)
    assert 0.03 < share_below(0.05, found) < 0.07
    assert 0.004 < share_below(0.01, found) < 0.02


def test_beds_that_moved_by_far_more_than_their_months_do_are_found() -> None:
    assert share_below(0.001, compared(kept=0.9, noise=1.0, moved=2.0, is_standing=True)) > 0.95


def test_a_ward_with_too_few_days_says_nothing() -> None:
    rows = np.full((1, 60), ROWS)
    rows[:, 3:] = 0
    old, new = Sums(rows[:, :, None] * 1.0, rows), Sums(rows[:, :28, None] * 5.0, rows[:, :28])
    assert difference(old, new, np.full((1, 1), 0.1), is_standing=True).p_value == 1.0

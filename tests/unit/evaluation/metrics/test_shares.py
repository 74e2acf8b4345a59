"""Shares: counted, with an interval around them, and without a value where nothing was looked at."""

import numpy as np
import pytest

from evaluation.metrics.shares import share


@pytest.mark.parametrize(
    ("hits", "value"), [([True] * 4, 1.0), ([False] * 4, 0.0), ([True, False], 0.5), ([True], 1.0)]
)
def test_a_share_counts_and_has_an_interval_around_it(hits: list[bool], value: float) -> None:
    figure = share(np.array(hits))
    assert (figure.value, figure.n, figure.n_events) == (value, len(hits), sum(hits))
    assert figure.lower is not None and figure.upper is not None
    assert 0 <= figure.lower <= value <= figure.upper <= 1


def test_a_share_of_more_visits_has_a_narrower_interval() -> None:
    few, many = share(np.array([True, False] * 5)), share(np.array([True, False] * 500))
    assert many.upper - many.lower < few.upper - few.lower  # type: ignore[operator]


def test_a_share_of_nothing_has_no_value() -> None:
    figure = share(np.array([], bool))
    assert (figure.value, figure.lower, figure.n, figure.n_events) == (None, None, 0, 0)

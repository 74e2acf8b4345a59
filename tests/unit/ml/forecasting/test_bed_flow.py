"""Who moves between two emergency departments is not admitted: neither shares, hours nor beds count it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ml.forecasting.bed_flow import learn
from ml.forecasting.bed_stays import DAY, HOUR, Stays

DAYS = 30
NOW = DAYS * DAY
Row = tuple[str, bool, float, float, bool, bool, bool]


def of_rows(rows: list[Row]) -> Stays:
    """Stays of (visit, is_ed, entered, left, is_first, is_last, from_bed), nobody triaged."""
    visit, *columns = (np.array(column) for column in zip(*rows, strict=True))
    return Stays(visit.astype(np.object_), *columns, np.full(len(rows), np.nan))


def moves(day: int) -> list[Row]:
    """One who goes through two departments and home, one who goes through two and to a ward, and one straight home."""
    at = [day * DAY + hour * HOUR for hour in range(12)]
    return [
        (f"a{day:02}", True, at[0], at[2], True, False, False),
        (f"a{day:02}", True, at[2], at[5], False, True, False),
        (f"b{day:02}", True, at[1], at[2], True, False, False),
        (f"b{day:02}", True, at[2], at[4], False, False, False),
        (f"b{day:02}", False, at[4], at[9], False, True, False),
        (f"c{day:02}", True, at[1], at[3], True, True, False),
    ]


def test_a_move_between_departments_is_no_admission_and_no_end_of_the_hours_there():
    stays = of_rows([row for day in range(DAYS) for row in moves(day)]).in_one_department()
    flow = learn(stays, NOW, lambda at: datetime.fromtimestamp(at, UTC).hour)
    assert flow.admitted_share == pytest.approx(1 / 3)
    assert set(flow.waited_admitted) == {3.0} and set(flow.bands[-1].others) == {2.0, 5.0}
    assert flow.by_hour.sum() == pytest.approx(3), "who moves on has not come again"


def test_stays_that_are_open_or_of_others_are_left_as_they_are():
    rows: list[Row] = [
        ("a", True, 0.0, 1.0, True, False, False),
        ("a", True, 1.0, np.nan, False, False, False),
        ("b", True, 2.0, 3.0, True, False, False),
        ("b", False, 3.0, 4.0, False, False, False),
        ("b", True, 4.0, 5.0, False, True, True),
    ]
    found = of_rows(rows).in_one_department()
    assert list(found.visit) == ["a", "b", "b", "b"] and list(found.entered) == [0.0, 2.0, 3.0, 4.0]
    assert np.isnan(found.left[0]) and list(found.left[1:]) == [3.0, 4.0, 5.0]
    assert list(found.is_first) == [True, True, False, False] and list(found.from_bed) == [False, False, False, True]
    empty = of_rows(rows[:1])
    none = Stays(*(getattr(empty, name)[:0] for name in Stays.__dataclass_fields__)).in_one_department()
    assert none.entered.size == 0

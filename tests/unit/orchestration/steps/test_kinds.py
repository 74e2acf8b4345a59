"""What kinds of use cases share: the rows that drift compares."""

from datetime import date

import pyarrow as pa

from evaluation.drift import DriftFeature
from orchestration.steps.kinds import windows_at


def test_the_day_that_rows_are_parted_at_belongs_to_those_that_came_after() -> None:
    days = [date(2026, 3, day) for day in (1, 2, 3)]
    parted = windows_at(pa.table({"date": days}), days[1], (DriftFeature("hours", "numeric"),))
    assert parted.reference["date"].to_pylist() == days[:1]
    assert parted.current["date"].to_pylist() == days[1:]
    assert [one.name for one in parted.features] == ["hours"]

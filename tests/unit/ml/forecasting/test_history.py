import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ml.forecasting import BadHistory, NotEnoughHistory

from .conftest import FIRST, history, small_table


def changed(table, column, row, value):
    values = table[column].to_pylist()
    values[row] = value
    kind = pa.date32() if column == "date" else None
    return table.set_column(table.column_names.index(column), column, pa.array(values, kind))


@pytest.fixture
def rows():
    return small_table(days=30)


def test_a_missing_day_stays_unknown_and_a_gap_is_named_with_both_ends(rows):
    kept = [not (10 <= (day - FIRST).days < 20) for day in rows["date"].to_pylist()]
    found = history(rows.filter(pa.array(kept)))

    assert found.days == 30 and np.isnan(found.values["census"][:, 10:20]).all()
    [gap] = found.gaps()
    assert (gap.first, gap.last, gap.days) == (dt.date(2024, 1, 11), dt.date(2024, 1, 20), 10)


def test_a_day_that_one_unit_lacks_is_unknown_there_and_no_gap(rows):
    found = history(rows.slice(1))
    assert np.isnan(found.values["census"]).sum() == 1 and found.gaps() == ()


def test_the_past_holds_nothing_later(rows):
    past = history(rows).until(FIRST + dt.timedelta(days=9))
    assert past.days == 10 and past.last == dt.date(2024, 1, 10)
    with pytest.raises(NotEnoughHistory, match="begins on 2024-01-01"):
        past.until(dt.date(2023, 12, 31))


def test_hours_are_the_sum_of_the_skills_that_a_unit_ever_reports(rows):
    whole = history(rows)
    parts = sum(whole.values[name] for name in ("rn_hours", "lpn_hours", "aide_hours"))
    assert np.allclose(whole.values["nurse_hours"], parts)

    without = history(rows.set_column(6, "aide_hours", pa.nulls(rows.num_rows, pa.float64())))
    assert np.allclose(without.values["nurse_hours"], whole.values["rn_hours"] + whole.values["lpn_hours"])

    once = history(changed(rows, "aide_hours", 4, None))
    assert np.isnan(once.values["nurse_hours"]).sum() == 1


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("census", -1, "census of MED on 2024-01-05, shift day, is -1; expected 0 or more"),
        ("rn_hours", float("inf"), "is inf"),
        ("unit", None, "Row 5 of the history lacks a unit"),
        ("date", dt.date(2024, 1, 1), "MED on 2024-01-01, shift day, is given twice"),
        ("date", dt.date(1924, 1, 1), "a date is mistyped"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_name(rows, column, value, fault):
    with pytest.raises(BadHistory, match=fault):
        history(changed(rows, column, 4, value))


def test_a_missing_column_text_instead_of_numbers_and_no_row_are_refused(rows):
    with pytest.raises(BadHistory, match="no column 'rn_hours'"):
        history(rows.drop_columns(["rn_hours"]))
    with pytest.raises(BadHistory, match="holds string; expected numbers"):
        history(rows.set_column(4, "rn_hours", pa.array(["8"] * rows.num_rows)))
    with pytest.raises(NotEnoughHistory, match="nothing has landed"):
        history(rows.slice(0, 0))

"""Jumps: what two days of another meaning look like, and what is none: a bad day, a slow shift, a few odd rows."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift.comparison import CONSTANT_MOVED
from evaluation.drift.jumps import Jump, columns_judged, find_jumps, why_none_judged
from evaluation.drift.tallies import Watched
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.watch_policy import load_watch_policy

POLICY = load_watch_policy().jumps
DAYS, A_DAY, FIRST = 28, 60, date(2026, 3, 1)
BREATHS = Watched("breaths", "numeric", feed="ehr_fhir")


def jumps(values: np.ndarray, days: int = DAYS, watched: Watched = BREATHS) -> tuple[Jump, ...]:
    day = np.repeat(np.arange(days) + FIRST.toordinal() - date(1970, 1, 1).toordinal(), values.size // days)
    return find_jumps(pa.table({"breaths": values}), day, [watched], POLICY)


def breaths(days: int = DAYS, a_day: int = A_DAY) -> np.ndarray:
    """By day: the patients of a department, a little sicker on some days than on others."""
    draw = np.random.default_rng(3)
    return 18 + 0.5 * draw.standard_normal((days, 1)) + 3 * draw.standard_normal((days, a_day))


@pytest.mark.parametrize("faulty", [2, 5, 14])
def test_breaths_counted_over_half_a_minute_jump_on_the_day_it_began(faulty: int) -> None:
    values = breaths()
    values[-faulty:] /= 2
    [jump] = jumps(values.ravel())
    assert jump.since == date(2026, 3, 29 - faulty) and jump.of == "values" and jump.rows == faulty * A_DAY
    assert (jump.before, jump.after) == (pytest.approx(18, abs=0.5), pytest.approx(9, abs=0.5))
    assert jump.moved == pytest.approx(-3, abs=0.3)
    assert (
        f"breaths jumped at the whole site on 2026-03-{29 - faulty:02d}" in jump.sentence
        and "standard deviations" in jump.sentence
    )


def test_a_channel_that_falls_silent_jumps_by_what_is_missing_and_is_told_once() -> None:
    values = breaths()
    values[-3:, 20:] = np.nan
    values[-3:] += 9
    [jump] = jumps(values.ravel())
    assert (jump.of, jump.before, jump.after) == ("missing", 0.0, pytest.approx(2 / 3))
    assert "missing in 0 % of rows before and in 67 % of 180 since" in jump.sentence


def _bad_day(values: np.ndarray) -> None:
    values[-1] /= 2


def _over(values: np.ndarray) -> None:
    values[-6:-2] /= 2


def _epidemic(values: np.ndarray) -> None:
    values[-14:] += np.linspace(0.2, 2.8, 14)[:, None]


def _few_silent(values: np.ndarray) -> None:
    values[-3:, : int(0.29 * A_DAY)] = np.nan


@pytest.mark.parametrize("happened", [lambda _: None, _bad_day, _over, _epidemic, _few_silent],
                         ids=["nothing", "one bad day", "over again", "epidemic", "a few missing"])  # fmt: skip
def test_what_other_patients_or_one_bad_day_explain_is_no_jump(happened) -> None:
    values = breaths()
    happened(values)
    assert jumps(values.ravel()) == ()


def constant(value: float, odd: dict[int, int], by: float = 1.0) -> np.ndarray:
    """A column of one value, but for so many rows of some days."""
    values = np.full((DAYS, A_DAY), value)
    for day, rows in odd.items():
        values[day, :rows] += by
    return values.ravel()


@pytest.mark.parametrize(
    "odd", [{26: 1, 27: 1}, {5: 1, 26: 2, 27: 2}, {3: 1, 9: 1, 25: 2, 26: 3, 27: 2}, {26: 11, 27: 11}],
    ids=["one row a day", "two after one", "a run", "less than one in five"],
)  # fmt: skip
def test_a_few_odd_rows_in_a_column_that_hardly_varies_are_no_jump(odd: dict[int, int]) -> None:
    assert jumps(constant(0.0, odd)) == ()


def test_a_constant_jumps_once_it_is_another_or_most_of_its_rows_are() -> None:
    [whole], [most] = jumps(constant(0.1, {26: 60, 27: 60}, -0.3)), jumps(constant(0.1, {26: 36, 27: 36}))
    assert whole.moved == -CONSTANT_MOVED and (whole.before, whole.after) == (pytest.approx(0.1), pytest.approx(-0.2))
    assert most.moved == pytest.approx(np.sqrt(0.6 / 0.4))


@pytest.mark.parametrize(("rows", "is_jump"), [(11, False), (13, True)])
def test_a_share_of_rows_in_another_unit_is_a_jump_from_one_in_five_on(rows: int, is_jump: bool) -> None:
    values = breaths()
    values[-2:, :rows] += 1000
    assert bool(jumps(values.ravel())) is is_jump


def test_rounding_of_a_constant_on_days_of_different_size_is_no_jump() -> None:
    day = np.repeat(np.arange(DAYS), np.where(np.arange(DAYS) < 26, 60, 77))
    table = pa.table({"breaths": np.full(day.size, 0.1)})
    assert find_jumps(table, day, [BREATHS], POLICY) == ()


@pytest.mark.parametrize(("rows", "is_whole"), [(1, False), (11, False), (12, True)])
def test_a_day_that_has_hardly_begun_neither_hides_a_jump_nor_makes_one(rows: int, is_whole: bool) -> None:
    """A fifth of the median day's rows, here 12 of 60, is a day."""
    values, day = breaths(), np.append(np.repeat(np.arange(DAYS), A_DAY), np.full(rows, DAYS))

    def found() -> tuple[Jump, ...]:
        return find_jumps(pa.table({"breaths": np.append(values, np.full(rows, new))}), day, [BREATHS], POLICY)

    values[-1] /= 2
    new = 9.0
    assert bool(found()) is (is_whole and (A_DAY + rows) >= POLICY.fewest_rows), "one whole day is no jump"
    values[-3:-1] /= 2
    new = 18.0
    assert bool(found()) is not is_whole, "a whole day as before ends a jump"


def test_how_many_columns_can_be_judged_depends_on_days_and_rows() -> None:
    watched = [BREATHS, Watched("pulse", "numeric"), Watched("word", "categorical")]

    def judged(days: int, a_day: int) -> int:
        return columns_judged(np.repeat(np.arange(days), a_day), watched, POLICY)

    assert (judged(16, 50), judged(15, 50), judged(16, 49), judged(28, 8), judged(28, 7)) == (2, 0, 0, 2, 0)


@pytest.mark.parametrize(
    ("days", "a_day", "said"),
    [
        (28, 7, "Here came 7.0 rows on a day; within 28 days it takes more than 7.1."),
        (15, 50, "14 days before it and 100 rows on at least 2 days since, and here are 15 days with rows."),
    ],
)
def test_where_no_column_can_be_judged_a_sentence_says_what_it_would_take(days: int, a_day: int, said: str) -> None:
    assert why_none_judged(np.repeat(np.arange(days), a_day), POLICY, 28).count(said) == 1


def test_too_few_days_or_rows_or_words_say_nothing() -> None:
    values = breaths(15)
    values[-2:] /= 2
    assert jumps(values.ravel(), 15) == ()
    assert len(jumps(np.vstack([breaths(14), breaths(2) / 2]).ravel(), 16)) == 1
    few = breaths(a_day=40)
    few[-2:] /= 2
    assert jumps(few.ravel()) == ()
    assert jumps(few.ravel(), watched=Watched("breaths", "categorical")) == ()


def test_a_column_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(DriftInputError, match="pulse"):
        find_jumps(pa.table({"breaths": [1.0] * 20}), np.arange(20), [Watched("pulse", "numeric")], POLICY)

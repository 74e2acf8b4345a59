"""Jumps: what two days of another meaning look like, and all that is none: a bad day, a slow shift, a quiet channel."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift.jumps import Jump, find_jumps
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

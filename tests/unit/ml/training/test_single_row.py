"""One row through LightGBM's C API has the bits of `Booster.predict`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ml.training.single_row import SingleRow


@pytest.fixture(scope="module")
def booster(candidate):
    return candidate.model.outcomes["critical_care"].booster


@pytest.fixture(scope="module")
def rows(booster):
    drawn = np.random.default_rng(20261128)
    found = drawn.normal(80, 60, (200, booster.num_feature()))
    found[drawn.random(found.shape) < 0.3] = np.nan
    return found


@pytest.mark.parametrize(("kind", "asked"), [("raw", "raw_score"), ("contributions", "pred_contrib")])
def test_each_row_has_the_bits_of_the_whole_table_from_any_thread(booster, rows, kind, asked):
    expected = booster.predict(rows, num_threads=1, **{asked: True}).reshape(len(rows), -1)
    single = getattr(SingleRow, kind)(booster)
    with ThreadPoolExecutor(4) as threads:
        found = np.stack(list(threads.map(single, np.split(rows, len(rows)))))
    assert np.array_equal(found, expected)
    assert len(np.unique(expected[:, 0])) > 1


def test_another_shape_or_kind_of_number_is_refused(booster, rows):
    single = SingleRow.raw(booster)
    for wrong in (rows[:2], rows[:1, 1:], rows[0], rows[:1].astype(np.float32)):
        with pytest.raises(ValueError, match="one row of"):
            single(wrong)


def test_a_row_that_does_not_lie_in_one_piece_is_read_right(booster, rows):
    spread = np.repeat(rows[:1], 2, axis=1)[:, ::2]
    assert not spread.flags.c_contiguous
    assert SingleRow.raw(booster)(spread) == SingleRow.raw(booster)(rows[:1])


def test_what_lightgbm_refuses_is_raised_with_its_words(booster, monkeypatch):
    monkeypatch.setattr("ml.training.single_row.SETTINGS", b"num_threads=many")
    with pytest.raises(RuntimeError, match=r"LightGBM: .*many"):
        SingleRow.raw(booster)

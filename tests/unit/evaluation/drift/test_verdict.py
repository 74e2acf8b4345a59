"""Verdicts: what is flagged, what is not, when we refuse to judge, and how often we cry wolf."""

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift import DriftFeature, DriftInputError
from evaluation.drift.verdict import MIN_ROWS, judge

HEART = DriftFeature("heart_rate", "numeric")
SEX = DriftFeature("sex", "categorical")
AMBULANCE = DriftFeature("arrived_by_ambulance", "boolean")


def window(seed, n=1000, shift=0.0, spread=1.0, missing=0.0, ambulance=0.2):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "heart_rate": pa.array(rng.normal(80 + 20 * shift, 20 * spread, n), mask=rng.random(n) < missing),
            "sex": pa.array(rng.choice(["female", "male"], n)),
            "arrived_by_ambulance": pa.array(rng.random(n) < ambulance),
        }
    )


def verdict(old, new, feature=HEART):
    return judge(old, new, [feature])[0].verdict


def test_identical_windows_are_stable():
    assert {d.verdict for d in judge(window(1), window(1), [HEART, SEX, AMBULANCE])} == {"stable"}


def test_a_shift_of_three_tenths_is_flagged_and_one_of_a_twentieth_is_not():
    assert verdict(window(1), window(2, shift=0.3)) == "drifted"
    assert verdict(window(1, n=20_000), window(2, n=20_000, shift=0.05)) == "stable"


def test_a_change_of_spread_that_leaves_the_mean_is_flagged():
    drift = judge(window(1), window(2, spread=2.0), [HEART])[0]
    assert drift.values.effect < 0.2
    assert drift.verdict == "drifted"


def test_a_change_of_a_share_is_flagged():
    assert verdict(window(1), window(2, ambulance=0.35), AMBULANCE) == "drifted"
    assert verdict(window(1), window(2, ambulance=0.2), AMBULANCE) == "stable"


def test_values_that_stop_coming_are_flagged_though_the_rest_is_alike():
    drift = judge(window(1), window(2, missing=0.3), [HEART])[0]
    assert drift.verdict == "drifted"
    assert drift.values_p > 0.05 > drift.missing_p


def test_a_column_that_vanishes_is_flagged_and_not_excused_for_too_few_rows():
    gone = window(2).set_column(0, "heart_rate", pa.nulls(1000, pa.float64()))
    drift = judge(window(1), gone, [HEART])[0]
    assert drift.values is None
    assert drift.verdict == "drifted"


@pytest.mark.parametrize(("n", "expected"), [(MIN_ROWS, "drifted"), (MIN_ROWS - 1, "too few rows")])
def test_two_hundred_rows_are_judged_and_one_fewer_is_not(n, expected):
    assert verdict(window(1), window(2, n=n, shift=1.0)) == expected
    assert verdict(window(1, n=n), window(2, shift=1.0)) == expected


def test_an_empty_window_is_not_judged():
    assert verdict(window(1), window(2).slice(0, 0)) == "too few rows"


def test_null_and_nan_are_missing_alike():
    values = [80.0] * 500 + [None] * 250 + [float("nan")] * 250
    drift = judge(window(1), pa.table({"heart_rate": pa.array(values)}), [HEART])[0]
    assert (drift.current_n, drift.current_missing) == (500, 0.5)


def test_a_column_that_is_not_there_or_holds_no_numbers_is_refused():
    with pytest.raises(DriftInputError, match="column heart_rate is not among"):
        judge(window(1), window(2).drop_columns(["heart_rate"]), [HEART])
    with pytest.raises(DriftInputError, match="column sex is string; expected numbers"):
        judge(window(1), window(2), [DriftFeature("sex", "numeric")])


def test_false_alarms_are_rare_over_many_windows_without_drift():
    """40 pairs of windows from one distribution, 20 features each, at the smallest sample we judge."""
    features = [DriftFeature(f"f{i}", "numeric" if i % 2 else "boolean") for i in range(20)]

    def drawn(rng):
        columns = {
            f.name: rng.normal(size=MIN_ROWS) if f.kind == "numeric" else rng.random(MIN_ROWS) < 0.1 for f in features
        }
        return pa.table(columns)

    rng = np.random.default_rng(5)
    alarms = [any(d.verdict == "drifted" for d in judge(drawn(rng), drawn(rng), features)) for _ in range(40)]
    assert sum(alarms) <= 5  # expected 2 at a false discovery rate of 0.05; more than 5 has probability 0.01

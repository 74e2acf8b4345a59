"""UCUM conversions of vital signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.units import CELSIUS, MILLIMETRES_OF_MERCURY, PER_MINUTE, PERCENT, SCORE, convert

TABLES = [CELSIUS, MILLIMETRES_OF_MERCURY, PER_MINUTE, PERCENT, SCORE]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(212.0, "[degF]", 100.0), (32.0, "[degF]", 0.0), (273.15, "K", 0.0), (-40.0, "[degF]", -40.0)],
)
def test_fixed_points_of_temperature(value: float, unit: str, expected: float) -> None:
    assert convert(value, unit, CELSIUS) == pytest.approx(expected)


def test_a_rate_per_second_and_a_fraction_are_converted() -> None:
    assert [convert(1.5, unit, PER_MINUTE) for unit in ("/s", "1/s", "/min", "1/min")] == [90.0, 90.0, 1.5, 1.5]
    assert [convert(0.97, unit, PERCENT) for unit in ("1", "%")] == [97.0, 0.97]


@given(unit=st.text(max_size=12), value=st.floats(allow_nan=False, allow_infinity=False))
def test_an_unlisted_unit_converts_to_nothing(unit: str, value: float) -> None:
    for table in TABLES[:-1]:
        if unit not in table and "{" not in unit:
            assert convert(value, unit, table) is None


def test_a_missing_unit_converts_to_nothing_except_for_a_score() -> None:
    assert [convert(5.0, None, table) for table in TABLES] == [None, None, None, None, 5.0]


def test_an_annotation_carries_no_meaning() -> None:
    assert convert(60.0, "{beats}/min", PER_MINUTE) == 60.0
    assert convert(1.0, "{beats}/s", PER_MINUTE) == 60.0
    assert convert(60.0, "{beats}", PER_MINUTE) is None
    assert convert(97.0, "%{oxygen}", PERCENT) == 97.0
    assert convert(4.0, "{score}", SCORE) == 4.0

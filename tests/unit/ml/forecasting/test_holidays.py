import datetime as dt

import pytest

from ml.forecasting.holidays import KINDS, easter, holidays


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (dt.date(2023, 1, 16), "king"),
        (dt.date(2023, 5, 29), "memorial"),
        (dt.date(2021, 5, 31), "memorial"),
        (dt.date(2022, 9, 5), "labor"),
        (dt.date(2018, 11, 22), "thanksgiving"),
        (dt.date(2018, 11, 23), "after_thanksgiving"),
    ],
)
def test_moving_holidays_of_the_united_states_fall_where_the_calendar_had_them(day, kind):
    assert holidays("US", day.year)[day] == kind


def test_juneteenth_is_a_holiday_from_2021_on():
    assert dt.date(2021, 6, 19) in holidays("US", 2021)
    assert dt.date(2020, 6, 19) not in holidays("US", 2020)


def test_easter_falls_where_it_was():
    assert [easter(year) for year in (2016, 2019, 2024, 2025)] == [
        dt.date(2016, 3, 27),
        dt.date(2019, 4, 21),
        dt.date(2024, 3, 31),
        dt.date(2025, 4, 20),
    ]


@pytest.mark.parametrize("region", ["US", "EU"])
def test_every_kind_of_a_region_occurs_each_year_once(region):
    assert sorted(holidays(region, 2023).values()) == sorted(KINDS[region])


def test_a_region_without_rules_has_no_holidays():
    assert not holidays("JP", 2023)

"""The macros by which instants become days and days instants, each on its own in DuckDB, against Python's calendar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.dbt_project.macros_of import rendered

ZONES = {
    "london": "Europe/London", "newyork": "America/New_York", "auckland": "Pacific/Auckland",
    "havana": "America/Havana",
    "utc": "UTC",
}  # fmt: skip
SITES = [*ZONES, "nozone"]
DAYS = st.dates(date(1900, 1, 1), date(2150, 1, 1))
INSTANTS = st.datetimes(datetime(1900, 1, 2), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds)


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def asked(db: duckdb.DuckDBPyConnection, template: str, site: str | None, value: object, kind: str) -> object:
    sql = rendered(template, timezones=ZONES)
    row = db.execute(f"select {sql} from (select ?::varchar as site, ?::{kind} as told)", [site, value]).fetchone()
    assert row is not None
    return row[0]


@settings(deadline=None)
@given(instant=INSTANTS, site=st.sampled_from(SITES))
def test_a_local_date_is_the_day_on_the_sites_calendar(db, instant: datetime, site: str) -> None:
    zone = ZoneInfo(ZONES.get(site, "UTC"))
    found = asked(db, "{{ local_date('site', 'told') }}", site, instant, "timestamptz")
    assert found == instant.astimezone(zone).date()


@settings(deadline=None)
@given(day=DAYS, site=st.sampled_from(SITES))
def test_a_day_is_read_as_a_midnight_whose_local_date_it_is_and_which_tells_no_clock(db, day: date, site: str) -> None:
    first = "{{ midnight('site', 'told') }}"
    sql = rendered("{{ local_date('site', 'at_midnight') }}, {{ has_clock('site', 'at_midnight') }}", timezones=ZONES)
    within = f"select site, {rendered(first, timezones=ZONES)} as at_midnight from (select ? as site, ?::date as told)"
    found, has_clock = db.execute(f"select {sql} from ({within})", [site, day]).fetchall()[0]
    assert (found, has_clock) == (day, False)


def test_where_clocks_skip_midnight_the_first_instant_is_a_day_and_the_next_minute_has_a_clock(db) -> None:
    first = datetime(2024, 3, 10, 1, tzinfo=ZoneInfo("America/Havana"))
    for at, has_clock in ((first, False), (first + timedelta(minutes=1), True)):
        assert asked(db, "{{ has_clock('site', 'told') }}", "havana", at, "timestamptz") is has_clock


@pytest.mark.parametrize("macro", ["local_date", "local_time", "midnight", "start_of_day"])
def test_without_a_site_there_is_no_day(db, macro: str) -> None:
    kind = "date" if macro == "midnight" else "timestamptz"
    assert asked(db, "{{ " + macro + "('site', 'told') }}", None, date(2026, 7, 14), kind) is None


def test_an_evening_in_new_york_and_a_night_in_londons_summer_are_of_their_own_day(db) -> None:
    evening = datetime(2026, 7, 14, 21, tzinfo=ZoneInfo("America/New_York"))
    night = datetime(2026, 7, 14, 0, 30, tzinfo=ZoneInfo("Europe/London"))
    for site, at in (("newyork", evening), ("london", night)):
        assert at.astimezone(UTC).date() != date(2026, 7, 14)
        assert asked(db, "{{ local_date('site', 'told') }}", site, at, "timestamptz") == date(2026, 7, 14)


@settings(deadline=None)
@given(instant=INSTANTS, site=st.sampled_from(SITES))
def test_a_day_starts_at_its_first_instant(db, instant: datetime, site: str) -> None:
    start = asked(db, "{{ start_of_day('site', 'told') }}", site, instant, "timestamptz")
    assert isinstance(start, datetime)
    zone = ZoneInfo(ZONES.get(site, "UTC"))
    assert start <= instant and start.astimezone(zone).date() == instant.astimezone(zone).date()
    assert instant - start <= timedelta(hours=25)


def test_a_zone_is_named_once_however_many_sites_have_it() -> None:
    same = dict.fromkeys(["a", "b", "c"], "Europe/London")
    sql = rendered("{{ local_date('site', 'told') }}", timezones=same)
    assert sql.count("'Europe/London'") == 1 and "site in ('a', 'b', 'c')" in sql

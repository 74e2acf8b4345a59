"""The macros for HL7 times, against Python's own calendar and time zones."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.contracts import sql

FORMS = {
    "%Y": {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0},
    "%Y%m": {"day": 1, "hour": 0, "minute": 0, "second": 0},
    "%Y%m%d": {"hour": 0, "minute": 0, "second": 0},
    "%Y%m%d%H": {"minute": 0, "second": 0},
    "%Y%m%d%H%M": {"second": 0},
    "%Y%m%d%H%M%S": {},
}
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Australia/Lord_Howe"]

LOCAL = st.datetimes(
    datetime(1900, 1, 2, tzinfo=UTC).replace(tzinfo=None), datetime(2150, 1, 1, tzinfo=UTC).replace(tzinfo=None)
).map(lambda t: t.replace(microsecond=0))


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        sql.install(connection, b"k", "Europe/Berlin")
        yield connection


def read(db: duckdb.DuckDBPyConnection, macro: str, text: str | None) -> object:
    found = db.execute(f"select {macro}(?)", [text]).fetchone()
    assert found is not None
    return found[0]


def instant(db: duckdb.DuckDBPyConnection, text: str | None, zone: str = "Europe/Berlin") -> datetime | None:
    db.execute("set variable site_zone = ?", [zone])
    found = read(db, "hl7_instant", text)
    assert found is None or isinstance(found, datetime)
    return found and found.astimezone(UTC)


@settings(deadline=None)
@given(
    local=LOCAL,
    form=st.sampled_from(list(FORMS)),
    zone=st.sampled_from(ZONES),
)
def test_a_time_without_a_zone_is_the_sites_at_any_precision(db, local: datetime, form: str, zone: str) -> None:
    meant = local.replace(**FORMS[form], tzinfo=ZoneInfo(zone))
    made = instant(db, local.strftime(form), zone)
    assert made in {meant.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}  # told twice, or never, that night
    assert read(db, "hl7_date", local.strftime(form)) == meant.date()


@settings(deadline=None)
@given(
    local=LOCAL,
    form=st.sampled_from(list(FORMS)),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_a_time_with_a_zone_is_read_in_it_and_a_day_with_one_is_the_sites(
    db, local: datetime, form: str, minutes: int
) -> None:
    zone = timezone(timedelta(minutes=minutes))
    meant = local.replace(**FORMS[form], tzinfo=zone)
    sent = meant.strftime(form + "%z")
    if "%H" in form:
        assert instant(db, sent) == meant
    else:  # a day without a clock is the site's, whatever zone stands beside it
        assert instant(db, sent) == instant(db, meant.strftime(form))
    assert read(db, "hl7_date", sent) == meant.date()


@pytest.mark.parametrize(
    ("fraction", "microseconds"), [(".1", 100_000), (".12", 120_000), (".1234", 123_400), (".123456", 123_456)]
)
@pytest.mark.parametrize("zone", ["", "+0100"])
def test_fractions_of_a_second_are_kept(db, fraction: str, microseconds: int, zone: str) -> None:
    assert instant(db, f"20260228101500{fraction}{zone}") == datetime(2026, 2, 28, 9, 15, 0, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("20260329015959", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("20260329023000", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("20260329030000", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("20261025015959", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("20261025023000", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("20261025030000", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
    ],
)
def test_a_skipped_hour_is_read_as_before_the_change_and_a_repeated_one_as_the_later(db, local, expected) -> None:
    assert instant(db, local) == expected


NO_TIMES = [
    None, "", " ", "0", "202", "20261", "2026022", "20260230", "20261301", "20260001", "2026022824", "202602281060",
    "20260228101560", "20260228101500.", "20260228101500.1234567", "202602281015.5", "20260228101500Z",
    "20260228101500+1401", "20260228101500+0060", "20260228101500+01", "2026-02-28", "20260228 1015", "00000000",
    "99991231", "noon", "٢٠٢٦",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_none(db, text: str | None) -> None:
    assert instant(db, text) is None


@settings(deadline=None)
@given(st.text("0123456789+-.Z ", max_size=24))
def test_no_text_raises(db, text: str) -> None:
    instant(db, text)
    read(db, "hl7_date", text)


def test_a_date_has_the_day_that_was_written_whatever_its_zone(db) -> None:
    assert read(db, "hl7_date", "20260228235900-0500") == date(2026, 2, 28)
    assert read(db, "hl7_date", "20260230") is None


@pytest.mark.parametrize(("text", "kept"), [("x" * 64, "x" * 64), ("x" * 65, None), (None, None)])
def test_a_code_is_no_longer_than_64_characters(db, text: str | None, kept: str | None) -> None:
    assert read(db, "hl7_code", text) == kept

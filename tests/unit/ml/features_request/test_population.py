"""Who may be scored: an adult, alive, in an emergency visit whose arrival is known."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_homes import ARRIVED, NOW, VOCABULARY, prefetch

from ml.features.population import EARLIEST_BIRTH, MAX_AGE_YEARS, MAX_CLOCK_SKEW, MAX_SINCE_ARRIVAL, age_at
from ml.features.request import RequestFeatures, features_from_request
from ml.usecases import load_use_case

NEW_YORK = ZoneInfo("America/New_York")
USE_CASE = load_use_case("triage")
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def read(sent: object, now: datetime = NOW) -> RequestFeatures:
    return features_from_request(USE_CASE, sent, VOCABULARY, now, NEW_YORK)


def changed(key: str, **members: Any) -> dict[str, Any]:
    sent = prefetch()
    return {**sent, key: {**sent[key], **members}}


def started(start: object) -> dict[str, Any]:
    return changed("encounter", period={"start": start})


@pytest.mark.parametrize(
    "sent",
    [
        changed("encounter", period=None),
        changed("encounter", period={}),
        changed("encounter", period={"end": NOW.isoformat()}),
        changed("encounter", period="2026-03-02T11:20:00Z"),
        started(None),
        started(""),
        started(5),
        started([]),
        started("2026-03-02T11:20:00"),
        started("2026-02-30T11:20:00Z"),
        started("02.03.2026 11:20"),
        started("2026-03-02T11:20:00Z" + "0" * 30),
    ],
)
def test_without_a_usable_start_nothing_is_known_and_nothing_is_scored(sent: dict[str, Any]) -> None:
    found = read(sent)
    assert (found.eligible, found.ineligible_reason) == (False, "arrival time not known")
    assert (found.arrived_at, found.triaged_at) == (None, None)
    assert set(found.values.values()) == {None}
    assert found.unit == "ED"


@pytest.mark.parametrize(
    ("since", "reason"),
    [
        (-MAX_CLOCK_SKEW, None),
        (-MAX_CLOCK_SKEW - TICK, "arrival time lies in the future"),
        (MAX_SINCE_ARRIVAL, None),
        (MAX_SINCE_ARRIVAL + TICK, "arrival time lies too long ago"),
    ],
)
def test_an_arrival_is_possible_up_to_its_bounds(since: timedelta, reason: str | None) -> None:
    found = read(prefetch(), ARRIVED + since)
    assert found.ineligible_reason == reason
    assert (found.arrived_at is None) == (reason is not None)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("0001-01-01T00:00:00Z", "arrival time lies too long ago"),
        ("0001-01-01T00:00:00+14:00", "arrival time lies too long ago"),
        ("0001-01-01", "arrival time lies too long ago"),
        ("9999-12-31T23:59:59Z", "arrival time lies in the future"),
        ("9999-12-31T23:59:59.999999-14:00", "arrival time lies in the future"),
        ("9999", "arrival time lies in the future"),
        ("0000-01-01T00:00:00Z", "arrival time not known"),
    ],
)
def test_the_ends_of_the_calendar_are_no_arrival(start: str, reason: str) -> None:
    assert read(started(start)).ineligible_reason == reason


@given(at=st.datetimes(), minutes=st.integers(-14 * 60, 14 * 60))
def test_any_start_with_any_offset_is_read(at: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    found = read(started(f"{at:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + offset))
    assert found.eligible == (found.ineligible_reason is None)


@pytest.mark.parametrize(
    ("born", "reason"),
    [
        ("2008-03-02", None),
        ("2008-03-03", "under 18"),
        ("2008", None),
        ("2008-04", "under 18"),
        ("2026-03-03", "age not known"),
        ("2999", "age not known"),
        ("1905-03-03", None),
        ("1905-03-02", "age not known"),
        ("1874-12-31", "age not known"),
        ("0001-01-01", "age not known"),
        (None, "age not known"),
        ("02.03.1950", "age not known"),
    ],
)
def test_only_adults_are_eligible_to_the_day(born: str | None, reason: str | None) -> None:
    found = read(changed("patient", birthDate=born))
    assert (found.eligible, found.ineligible_reason) == (reason is None, reason)
    assert (found.values["age_years"] is None) == (reason == "age not known")


def test_nobody_is_older_than_the_use_case_says_or_born_before_the_contract_does() -> None:
    assert {feature.name: feature.maximum for feature in USE_CASE.features}["age_years"] == MAX_AGE_YEARS
    born = EARLIEST_BIRTH
    assert age_at(date(1990, 1, 1), {"birthDate": born.isoformat()}) == 115
    assert age_at(date(1990, 1, 1), {"birthDate": (born - timedelta(days=1)).isoformat()}) is None


def test_the_birthday_is_that_of_the_site_s_day() -> None:
    sent = changed("patient", birthDate="2008-03-02")
    sent["encounter"] = {**sent["encounter"], "period": {"start": "2026-03-02T04:59:59Z"}}
    assert read(sent).ineligible_reason == "under 18"
    sent["encounter"] = {**sent["encounter"], "period": {"start": "2026-03-02T05:00:00Z"}}
    assert read(sent).eligible


@pytest.mark.parametrize(
    ("died", "reason"),
    [
        (ARRIVED.isoformat(), "dead on arrival"),
        ("2026-03-01", "dead on arrival"),
        ("0001-01-01T00:00:00+14:00", "dead on arrival"),
        ((ARRIVED + TICK).isoformat(), "recorded as deceased"),
        ("2026-03-02", "recorded as deceased"),
        ("2026-03-02T00:00:00-05:00", "recorded as deceased"),  # midnight in New York: how a day is landed there
        ("2026-03-02T00:00:00Z", "dead on arrival"),  # seven in the evening of the day before
        (NOW.isoformat(), "recorded as deceased"),
        ((NOW + TICK).isoformat(), None),
        ("2026-03-03", None),
        ("last night", "recorded as deceased"),
        (None, None),
    ],
)
def test_a_death_that_is_known_when_the_request_is_made_is_a_reason_against_a_score(
    died: object, reason: str | None
) -> None:
    assert read(changed("patient", deceasedDateTime=died)).ineligible_reason == reason


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"deceasedBoolean": True}, "recorded as deceased"),
        ({"deceasedBoolean": True, "meta": {"lastUpdated": "2026-03-02T04:59:59Z"}}, "dead on arrival"),
        ({"deceasedBoolean": True, "meta": {"lastUpdated": "2026-03-02T05:00:01Z"}}, "recorded as deceased"),
        ({"deceasedBoolean": False}, None),
        ({"deceasedBoolean": None}, None),
        ({"meta": {"lastUpdated": "2026-03-01T23:59:59Z"}}, None),
    ],
)
def test_a_death_without_a_date_is_as_old_as_the_record_of_it(members: dict[str, Any], reason: str | None) -> None:
    assert read(changed("patient", **members)).ineligible_reason == reason


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"class": {"code": "AMB"}}, "no emergency visit"),
        ({"class": None}, "no emergency visit"),
        ({"class": None, "period": None}, "no emergency visit"),
        ({"class": {"code": "IMP"}, "hospitalization": {"admitSource": {"coding": [{"code": "emd"}]}}}, None),
    ],
)
def test_only_emergency_visits_are_eligible(members: dict[str, Any], reason: str | None) -> None:
    assert read(changed("encounter", **members)).ineligible_reason == reason


def test_a_later_request_about_the_same_visit_reads_the_same() -> None:
    assert read(prefetch(), NOW + timedelta(days=2)).values.keys() == read(prefetch()).values.keys()
    assert read(SENT, NOW + timedelta(days=2)).values == read(SENT).values


SENT = prefetch()

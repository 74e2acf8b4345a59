"""Records by day and filled fields by visit, as they are counted in the lake."""

import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest

from evaluation.drift.semantic_policy import WatchedFeed
from orchestration.contracts import load_contracts
from orchestration.settings import Settings
from orchestration.steps.meanings.flows import WholeDays, fillings_of, volumes_of
from tests.unit.orchestration.steps.meanings.test_meaning import AFTER, BEFORE, POLICY, SEEN, put

READINGS = """
    select 'o' || {day} || '-' || range as _key, 'e' || (range // 4) as encounter_key, false as _is_deleted,
        case when range % 2 = 0 then 'final' end as status, 'vital-signs' as category_code, '' as value_text,
        [range] as components, range % 4 = 0 as is_first
    from range({rows})
"""
ENCOUNTERS = """
    select 'e' || range as _key, 'e' || range as encounter_key, false as _is_deleted, 'EMER' as class_code,
        case when range % 2 = 0 then 'finished' else 'arrived' end as status,
        case when range % 4 = 0 then 'exp' when range % 2 = 0 then 'home' end as discharge_disposition_code
    from range({rows})
"""
FHIR = POLICY.feeds["ehr_fhir"]
TABLES = {"fhir_observation": FHIR.tables["fhir_observation"], "fhir_encounter": FHIR.tables["fhir_encounter"]}


@pytest.fixture
def three_days(settings: Settings) -> tuple[WatchedFeed, WholeDays]:
    """Two days before and one after, and the newest one, of which only a part is there."""
    for n, day in enumerate((BEFORE, BEFORE + timedelta(days=1), AFTER, AFTER + timedelta(days=1))):
        put(settings, "fhir_observation", day, READINGS.format(day=n, rows=8 if n == 3 else 40))
        put(settings, "fhir_encounter", day, ENCOUNTERS.format(rows=2 if n == 3 else 20))
    watched = WatchedFeed(tables=TABLES)
    return watched, WholeDays.of(settings, "city", watched, SEEN)


def test_records_are_counted_by_day_alone_apart_and_for_each_visit_without_the_newest_day(
    settings: Settings, three_days: tuple[WatchedFeed, WholeDays]
) -> None:
    watched, days = three_days
    assert days.days == (BEFORE, BEFORE + timedelta(days=1), AFTER)
    assert days.is_after.tolist() == [False, False, True]
    found = {(one.table, one.item, one.per): one for one in volumes_of(settings, "city", watched, days)}
    assert found["fhir_observation", "", ""].counts.tolist() == [40, 40, 40]
    assert found["fhir_observation", "vital-signs", ""].counts.tolist() == [40, 40, 40]
    assert found["fhir_observation", "", "fhir_encounter"].visits.tolist() == [20, 0, 0]


def test_a_record_that_comes_again_counts_on_its_first_day(
    settings: Settings, three_days: tuple[WatchedFeed, WholeDays]
) -> None:
    watched, days = three_days
    found = {(one.table, one.item, one.per): one for one in volumes_of(settings, "city", watched, days)}
    assert found["fhir_encounter", "", ""].counts.tolist() == [20, 0, 0]


@pytest.mark.parametrize("between", [(), (AFTER - timedelta(days=9),)])
def test_visits_that_are_sent_again_for_a_correction_are_no_more_visits(
    settings: Settings, between: tuple[date, ...]
) -> None:
    """All of the visits so far come again with twenty new ones: also those of days between the windows."""
    came = (BEFORE, BEFORE + timedelta(days=1), *between, AFTER, AFTER + timedelta(days=1))
    for n, day in enumerate(came):
        first = 0 if day == AFTER else 20 * n
        put(settings, "fhir_encounter", day, ENCOUNTERS.format(rows=f"{first}, {20 * n + 20}"))
        put(settings, "fhir_observation", day, READINGS.format(day=n, rows=40))
    watched = WatchedFeed(tables=TABLES)
    windows = replace(SEEN, before_until=BEFORE + timedelta(days=1))
    days = WholeDays.of(settings, "city", watched, windows)
    assert days.days == (*came[:2], AFTER)
    found = {(one.table, one.item, one.per): one for one in volumes_of(settings, "city", watched, days)}
    held = found["fhir_observation", "", "fhir_encounter"]
    assert held.counts.tolist() == [40, 40, 40] and held.visits.tolist() == [20, 20, 20]


def test_what_was_known_before_the_windows_is_no_new_record(
    settings: Settings, three_days: tuple[WatchedFeed, WholeDays]
) -> None:
    watched, days = three_days
    put(settings, "fhir_encounter", BEFORE - timedelta(days=1), ENCOUNTERS.format(rows=15))
    found = {(one.table, one.item): one for one in volumes_of(settings, "city", watched, days) if not one.per}
    assert found["fhir_encounter", ""].counts.tolist() == [5, 0, 0]
    held = {one.per: one for one in volumes_of(settings, "city", watched, days)}
    assert held["fhir_encounter"].visits.tolist() == [5, 0, 0]


def test_a_table_of_which_nothing_came_on_a_day_of_its_feed_counts_nothing_there(
    settings: Settings, three_days: tuple[WatchedFeed, WholeDays]
) -> None:
    watched, days = three_days
    shutil.rmtree(settings.lake / "fhir_observation" / "site=city" / f"day={AFTER}")
    found = {(one.table, one.item, one.per): one for one in volumes_of(settings, "city", watched, days)}
    assert found["fhir_observation", "", "fhir_encounter"].counts.tolist() == [40, 40, 0]


def test_visits_are_counted_in_which_a_field_is_filled_and_an_outcome_came_about(
    settings: Settings, three_days: tuple[WatchedFeed, WholeDays]
) -> None:
    watched, days = three_days
    found = {
        (one.column, one.outcome): (one.filled.tolist(), one.visits.tolist())
        for table, item in watched.tables.items()
        for one in fillings_of(settings, "city", table, item, days)
    }
    ten = [10.0] * 3
    assert found["category_code", ""] == found["components", ""] == found["is_first", ""] == (ten, ten)
    assert found["value_text", ""] == ([0.0] * 3, ten)
    assert ("encounter_key", "") not in found and ("day", "") not in found
    assert found["discharge_disposition_code", ""] == (ten, [20.0] * 3)
    assert found["discharge_disposition_code", "disposition"] == (ten, ten)
    assert found["discharge_disposition_code", "death"] == ([5.0] * 3, ten)


def test_what_is_counted_apart_and_what_became_of_visits_are_columns_of_the_lake() -> None:
    tables = {item.table: {p.name for p in item.columns} for one in load_contracts().values() for item in one.objects}
    for feed in POLICY.feeds.values():
        for table, one in feed.tables.items():
            named = {one.volume.by} if one.volume and one.volume.by else set[str]()
            for outcome in one.outcomes:
                named |= {outcome.column, *outcome.among}
            assert named <= tables[table], table

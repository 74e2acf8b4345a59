"""Every date that OMOP tells is the day on the calendar of the site, from the bytes of four feeds, in four zones.

A time counts by the day that the site's clock showed, wherever it was written; a day without a clock is that day
(decision record 0061).
"""

from collections.abc import Iterator
from datetime import date

import pytest

from orchestration.feeds import land
from tests.dbt_builds import run_dbt, told
from tests.integration.tables.conftest import Ask, asking
from tests.integration.tables.dated_feeds import ARRIVED, SITES, ZONES, fhir_readings, hl7_readings, write_feeds

pytestmark = pytest.mark.xdist_group("local dates")

KEY = b"k" * 32
FEED_OF = {
    "Patient.ndjson": "ehr_fhir",
    "messages.hl7": "hl7v2",
    "claims.x12": "x12_837",
    "patients.csv": "synthea_csv",
}
STAY = (date(2026, 7, 14), date(2026, 7, 16))


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    home = tmp_path_factory.mktemp("dates")
    for site in SITES:
        files = write_feeds(home / "drops" / site, site)
        receipts = land(
            files, site=site, feed=None, home=home, key=KEY, arrived_at=ARRIVED, zone=ZONES.get(site, "UTC")
        )
        assert {one.file: one.reasons for one in receipts if one.quarantined} == {}
        assert {one.feed for one in receipts} == set(FEED_OF.values())
    (home / "warehouse").mkdir()
    chosen = ["--select", "+path:models/omop", "--exclude-resource-type", "test", "unit_test"]
    built = run_dbt(home / "warehouse", told(home / "lake", timezones=ZONES), "build", *chosen)
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "warehouse" / "warehouse.duckdb")


def of_site(ask: Ask, table: str, columns: str, site: str, feed: str) -> list[tuple[object, ...]]:
    """Rows of a table of OMOP of the persons whom one feed of one site tells."""
    whose = f"select person_id from intermediate.int_visit where site = '{site}' and feed = '{feed}'"
    return ask(f"select distinct {columns} from omop.{table} where person_id in ({whose}) order by all")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("readings", [fhir_readings, hl7_readings], ids=["fhir", "hl7v2"])
def test_a_reading_is_of_the_day_on_the_sites_calendar(ask: Ask, site: str, readings) -> None:
    whose = f"select person_id from intermediate.int_person where site = '{site}'"
    found = dict(
        ask(f"select cast(value_as_number as int), measurement_date from omop.measurement where person_id in ({whose})")
    )
    wrong = {
        one.written: (found.get(one.number), one.day) for one in readings(site) if found.get(one.number) != one.day
    }
    assert wrong == {}


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("feed", ["ehr_fhir", "hl7v2", "x12_837", "synthea_csv"])
def test_a_stay_begins_and_ends_on_the_sites_days(ask: Ask, site: str, feed: str) -> None:
    assert of_site(ask, "visit_occurrence", "visit_start_date, visit_end_date", site, feed) == [STAY]


@pytest.mark.parametrize("site", SITES)
def test_a_day_without_a_clock_stays_that_day_in_every_table(ask: Ask, site: str) -> None:
    def told_of(table: str, columns: str, feed: str = "ehr_fhir") -> list[tuple[object, ...]]:
        return of_site(ask, table, columns, site, feed)

    span = (date(2026, 7, 14), date(2026, 11, 1))
    assert told_of("condition_occurrence", "condition_start_date, condition_end_date") == [span]
    assert told_of("condition_occurrence", "condition_start_date, condition_end_date", "synthea_csv") == [span]
    assert told_of("condition_occurrence", "condition_start_date", "hl7v2") == [(STAY[0],)]
    assert told_of("procedure_occurrence", "procedure_date, procedure_end_date") == [(date(2026, 3, 29), STAY[0])]
    assert told_of("procedure_occurrence", "procedure_date", "x12_837") == [(date(2026, 7, 15),)]
    cover = "payer_plan_period_start_date, payer_plan_period_end_date"
    assert told_of("payer_plan_period", cover) == [(date(2026, 1, 1), date(2026, 11, 30))]
    assert told_of("payer_plan_period", cover, "x12_837") == [STAY]
    for feed, died in (("ehr_fhir", span[1]), ("hl7v2", date(2026, 7, 20)), ("synthea_csv", date(2026, 7, 20))):
        assert told_of("death", "death_date, death_datetime", feed) == [(died, None)]
        assert told_of("person", "year_of_birth, month_of_birth, day_of_birth", feed) == [(1960, 7, 14)]


def test_a_datetime_is_the_instant_in_utc_and_its_day_at_the_site_is_the_date(ask: Ask) -> None:
    for site in SITES:
        rows = of_site(ask, "visit_occurrence", "visit_start_date, visit_start_datetime", site, "ehr_fhir")
        zone = ZONES.get(site, "UTC")
        [(day, same)] = ask(
            f"select date '{rows[0][0]}', cast(timezone('{zone}', timezone('UTC', timestamp '{rows[0][1]}')) as date)"
        )
        assert day == same


def test_what_is_made_of_dates_holds_no_day_that_nothing_happened_on(ask: Ask) -> None:
    outside = ask(
        "select count(*) from omop.measurement as m inner join omop.observation_period as p using (person_id) "
        "where m.measurement_date not between p.observation_period_start_date and p.observation_period_end_date"
    )
    assert outside == [(0,)]
    assert ask("select count(*) from omop.visit_occurrence where visit_end_date < visit_start_date") == [(0,)]
    assert ask("select max(source_release_date) from omop.cdm_source") == [(date(2026, 12, 2),)]  # in Auckland

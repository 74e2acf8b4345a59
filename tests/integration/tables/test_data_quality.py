"""Every check type of the Data Quality Dashboard can fail: one fault of each kind planted in a copy of good tables."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.tables.conftest import Ask, build

pytestmark = pytest.mark.xdist_group("tables")

A_DRUG = "(select min(drug_exposure_id) from omop.drug_exposure)"
A_CONDITION = "(select min(condition_occurrence_id) from omop.condition_occurrence)"
A_VALUE = "(select min(measurement_id) from omop.measurement where measurement_concept_id = 3027018)"
BORN = "person_id in (select person_id from omop.person where birth_datetime is not null)"
COPIES = (
    "insert into omop.measurement by name "
    "select measurement.* replace ({0} + nth as measurement_id, {1}) from omop.measurement, range(9) as nths(nth) "
    "where measurement_id = " + A_VALUE
)
FAULTS = {
    ("cdmTable", "specimen", None): "drop table omop.specimen",
    ("cdmField", "note", "note_title"): "alter table omop.note drop column note_title",
    ("cdmDatatype", "device_exposure", "production_id"): (
        "alter table omop.device_exposure alter production_id type date"
    ),
    ("isRequired", "visit_detail", "visit_detail_start_date"): (
        "alter table omop.visit_detail alter visit_detail_start_date drop not null; "
        "update omop.visit_detail set visit_detail_start_date = null"
    ),
    ("isPrimaryKey", "location", "location_id"): "insert into omop.location select * from omop.location limit 1",
    ("isForeignKey", "procedure_occurrence", "person_id"): "update omop.procedure_occurrence set person_id = 5",
    ("isForeignKey", "observation", "observation_type_concept_id"): (
        "update omop.observation set observation_type_concept_id = 123456789"
    ),
    ("fkDomain", "condition_occurrence", "condition_concept_id"): (
        "update omop.condition_occurrence set condition_concept_id = 8507 "
        f"where condition_occurrence_id = {A_CONDITION}"
    ),
    ("fkClass", "drug_era", "drug_concept_id"): "update omop.drug_era set drug_concept_id = 19080128",
    ("isStandardValidConcept", "measurement", "measurement_type_concept_id"): (
        "update omop.measurement set measurement_type_concept_id = 987654321"
    ),
    ("standardConceptRecordCompleteness", "drug_exposure", "drug_concept_id"): (
        "update omop.drug_exposure set drug_concept_id = 0"
    ),
    ("sourceConceptRecordCompleteness", "procedure_occurrence", "procedure_source_concept_id"): (
        "insert into omop.procedure_occurrence by name select * replace (16 as procedure_occurrence_id) "
        "from omop.procedure_occurrence limit 1"
    ),
    ("sourceValueCompleteness", "drug_exposure", "drug_source_value"): "select 1",
    ("measureValueCompleteness", "visit_occurrence", "care_site_id"): (
        "update omop.visit_occurrence set care_site_id = null"
    ),
    ("measurePersonCompleteness", "observation_period", None): "delete from omop.observation_period",
    ("measureConditionEraCompleteness", "condition_era", None): "delete from omop.condition_era",
    ("plausibleValueLow", "drug_exposure", "days_supply"): "update omop.drug_exposure set days_supply = -1",
    ("plausibleValueHigh", "measurement", "value_as_number"): (
        f"update omop.measurement set value_as_number = 999, unit_concept_id = 8541 where measurement_id = {A_VALUE}"
    ),
    ("plausibleUnitConceptIds", "measurement", "unit_concept_id"): COPIES.format(20, "8840 as unit_concept_id"),
    ("plausibleGender", "condition_occurrence", "condition_concept_id"): (
        "insert into omop.condition_occurrence by name select * replace (18 as condition_occurrence_id, "
        "200970 as condition_concept_id, (select min(person_id) from omop.person where gender_concept_id = 8532) "
        "as person_id) from omop.condition_occurrence limit 1"
    ),
    ("plausibleTemporalAfter", "drug_exposure", "drug_exposure_start_date"): (
        f"update omop.drug_exposure set drug_exposure_start_date = date '1900-01-01' where {BORN}"
    ),
    ("plausibleStartBeforeEnd", "observation_period", "observation_period_start_date"): (
        "insert into omop.observation_period select 19, person_id, date '2026-03-02', date '2026-03-01', 32880 "
        "from omop.person limit 1"
    ),
    ("plausibleAfterBirth", "measurement", "measurement_date"): COPIES.format(
        40, "date '1900-01-01' as measurement_date"
    ),
    ("plausibleBeforeDeath", "measurement", "measurement_date"): (
        "insert into omop.death by name select person_id, date '1990-01-01' as death_date, "
        "32817 as death_type_concept_id from omop.person where person_id not in (select person_id from omop.death)"
    ),
    ("plausibleDuringLife", "measurement", "measurement_date"): "select 1",
    ("isVisitOfPerson", "visit_detail", "visit_occurrence_id"): "update omop.visit_detail set person_id = 5",
    ("withinVisitDates", "measurement", "measurement_date"): (
        "update omop.visit_occurrence set visit_start_date = date '2020-01-01', visit_end_date = date '2020-01-02'"
    ),
}  # fmt: skip
RESULTS = (
    "select check_name, cdm_table, cdm_field, sum(violated_rows), sum(all_rows), bool_and(is_met) "
    "from failures.{} where site is null group by all"
)
OF_SITES = (
    "select site, check_name, cdm_field, violated_rows, all_rows, threshold_pct, severity, is_met "
    "from failures.quality_measurement where site is not null"
)
OWN = (
    "insert into seeds.quality_checks by name select * replace (90001 as check_id, 'city' as site, "
    "100 as threshold_pct, 'warn' as severity, 'for this test' as rationale) from seeds.quality_checks "
    "where cdm_table = 'measurement' and check_name = 'plausibleAfterBirth' and site is null"
)
Results = dict[tuple[object, ...], tuple[object, ...]]


def results(database: Path) -> Results:
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'failures' and table_name like 'quality_%'"
        ).fetchall()
        rows = [row for (name,) in names for row in connection.execute(RESULTS.format(name)).fetchall()]
    return {row[:3]: row[3:] for row in rows}


@pytest.fixture(scope="module")
def planted(home: Path, ask: Ask) -> Iterator[tuple[Results, Results, str]]:
    """The results of the small hospital before and after every fault was planted, and what dbt said then."""
    (home / "planted").mkdir()
    copy = home / "planted" / "warehouse.duckdb"
    shutil.copy(home / "whole" / "warehouse.duckdb", copy)
    with duckdb.connect(str(copy)) as connection:
        for fault in (*FAULTS.values(), OWN):
            connection.execute(fault)
    judged = build(home, "planted", "--select", "test_name:data_quality", verb="test")
    yield results(home / "whole" / "warehouse.duckdb"), results(copy), judged.stdout


def test_good_tables_meet_every_check_that_stops_them_and_keep_both_numbers(planted) -> None:
    before, _, _ = planted
    assert {name for name, _, _ in before} == {name for name, _, _ in FAULTS}
    assert before["isRequired", "person", "person_id"] == (0, before["cdmDatatype", "person", "person_id"][1], True)


@pytest.mark.parametrize("check", FAULTS, ids=["-".join(str(part) for part in one) for one in FAULTS])
def test_a_planted_fault_is_counted(planted, check: tuple[object, ...]) -> None:
    before, after, _ = planted
    violated, rows, is_met = after[check]
    assert violated > 0 and violated <= rows and not is_met
    assert violated > before.get(check, (0, 0, True))[0]


def test_tables_with_faults_are_stopped_and_those_with_warnings_only_are_not(planted) -> None:
    _, _, said = planted
    failed = {line.split()[6] for line in said.splitlines() if " FAIL " in line}
    assert {"quality_procedure_occurrence", "quality_location", "quality_specimen"} <= failed
    assert "quality_provider" not in failed


def test_each_site_is_judged_by_its_own_rows_and_its_own_threshold(planted, home: Path) -> None:
    """Fifty readings before birth at `city`, which the seed allows it here, and none at any other site."""
    _, after, _ = planted
    with duckdb.connect(str(home / "planted" / "warehouse.duckdb"), read_only=True) as connection:
        rows = {row[:3]: row[3:] for row in connection.execute(OF_SITES).fetchall()}
    dates = {site: rows[site, name, field] for site, name, field in rows if name == "plausibleAfterBirth"
             and field == "measurement_date"}  # fmt: skip
    violated, of, threshold, severity, is_met = dates["city"]
    assert violated == after["plausibleAfterBirth", "measurement", "measurement_date"][0] > 5
    assert (threshold, severity, is_met) == (100.0, "warn", True)
    assert {one[0] for site, one in dates.items() if site != "city"} == {0} and len(dates) > 1
    whole = after["plausibleAfterBirth", "measurement", "measurement_date"]
    assert sum(one[1] for one in dates.values()) == whole[1] and of < whole[1]
    units = {site: row for (site, name, _), row in rows.items() if name == "isForeignKey"}
    assert "city" in units


def test_a_site_that_misses_a_check_stops_the_tables_though_all_sites_together_meet_it(home: Path, ask: Ask) -> None:
    (home / "one_site").mkdir()
    copy = home / "one_site" / "warehouse.duckdb"
    shutil.copy(home / "whole" / "warehouse.duckdb", copy)
    many = (
        "insert into omop.measurement by name select measurement.* replace (1000000 + nth as measurement_id, {}) "
        f"from omop.measurement, range({{}}) as nths(nth) where measurement_id = {A_VALUE} limit {{}}"
    )
    with duckdb.connect(str(copy)) as connection:
        other = "(select min(person_id) from intermediate.int_person_state where site = 'nhamcs')"
        connection.execute(many.format("date '1900-01-01' as measurement_date", 6, 6))
        elsewhere = f"{other} as person_id, date '2026-03-01' as measurement_date"
        connection.execute(many.replace("1000000", "2000000").format(elsewhere, 5000, 5000))
    judged = build(home, "one_site", "--select", "quality_measurement", verb="test")
    with duckdb.connect(str(copy), read_only=True) as connection:
        found = connection.execute(
            "select site, violated_rows, is_met from failures.quality_measurement "
            "where check_name = 'plausibleAfterBirth' "
            "and cdm_field = 'measurement_date' and violated_rows > 0 order by 1"
        ).fetchall()
    assert found == [("city", 6, False), (None, 6, True)]
    assert judged.returncode != 0


def test_every_check_type_of_the_dashboard_is_listed() -> None:
    assert {name for name, _, _ in FAULTS} == {
        "cdmTable", "cdmField", "cdmDatatype", "isRequired", "isPrimaryKey", "isForeignKey", "fkDomain", "fkClass",
        "isStandardValidConcept", "standardConceptRecordCompleteness", "sourceConceptRecordCompleteness",
        "sourceValueCompleteness", "measureValueCompleteness", "measurePersonCompleteness",
        "measureConditionEraCompleteness", "plausibleValueLow", "plausibleValueHigh", "plausibleUnitConceptIds",
        "plausibleGender", "plausibleTemporalAfter", "plausibleDuringLife", "plausibleStartBeforeEnd",
        "plausibleAfterBirth", "plausibleBeforeDeath", "withinVisitDates", "isVisitOfPerson",
    }  # fmt: skip

"""From the lake to OMOP: who becomes a person, what becomes a visit, and that nothing is lost on the way."""

import pytest

from tests.integration.tables.conftest import Ask

pytestmark = pytest.mark.xdist_group("tables")


def test_two_patient_records_with_one_record_number_are_one_person(ask: Ask) -> None:
    found = ask("select reference_key, person_key from intermediate.int_person_link order by 1")
    assert [row for row in found if row[1] == "mrn-1"] == [("ann", "mrn-1"), ("ann-again", "mrn-1"), ("mrn-1", "mrn-1")]
    assert ask("select count(*) from omop.person where person_source_value = 'mrn-1'") == [(1,)]


def test_an_encounter_of_an_unknown_or_missing_subject_keeps_its_visit_under_a_placeholder(ask: Ask) -> None:
    found = ask(
        "select person_source_value, year_of_birth, visit_concept_id from omop.visit_occurrence "
        "join omop.person using (person_id) where person_source_value in ('nobody', 'no-subject') order by 1"
    )
    assert found == [("no-subject", 0, 9202), ("nobody", 0, 9203)]


def test_a_reference_by_record_number_finds_the_person(ask: Ask) -> None:
    found = ask("select person_key from intermediate.int_visit where visit_key = 'stay'")
    assert found == [("mrn-1",)]


def test_an_inpatient_stay_that_began_in_the_emergency_department_is_262_with_its_critical_stay(ask: Ask) -> None:
    visit = "visit_occurrence_id = (select visit_occurrence_id from intermediate.int_visit where visit_key = 'stay')"
    assert ask(f"select visit_concept_id from omop.visit_occurrence where {visit}") == [(262,)]
    found = ask(
        f"select visit_detail_concept_id from omop.visit_detail where {visit} order by visit_detail_start_datetime"
    )
    assert found == [(9203,), (32037,)]


def test_a_stale_version_that_arrives_last_does_not_replace_the_newest(ask: Ask) -> None:
    assert ask("select status from intermediate.int_visit where visit_key = 'stay'") == [("finished",)]


def test_as_of_hides_what_arrived_later_and_an_open_visit_ends_when_its_record_arrived(ask_earlier: Ask) -> None:
    found = ask_earlier(
        "select visit_concept_id, cast(visit_end_date as varchar), visit_end_datetime from omop.visit_occurrence "
        "where visit_occurrence_id = (select visit_occurrence_id from intermediate.int_visit where visit_key = 'stay')"
    )
    assert found == [(9203, "2026-03-02", None)]
    assert ask_earlier("select count(*) from omop.person where person_source_value = 'gone'") == [(1,)]


def test_deleted_and_withdrawn_records_are_gone_and_counted(ask: Ask) -> None:
    assert ask("select count(*) from omop.person where person_source_value = 'gone'") == [(0,)]
    counted = ask(
        "select lake_table, landed_keys, deleted_keys, withdrawn_keys, live_keys, in_omop, not_in_omop "
        "from intermediate.lake_to_omop where site = 'city' "
        "and lake_table in ('fhir_condition', 'fhir_encounter', 'fhir_observation', 'fhir_patient') order by 1"
    )
    assert counted == [
        ("fhir_condition", 3, 0, 0, 3, 3, 0),
        ("fhir_encounter", 5, 0, 1, 4, 4, 0),
        ("fhir_observation", 11, 0, 1, 10, 9, 1),
        ("fhir_patient", 5, 1, 0, 4, 4, 0),
    ]


def test_a_record_that_names_a_visit_of_another_person_keeps_its_person_and_has_no_visit(ask: Ask) -> None:
    """A reference by record number and an earlier record of the same person are its own."""
    for table, kept in {"condition_occurrence": 1, "measurement": 6}.items():
        found = ask(
            f"select person_source_value, count(facts.visit_occurrence_id), count(*) from omop.{table} as facts "
            "join omop.person using (person_id) where person_source_value in ('bob', 'mrn-1') group by all order by 1"
        )
        assert [row[:2] for row in found] == [("bob", 0), ("mrn-1", kept)]
        assert found[0][2] == 1
    told = "select omop_table, records from failures.no_record_names_a_visit_of_another_person where site = 'city'"
    assert ask(f"{told} and feed = 'ehr_fhir' order by 1") == [("condition_occurrence", 1), ("measurement", 1)]


def test_a_cancelled_or_only_planned_visit_and_a_refuted_diagnosis_are_no_facts(ask: Ask) -> None:
    counted = ask(
        "select lake_table, fate, coalesce(omop_table, reason), keys from intermediate.lake_to_omop_fates "
        "where site = 'rural' order by all"
    )
    assert counted == [("fhir_condition", "withdrawn", None, 1), ("fhir_encounter", "withdrawn", None, 2)]


FATES = (
    "select lake_table, fate, coalesce(omop_table, reason), keys from intermediate.lake_to_omop_fates "
    "where site = '{}' and lake_table like 'fhir%' order by all"
)


def test_what_fhir_marks_as_made_up_for_a_test_and_what_is_of_such_a_patient_is_counted_and_in_no_table(
    ask: Ask,
) -> None:
    assert ask(FATES.format("pretend")) == [
        ("fhir_appointment", "left out", "of a test patient", 1),
        ("fhir_encounter", "left out", "of a test patient", 2),
        ("fhir_encounter", "placed", "visit_occurrence", 2),
        ("fhir_encounter", "withdrawn", None, 2),
        ("fhir_observation", "left out", "no person", 1),
        ("fhir_observation", "left out", "of a test patient", 1),
        ("fhir_observation", "placed", "measurement", 1),
        ("fhir_observation", "withdrawn", None, 1),
        ("fhir_organization", "withdrawn", None, 1),
        ("fhir_patient", "placed", "person", 2),
        ("fhir_patient", "withdrawn", None, 1),
        ("fhir_resource", "left out", "of a test patient", 1),
    ]
    people = ask("select person_key from intermediate.int_person where site = 'pretend' order by 1")
    assert people == [("pretend-rod",), ("shared-not",)]
    assert ask("select value_number from intermediate.int_measurement where site = 'pretend'") == [(93.0,)]


def test_a_site_that_says_so_takes_fhirs_marked_records_as_real(ask: Ask) -> None:
    fates = ask(FATES.format("samples"))
    assert {(table, fate, what): keys for table, fate, what, keys in fates if fate != "placed"} == {
        ("fhir_appointment", "left out", "no home in OMOP"): 1,
        ("fhir_encounter", "withdrawn", None): 1,
        ("fhir_resource", "left out", "no home in OMOP"): 1,
    }
    assert ("fhir_observation", "placed", "measurement", 4) in fates


def test_the_keys_of_a_sites_own_tables_have_one_fate_each(ask: Ask) -> None:
    counted = ask(
        "select lake_table, fate, coalesce(omop_table, reason), keys from intermediate.lake_to_omop_fates "
        "where site = 'district' order by all"
    )
    assert counted == [
        ("clinic_appointment", "left out", "no home in OMOP", 1),
        ("clinic_appointment", "withdrawn", None, 1),
        ("roster_shift", "deleted", None, 1),
        ("roster_shift", "left out", "no home in OMOP", 1),
        ("triage_note", "left out", "no person", 1),
        ("unit_census", "left out", "no home in OMOP", 1),
        ("unit_staffing", "left out", "no home in OMOP", 1),
    ]


def test_a_death_without_date_or_cause_is_not_lost(ask: Ask) -> None:
    found = ask(
        "select person_source_value, cast(death_date as varchar), death_datetime is not null, cause_concept_id "
        "from omop.death join omop.person using (person_id) order by 1"
    )
    assert found[:2] == [("bob", "2026-03-02", False, None), ("nobody", "2026-03-01", True, None)]
    assert [row[0] for row in found[2:]] == ["v2"]


def test_a_panel_gives_its_components_as_measurements_with_value_and_unit_as_sent(ask: Ask) -> None:
    found = ask(
        "select measurement_source_value, measurement_concept_id, value_as_number, unit_concept_id "
        "from omop.measurement join omop.person using (person_id) where person_source_value = 'mrn-1' "
        "and measurement_source_value in ('8480-6', '8462-4', '8310-5', '85354-9') order by 1"
    )
    assert found == [("8310-5", 3020891, 101.3, 9289), ("8462-4", 3012888, 60.0, 8876), ("8480-6", 3004249, 98.0, 8876)]


def test_a_triage_level_and_a_complaint_are_observations_though_one_is_a_number(ask: Ask) -> None:
    found = ask(
        "select observation_source_value, observation_concept_id, value_as_number, value_as_string "
        "from omop.observation where observation_source_value in ('75636-1', '8661-1') order by 1"
    )
    assert found == [("75636-1", 46235367, 2.0, None), ("8661-1", 0, None, "SOB, CP since a.m.")]


def test_an_unmapped_code_stays_as_concept_0_with_its_source_value(ask: Ask) -> None:
    assert ask(
        "select distinct observation_concept_id from omop.observation where observation_source_value = '10501'"
    ) == [(0,)]
    coverage = dict(
        ask("select domain, sum(mapped_rows) / sum(all_rows) from intermediate.mapping_coverage group by 1")
    )  # type: ignore[arg-type]
    assert coverage["measurement"] == 1.0
    assert 0 < coverage["observation"] < 0.2


def test_a_survey_visit_falls_on_its_published_month_and_weekday_and_keeps_the_published_age(ask: Ask) -> None:
    found = ask(
        "select visit_key, month(arrived_at), dayofweek(arrived_at) + 1, age_years, year(arrived_at) "
        "from marts.triage_mart where site = 'nhamcs' order by 1"
    )
    assert found == [("v1", 2, 6, 71, 2019), ("v2", 12, 1, 94, 2019), ("v3", 3, 4, 40, 2019)]


def test_a_survey_history_flag_begins_a_day_before_arrival(ask: Ask) -> None:
    found = ask(
        "select condition_source_value, date_diff('hour', condition_start_datetime, visit_start_datetime) "
        "from omop.condition_occurrence join omop.visit_occurrence using (visit_occurrence_id) "
        "join omop.person on person.person_id = visit_occurrence.person_id where person_source_value = 'v1'"
    )
    assert found == [("CHF", 24)]

"""From messages, images and claims to OMOP: one person and one visit, whatever the feed and the order of arrival."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import Environment, Settings
from orchestration.sites.codes import parse_codes
from orchestration.steps.warehouse.site_codes import codes_as_csv
from orchestration.steps.warehouse.tables_summary import tables_summary
from tests.integration.tables import small_messages as small
from tests.integration.tables.conftest import Ask, asking, build
from tests.integration.tables.lake import SmallLake

pytestmark = pytest.mark.xdist_group("messages")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("messages")


@pytest.fixture(scope="module")
def ask(home: Path) -> Iterator[Ask]:
    lake = SmallLake(home)
    assert small.land_orders_of_arrival(lake) == 32
    small.land_merges(lake)
    small.land_visits(lake)
    small.land_results(lake)
    small.land_bounds(lake)
    small.land_claims(lake)
    small.land_images(lake)
    small.land_local_codes(lake)
    small.land_practice(lake)
    own = {"local-a": small.LOCAL_CODES, "local-b": small.OTHER_CODES}
    codes = {site: parse_codes(site, text.encode(), "codes.yaml") for site, text in own.items()}
    (home / "codes.csv").write_bytes(codes_as_csv(codes))
    built = build(home, "whole", "--exclude-resource-type", "unit_test", site_codes=home / "codes.csv")
    assert built.returncode == 0, built.stdout[-4000:]
    yield from asking(home / "whole" / "warehouse.duckdb")


def test_a_stay_is_the_same_in_every_order_of_arrival(ask: Ask) -> None:
    columns = (
        "visit_key, person_key, started_at, ended_at, class_code, discharged_to_code, starts_in_emergency, is_dead"
    )
    found = ask(
        f"select {columns}, count(*) from intermediate.int_visit where starts_with(site, 'order-') group by all"
    )
    [(*visit, sites)] = found
    assert sites == 32
    assert visit == ["v1", "mrn-1", small.at(0), small.at(300), "I", "01", True, False]
    details = "unit, started_at, ended_at, position"
    stays = ask(
        f"select {details}, count(*) from intermediate.int_hl7_visit_detail where starts_with(site, 'order-') "
        "group by all order by position"
    )
    assert stays == [("ED", small.at(0), small.at(70), 1, 32), ("W1", small.at(70), small.at(300), 2, 32)]


def test_every_stay_is_an_inpatient_stay_that_began_in_the_emergency_department(ask: Ask) -> None:
    assert ask("select distinct visit_concept_id from intermediate.int_visit where starts_with(site, 'order-')") == [
        (262,)
    ]


def test_merges_lead_to_the_record_that_survives_over_any_number_of_steps(ask: Ask) -> None:
    found = dict(ask("select reference_key, person_key from intermediate.int_person_link where site = 'merges'"))
    assert [found[key] for key in "abc"] == ["c", "c", "c"]
    assert [found[key] for key in "xy"] == ["x", "x"]  # of a circle the last merge decides
    assert [found[key] for key in "pq"] == ["p", "q"]  # linked and unlinked
    assert found["m1"] == found["n1"]  # one record with two record numbers
    persons = ask(
        "select count(*) from omop.person where starts_with(person_source_value, 'c')"
        " or person_source_value in ('a', 'b', 'x', 'y')"
    )
    assert persons == [(2,)]


def test_visits_of_a_merged_record_are_the_survivors(ask: Ask) -> None:
    found = ask("select visit_key, person_key from intermediate.int_visit where site = 'merges' order by 1")
    assert found[:3] == [("va", "c"), ("vb", "c"), ("vc", "c")]


def test_what_was_cancelled_deleted_or_only_planned_is_no_visit_and_says_so(ask: Ask) -> None:
    found = ask(
        "select visit_key, left_out from intermediate.int_hl7_visit where site = 'visits' "
        "and left_out is not null order by 1"
    )
    assert found == [("cancelled", "cancelled"), ("deleted", "cancelled"), ("planned", "planned only")]
    fates = ask(
        "select reason, keys from intermediate.lake_to_omop_fates where site = 'visits' and fate = 'left out' "
        "order by 1"
    )
    assert fates == [("visit: cancelled", 4), ("visit: planned only", 1)]


def test_a_cancelled_admission_leaves_the_emergency_visit_before_it(ask: Ask) -> None:
    found = ask(
        "select class_code, is_admitted, starts_in_emergency, ended_at from intermediate.int_visit "
        "where visit_key = 'emergency'"
    )
    assert found == [("E", False, True, None)]


def test_a_visit_keeps_its_events_when_its_number_or_its_patient_changes(ask: Ask) -> None:
    found = ask(
        "select visit_key, person_key, started_at, ended_at from intermediate.int_visit "
        "where site = 'visits' and visit_key in ('new', 'old', 'moved') order by 1"
    )
    assert found == [("moved", "right", small.at(0), None), ("new", "mrn-1", small.at(0), small.at(90))]
    assert ask(
        "select person_key from intermediate.int_person_link where site = 'visits' and reference_key = 'wrong'"
    ) == [("wrong",)]  # a visit that moves does not merge two patients


def test_stays_without_a_number_are_parted_by_discharges(ask: Ask) -> None:
    found = ask("select started_at, ended_at from intermediate.int_visit where person_key = 'nobody' order by 1")
    assert found == [(small.at(0), small.at(50)), (small.at(500), None)]


def test_a_corrected_result_replaces_the_earlier_one_though_it_came_first(ask: Ask) -> None:
    found = ask(
        "select code, value_number, range_low, range_high from intermediate.int_measurement "
        "where site = 'results' order by all"
    )
    assert found == [
        ("2823-3", 4.1, 3.5, 5.1),
        ("2951-2", 131.0, None, None),
        ("6690-2", 5.0, None, None),
        ("6690-2", 6.0, None, None),
        ("718-7", 12.5, None, None),
    ]
    left_out = ask(
        "select message_key, code, left_out from intermediate.int_hl7_result where site = 'results' "
        "and left_out is not null order by all"
    )
    assert left_out == [
        ("r1", "1988-5", "replaced by a later result"),
        ("r1", "2951-2", "replaced by a later result"),
        ("r2", "1988-5", "taken back"),
        ("r4", "24323-8", "no value that lands"),
    ]
    assert ask("select specimen_source_value from omop.specimen") == [("BLD",)]


def test_a_bound_keeps_its_operator_and_what_is_no_number_is_none(ask: Ask) -> None:
    """CDM v5.4: no operator beside an exact number; `observation` has none, so a bound is a text there."""
    rows = "where person_id in (select person_id from intermediate.int_person where site = 'bounds') order by all"
    found = ask(
        "select measurement_source_value, value_as_number, operator_concept_id, value_source_value "
        f"from omop.measurement {rows}"
    )
    assert found == [
        ("1988-5", None, None, "<>5.0"),
        ("2160-0", None, None, "1,234"),
        ("2823-3", 8.0, 4171755, ">=8.0"),
        ("2951-2", 140.0, None, "=140.0"),
        ("33914-3", 15.0, 4171756, "<15.0"),
        ("5048-4", None, None, "1.0:128.0"),
        ("5048-4", None, None, "1:256"),
        ("5767-9", None, None, "2.0+"),
        ("5778-6", None, None, "positive"),
        ("8462-4", 30.0, 4171754, "<=30.0"),
        ("8480-6", 70.0, None, "70.0"),
        ("89579-7", 0.01, 4171756, "<0.01"),
    ]
    found = ask(
        "select observation_source_value, value_as_number, value_as_string, value_source_value "
        f"from omop.observation {rows}"
    )
    assert found == [("44261-6", None, ">20.0", ">20.0")] * 2 + [("44261-6", None, "true", "true")]
    known = ask("select count(*) from omop.concept where concept_id in (4171754, 4171755, 4171756, 4172704)")
    assert known == [(4,)]


def test_a_claim_is_of_the_stay_that_its_number_or_account_names_and_costs_once(ask: Ask) -> None:
    found = ask(
        "select claim_key, person_key, visit_key, left_out from intermediate.int_x12_claim "
        "where site = 'claims' order by 1"
    )
    assert found == [
        ("k1", "mrn-1", "v1", None),
        ("k2", "mrn-1", "v1", None),
        ("k3", "member-1", "elsewhere", None),
        ("k4", "mrn-1", "again", "replaced by a later claim"),
        ("k5", "mrn-1", "again", None),
        ("k7", "mrn-1", "v1", None),
    ]
    charged = ask("select cost_domain_id, sum(total_charge), count(*) from omop.cost group by 1 order by 1")
    assert charged == [("Procedure", 300.0, 5), ("Visit", 300.0, 5)]
    visits = ask(
        "select feed, visit_key, visit_concept_id from intermediate.int_visit where site = 'claims' order by 2"
    )
    assert visits == [("x12_837", "again", 9203), ("x12_837", "elsewhere", 9203), ("hl7v2", "v1", 9203)]
    diagnoses = ask(
        "select visit_key, code, concept_id from intermediate.int_condition where site = 'claims' order by 1"
    )
    assert diagnoses == [("again", "J18.9", 255848), ("elsewhere", "J18.9", 255848), ("v1", "J18.9", 255848)]
    assert ask("select count(*) from omop.provider") == [(1,)]


def test_a_study_is_one_procedure_of_the_visit_and_an_object_without_patient_is_of_its_study(ask: Ask) -> None:
    found = ask(
        "select study_key, person_key, visit_key, code, left_out from intermediate.int_dicom_study "
        "where site = 'images' order by 1"
    )
    assert found == [
        ("st1", "mrn-1", "v1", "CT", None),
        ("st2", "mrn-1", "v1", "CR", None),
        ("st3", None, None, "CT", "no person"),
    ]
    series = ask(
        "select value_code, value_number, qualifier, procedure_key is not null from intermediate.int_observation "
        "where site = 'images' order by 1"
    )
    assert series == [("CR", 1.0, "HEAD", True), ("CT", 2.0, "HEAD", True)]
    dangling = ask(
        "select count(*) from omop.observation where observation_event_id is not null and "
        "observation_event_id not in (select procedure_occurrence_id from omop.procedure_occurrence)"
    )
    assert dangling == [(0,)]


def test_every_key_has_one_fate(ask: Ask) -> None:
    lost = ask("select site, lake_table from intermediate.lake_to_omop where live_keys != in_omop + not_in_omop")
    assert lost == []
    claims = ask(
        "select fate, omop_table, reason, keys from intermediate.lake_to_omop_fates where lake_table = 'x12_claim' "
        "order by all"
    )
    assert claims == [
        ("left out", None, "replaced by a later claim", 1),
        ("placed", "cost", None, 5),
        ("withdrawn", None, None, 1),  # a void one
        ("withdrawn", None, None, 1),  # one that was a test, at another site
    ]


def _local(ask: Ask, site: str) -> list[tuple[object, ...]]:
    return ask(
        "select feed, code, concept_id, unit_concept_id, count(*) from intermediate.int_measurement "
        f"where site = '{site}' group by all order by all"
    )


def test_a_sites_own_codes_are_looked_up_there_and_nowhere_else(ask: Ask) -> None:
    assert _local(ask, "local-a") == [
        ("ehr_fhir", "HB", 3000963, 8753, 1),
        ("hl7v2", "2951-2", 3023103, 8753, 1),  # the site says otherwise than everybody
        ("hl7v2", "BP", 3004249, 8753, 1),
        ("hl7v2", "BP", 3012888, 8753, 1),
        ("hl7v2", "HB", 3000963, 8753, 1),
        ("hl7v2", "NEW", 0, 8753, 1),  # LOINC 99999-9 is in no vocabulary here
        ("hl7v2", "T", 3020891, 8753, 1),  # a code without a system
    ]
    assert _local(ask, "local-b") == [
        ("hl7v2", "2951-2", 3019550, 0, 12),
        ("hl7v2", "BP", 0, 0, 12),
        ("hl7v2", "HB", 3024929, 0, 12),
        ("hl7v2", "NEW", 0, 0, 12),
        ("hl7v2", "T", 0, 0, 12),
    ]
    assert {concept for _, code, concept, _, _ in _local(ask, "local-c") if code == "HB"} == {0}


def test_own_codes_stand_in_the_source_map_under_their_own_vocabulary(ask: Ask) -> None:
    found = ask(
        "select source_vocabulary_id, source_code, source_code_description, target_concept_id, target_vocabulary_id, "
        "cast(valid_start_date as varchar) from omop.source_to_concept_map "
        "where source_vocabulary_id in ('OUR LAB', 'OUR LOINC', 'OUR WARD', 'OUR UNITS', 'LAB B') order by all"
    )
    assert [row[:5] for row in found] == [
        ("LAB B", "HB", None, 3024929, "LOINC"),
        ("OUR LAB", "BP", None, 3004249, "LOINC"),
        ("OUR LAB", "BP", None, 3012888, "LOINC"),
        ("OUR LAB", "HB", "Haemoglobin", 3000963, "LOINC"),
        ("OUR LAB", "NEW", None, 0, "None"),
        ("OUR LOINC", "2951-2", None, 3023103, "LOINC"),
        ("OUR UNITS", "MMOLL", None, 8753, "UCUM"),
        ("OUR WARD", "T", None, 3020891, "LOINC"),
    ]
    assert {row[5] for row in found} == {"2026-03-01"}


def test_codes_without_a_concept_are_counted_by_site_and_small_counts_are_not_shown(ask: Ask, home: Path) -> None:
    summary = tables_summary(Settings(home / "whole", Environment.DEVELOPMENT, "", "", ""))
    sites = summary["sites"]
    assert sites["local-a"]["unmapped"]["measurement"] == [{"code": "NEW", "vocabulary": "LAB", "rows": None}]
    assert sites["local-b"]["unmapped"] == {
        "measurement": [
            {"code": "BP", "vocabulary": "LAB", "rows": 12},
            {"code": "NEW", "vocabulary": "LAB", "rows": 12},
            {"code": "T", "vocabulary": "no system", "rows": 12},
        ],
        "unit": [{"code": "MMOLL", "vocabulary": "UCUM", "rows": 60}],
    }
    assert sites["local-b"]["mapping_coverage"]["measurement"] == 0.4
    assert sites["local-c"]["mapping_coverage"]["measurement"] == 0.2
    assert {"code": "BP", "vocabulary": "LAB", "rows": 24} in summary["unmapped"]["measurement"]
    assert 0.2 < summary["mapping_coverage"]["measurement"] < 1


def test_what_is_marked_as_training_or_test_is_no_visit_no_result_no_person_and_no_cost(ask: Ask) -> None:
    visits = "select visit_key, ended_at from intermediate.int_visit where site = '{}' order by 1"
    assert ask(visits.format("practice")) == [("real", None), ("unmarked", None)]
    values = "select value_number from intermediate.int_measurement where site = '{}'"
    assert ask(values.format("practice")) == [(140.0,)]
    assert ask("select person_key from intermediate.int_person where site = 'practice'") == [("mrn-1",)]
    fates = ask(
        "select lake_table, fate, keys from intermediate.lake_to_omop_fates where site = 'practice' order by all"
    )
    assert fates == [
        ("hl7v2_adt", "placed", 2),
        ("hl7v2_adt", "withdrawn", 3),
        ("hl7v2_oru", "placed", 1),
        ("hl7v2_oru", "withdrawn", 1),
        ("x12_claim", "withdrawn", 1),
    ]


def test_a_site_that_says_so_takes_marked_records_as_real(ask: Ask) -> None:
    visits = ask("select visit_key from intermediate.int_visit where site = 'samples' order by 1")
    assert visits == [("drill",), ("real",), ("trained",), ("unmarked",)]
    assert ask("select value_number from intermediate.int_measurement where site = 'samples'") == [(99.0,)]

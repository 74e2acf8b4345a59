"""Procedures, drugs, devices, samples, images, payers, costs: which records become OMOP facts, which say why not."""

import pytest

from tests.integration.tables.conftest import Ask

pytestmark = pytest.mark.xdist_group("tables")


def test_only_what_was_done_becomes_a_procedure_and_what_has_no_date_or_person_is_counted(ask: Ask) -> None:
    found = ask(
        "select person_source_value, procedure_source_value, procedure_concept_id, "
        "cast(procedure_datetime as varchar), procedure_type_concept_id, visit_occurrence_id is not null, "
        "provider_source_value from omop.procedure_occurrence join omop.person using (person_id) "
        "left join omop.provider on provider.provider_id = procedure_occurrence.provider_id order by all"
    )
    assert found == [
        ("mrn-1", "73761001", 4249893, "2026-03-01 11:00:00", 32817, True, "doc"),
        ("mrn-1", "73761001", 4249893, "2026-03-01 11:00:00", 32817, True, None),
        ("passer-by", "no such code", 0, "2026-03-01 11:00:00", 32817, False, None),
    ]


def test_a_drug_of_another_resource_has_its_code_and_every_kind_of_record_its_own_dates_and_type(ask: Ask) -> None:
    found = ask(
        "select drug_source_value, drug_concept_id, cast(drug_exposure_start_date as varchar), "
        "cast(drug_exposure_end_date as varchar), cast(verbatim_end_date as varchar), drug_type_concept_id, "
        "days_supply, quantity, refills, lot_number, route_source_value, route_concept_id from omop.drug_exposure "
        "order by drug_exposure_start_date"
    )
    assert found == [
        ("314076", 19080128, "2025-01-01", "2025-01-30", None, 32838, 30, 60.0, 2, None, None, None),
        ("314076", 19080128, "2025-02-20", "2025-03-01", None, 32838, 10, None, None, None, None, None),
        ("314076", 19080128, "2025-06-01", "2025-06-01", None, 32838, 1, None, None, None, None, None),
        ("140", 40213154, "2025-10-01", "2025-10-01", None, 32817, None, None, None, "L1", None, None),
        ("1", 0, "2026-03-01", "2026-03-02", "2026-03-02", 32817, None, 500.0, None, None, "47625008", 0),
    ]


def test_exposures_to_an_ingredient_at_most_thirty_days_apart_are_one_era(ask: Ask) -> None:
    found = ask(
        "select drug_concept_id, cast(drug_era_start_date as varchar), cast(drug_era_end_date as varchar), "
        "drug_exposure_count, gap_days from omop.drug_era order by 2"
    )
    assert found == [(1308216, "2025-01-01", "2025-03-01", 2, 21), (1308216, "2025-06-01", "2025-06-01", 1, 0)]


def test_a_condition_without_an_end_lasts_a_day_in_its_era_and_concept_0_has_none(ask: Ask) -> None:
    found = ask(
        "select condition_concept_id, date_diff('day', condition_era_start_date, condition_era_end_date), "
        "condition_occurrence_count from omop.condition_era join omop.person using (person_id) "
        "where person_source_value = 'mrn-1' order by 1"
    )
    assert found == [(201826, 1, 1), (316139, 1, 1)]


def test_a_device_is_exposed_to_when_it_is_used_or_handled_and_never_when_it_was_made(ask: Ask) -> None:
    found = ask(
        "select device_source_value, device_concept_id > 0, cast(device_exposure_start_date as varchar), "
        "unique_device_id, quantity from omop.device_exposure order by 3"
    )
    assert found == [("337414009", True, "2025-03-01", "udi", 1), ("337414009", True, "2026-03-01", "udi", 1)]


def test_a_clinician_has_the_specialty_and_place_of_the_role_and_no_name(ask: Ask) -> None:
    found = ask(
        "select provider_source_value, provider_name, npi, specialty_concept_id, gender_concept_id, "
        "care_site_source_value from omop.provider left join omop.care_site using (care_site_id)"
    )
    assert found == [("doc", None, None, 38004446, 8532, "city|hospital")]


def test_a_bill_costs_once_as_its_answer_says_and_a_prescription_goes_before_the_visit(ask: Ask) -> None:
    found = ask(
        "select cost_domain_id, drug_source_value, total_charge, total_paid, paid_by_payer, paid_by_patient, "
        "amount_allowed, currency_concept_id, payer_plan_period_id is not null from omop.cost "
        "left join omop.drug_exposure on drug_exposure_id = cost_event_id order by total_charge"
    )
    assert found == [
        ("Drug", "314076", 20.0, None, None, None, None, 44818668, False),
        ("Visit", None, 100.0, 90.0, 70.0, 20.0, 90.0, 44818668, True),
    ]


def test_open_cover_ends_for_now_when_its_record_arrived(ask: Ask) -> None:
    found = ask(
        "select payer_source_value, cast(payer_plan_period_start_date as varchar), "
        "cast(payer_plan_period_end_date as varchar) from omop.payer_plan_period"
    )
    assert found == [("1", "2025-01-01", "2026-03-02")]


def test_an_imaging_study_is_an_observation_with_its_modality_linked_to_its_procedure(ask: Ask) -> None:
    found = ask(
        "select value_source_value, value_as_number, qualifier_source_value, obs_event_field_concept_id, "
        "procedure_source_value, provider_source_value from omop.observation "
        "join omop.procedure_occurrence on procedure_occurrence_id = observation_event_id "
        "join omop.provider on provider.provider_id = observation.provider_id "
        "where observation_source_value = 'ImagingStudy'"
    )
    assert found == [("CT", 40.0, "51185008", 1147082, "73761001", "doc")]


def test_an_allergy_is_an_observation_and_a_refuted_one_is_not(ask: Ask) -> None:
    found = ask(
        "select observation_source_value, qualifier_source_value, cast(observation_date as varchar) "
        "from omop.observation where cast(observation_date as varchar) = '2025-04-01'"
    )
    assert found == [("442571000124108", "high", "2025-04-01")]


def test_a_note_whose_text_was_not_scrubbed_is_withheld_and_counted(ask: Ask) -> None:
    assert ask("select note_title, note_text, strftime(note_datetime, '%H:%M') from omop.note") == [
        ("content0", "Feels better.", "16:00")
    ]
    found = ask(
        "select lake_table, keys from intermediate.lake_to_omop_fates where reason = 'text not scrubbed' order by 1"
    )
    assert found == [("fhir_diagnostic_report", 1), ("fhir_document_reference", 1)]


def test_every_order_has_a_fate_and_what_is_left_out_says_why(ask: Ask) -> None:
    found = ask(
        "select lake_table, fate, coalesce(omop_table, reason), keys from intermediate.lake_to_omop_fates "
        "where site = 'city' and lake_table not in ('fhir_patient', 'fhir_encounter', 'fhir_condition', "
        "'fhir_observation', 'fhir_location', 'fhir_organization') order by all"
    )
    assert found == [
        ("fhir_allergy_intolerance", "placed", "observation", 1),
        ("fhir_allergy_intolerance", "withdrawn", None, 1),
        ("fhir_appointment", "left out", "no home in OMOP", 1),
        ("fhir_claim", "left out", "answered by an explanation of benefit", 1),
        ("fhir_claim", "left out", "no visit or drug", 1),
        ("fhir_claim", "placed", "cost", 1),
        ("fhir_claim", "withdrawn", None, 1),
        ("fhir_coverage", "left out", "no date", 1),
        ("fhir_coverage", "placed", "payer_plan_period", 1),
        ("fhir_device", "left out", "no date of use", 1),
        ("fhir_device", "placed", "device_exposure", 1),
        ("fhir_device_use_statement", "placed", "device_exposure", 1),
        ("fhir_device_use_statement", "withdrawn", None, 1),
        ("fhir_diagnostic_report", "left out", "text not scrubbed", 1),
        ("fhir_diagnostic_report", "withdrawn", None, 1),
        ("fhir_document_reference", "left out", "text not scrubbed", 1),
        ("fhir_document_reference", "placed", "note", 1),
        ("fhir_explanation_of_benefit", "placed", "cost", 1),
        ("fhir_imaging_study", "placed", "observation", 1),
        ("fhir_immunization", "left out", "no date", 1),
        ("fhir_immunization", "placed", "drug_exposure", 1),
        ("fhir_medication", "left out", "names the drug of other records", 1),
        ("fhir_medication_administration", "placed", "drug_exposure", 1),
        ("fhir_medication_administration", "withdrawn", None, 1),
        ("fhir_medication_request", "placed", "drug_exposure", 3),
        ("fhir_medication_request", "withdrawn", None, 3),
        ("fhir_medication_statement", "left out", "no date", 1),
        ("fhir_medication_statement", "withdrawn", None, 1),
        ("fhir_practitioner", "placed", "provider", 1),
        ("fhir_practitioner_role", "left out", "describes a provider", 1),
        ("fhir_procedure", "left out", "no date", 1),
        ("fhir_procedure", "left out", "no person", 1),
        ("fhir_procedure", "placed", "procedure_occurrence", 3),
        ("fhir_procedure", "withdrawn", None, 1),
        ("fhir_resource", "left out", "landed before its type had a table", 1),
        ("fhir_resource", "left out", "no home in OMOP", 1),
        ("fhir_specimen", "left out", "no date", 1),
        ("fhir_specimen", "placed", "specimen", 1),
        ("note_text", "placed", "note", 1),
    ]


def test_the_source_says_which_version_of_the_model_and_how_new_the_newest_record_is(
    ask: Ask, ask_earlier: Ask
) -> None:
    query = "select cdm_version, cdm_version_concept_id, cast(source_release_date as varchar) from omop.cdm_source"
    assert ask(query) == [("v5.4", 756265, "2026-03-04")]
    assert ask_earlier(query) == [("v5.4", 756265, "2026-03-02")]

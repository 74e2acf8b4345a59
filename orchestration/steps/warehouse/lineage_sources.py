"""Which lake tables the rows of an OMOP table come from, and of which parts the hash of a row's id is made.

It follows `record_id` and its like in dbt_project/macros/keys.sql; a test holds the two together on real records. What
does not belong here: following the way (row_lineage.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A lake table: the keys under which a record may become a row (an SQL list), and the parts that are hashed.

    `home` is the OMOP table of the record's kind, for records that their concepts may send elsewhere.
    """

    lake_table: str
    keys: str
    parts: tuple[str, ...]
    feed: str = "ehr_fhir"
    home: str = ""


def _event(lake_table: str, home: str, keys: str = "[_key]", feed: str = "ehr_fhir") -> Source:
    return Source(lake_table, keys, ("site", f"'{feed}'", "{key}"), feed=feed, home=home)


def _export(lake_table: str, home: str, key: str) -> Source:
    return _event(lake_table, home, f"[{key}]", "synthea_csv")


def _named(lake_table: str, kind: str, keys: str = "[_key]") -> Source:
    return Source(lake_table, keys, (f"'{kind}'", "site", "{key}"))


def _plain(lake_table: str) -> tuple[Source, ...]:
    return (Source(lake_table, "[_key]", ("site", "'ehr_fhir'", "{key}")),)


PANEL = "list_concat([_key], list_transform(range(1, 1 + len(coalesce(components, []))), lambda n: _key || '|' || n))"
EVENTS = (
    _event("fhir_condition", "condition_occurrence"),
    _event("fhir_procedure", "procedure_occurrence"),
    _event("fhir_medication_request", "drug_exposure"),
    _event("fhir_medication_administration", "drug_exposure"),
    _event("fhir_medication_statement", "drug_exposure"),
    _event("fhir_immunization", "drug_exposure"),
    _event("fhir_device_use_statement", "device_exposure"),
    _event("fhir_procedure", "device_exposure"),
    _event("fhir_observation", "measurement", PANEL),
    _event("fhir_observation", "observation", PANEL),
    _event("fhir_imaging_study", "observation"),
    _event("fhir_allergy_intolerance", "observation"),
    _export("synthea_condition", "condition_occurrence", "condition_key"),
    _export("synthea_procedure", "procedure_occurrence", "procedure_key"),
    _export("synthea_medication", "drug_exposure", "medication_key"),
    _export("synthea_immunization", "drug_exposure", "immunization_key"),
    _export("synthea_device", "device_exposure", "device_key"),
    _export("synthea_supply", "device_exposure", "supply_key"),
    _export("synthea_allergy", "observation", "allergy_key"),
    _export("synthea_observation", "measurement", "observation_key"),
    _export("synthea_observation", "observation", "observation_key"),
)
MESSAGES = ("hl7v2_adt", "hl7v2_oru", "hl7v2_siu")
PATIENTS = (
    _named("fhir_patient", "person", "[patient_key, mrn_key]"),
    _named("nhamcs_visit", "person", "[visit_key]"),
    _named("synthea_patient", "person", "[patient_key]"),
    *(_named(table, "person", "[patient_key]") for table in (*MESSAGES, "x12_claim")),
)
RECORDS = {
    "person": PATIENTS,
    "death": PATIENTS,
    "visit_occurrence": (
        _named("fhir_encounter", "visit"),
        _named("nhamcs_visit", "visit", "[visit_key]"),
        _named("synthea_encounter", "visit", "[encounter_key]"),
        *(_named(table, "visit", "[visit_key]") for table in MESSAGES),
        _named("x12_claim", "visit", "[claim_key]"),
    ),
    "specimen": _plain("fhir_specimen"),
    "payer_plan_period": _plain("fhir_coverage"),
    "cost": (
        *_plain("fhir_explanation_of_benefit"),
        *_plain("fhir_claim"),
        *(
            _export(f"synthea_{kind}", "", key)
            for kind, key in (
                ("encounter", "encounter_key"),
                ("medication", "medication_key"),
                ("immunization", "immunization_key"),
                ("procedure", "procedure_key"),
            )
        ),
    ),
    "note": (Source("note_text", "[_key]", ("site", "'note_text'", "{key}"), feed="note_text"),),
    "provider": (_named("fhir_practitioner", "provider"),),
    "care_site": (_named("fhir_location", "care site"), _named("fhir_organization", "care site")),
}
DERIVED = {
    "condition_era": (
        "condition_occurrence",
        "person_id = $person_id and condition_concept_id = $condition_concept_id "
        "and condition_start_date between $condition_era_start_date and $condition_era_end_date",
    ),
    "drug_era": (
        "drug_exposure",
        "person_id = $person_id and drug_exposure_start_date between $drug_era_start_date and $drug_era_end_date "
        "and drug_concept_id in (select drug_concept_id from warehouse.intermediate.int_drug_ingredient "
        "where ingredient_concept_id = $drug_concept_id)",
    ),
    "observation_period": ("visit_occurrence", "person_id = $person_id"),
    "person": ("visit_occurrence", "person_id = $person_id"),
    "death": ("visit_occurrence", "person_id = $person_id"),
    "location": ("person", "location_id = $location_id"),
}
"""What derived rows stand on, and a person whom no patient record describes; any other row without a record of its own
stands on its visit."""
FEATURES = {"arrived_by_ambulance": "arrival_mode"}
"""Features that the readings call by another name."""


def hash63(*parts: str) -> str:
    """Return the SQL of macros/keys.sql's hash63 over SQL expressions."""
    joined = ", ".join(f"coalesce(cast({part} as varchar), '')" for part in parts)
    return (
        f"cast(cast('0x' || md5(concat_ws('|', {joined}))[1:16] as ubigint) & 9223372036854775807::ubigint as bigint)"
    )

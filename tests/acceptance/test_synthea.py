"""Records of another system, unseen by this house: every resource accounted for, nobody and nothing lost.

The other reader here is the standard library's: it shares nothing with landing, contracts or dbt.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

pytestmark = [pytest.mark.shared_data, pytest.mark.xdist_group("survey")]


LONG_ENOUGH = 9  # characters: shorter ones may stand in a file by chance


def _all(shared_data: Path) -> Iterator[dict[str, Any]]:
    """Read every resource of the files with the standard library alone: an independent reader."""
    for path in (shared_data / "synthea_fhir_bundles").glob("*.json"):
        yield from (entry["resource"] for entry in json.loads(path.read_text())["entry"])
    for path in (shared_data / "synthea_bulk_ndjson").glob("*.ndjson"):
        yield from (json.loads(line) for line in path.read_text().splitlines())


def _resources(shared_data):
    types, deaths = Counter(), 0
    for resource in _all(shared_data):
        types[resource.get("resourceType", "not FHIR")] += 1
        deaths += "deceasedDateTime" in resource
    return types, deaths


def _of(shared_data: Path, resource_type: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type by id: some come twice."""
    return {one["id"]: one for one in _all(shared_data) if one.get("resourceType") == resource_type}


def _asked(home: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute(query).fetchall()


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _day(text: str) -> date:
    """The day that the clock of the site shows."""
    return datetime.fromisoformat(text).astimezone(ZoneInfo("America/New_York")).date()


def test_every_resource_is_accounted_for(synthea, shared_data):
    receipts = json.loads((synthea.path.parent / "ingest.json").read_text())["receipts"]
    types, _ = _resources(shared_data)
    fates = ("landed", "duplicate", "superseded", "deleted", "quarantined")
    assert all(one["received"] == sum(one[fate] for fate in fates) for one in receipts)
    logs = types.pop("not FHIR")
    assert logs and sum(one["landed"] + one["duplicate"] + one["superseded"] for one in receipts) == types.total()
    [log] = [one for one in receipts if one["quarantined"]]
    assert log["file"].endswith("log.ndjson") and log["quarantined"] == 1 and log["reasons"]


def test_every_patient_encounter_and_death_reaches_omop(synthea, shared_data):
    types, deaths = _resources(shared_data)
    omop = synthea.ok("tables")["omop"]
    assert omop["visit_occurrence"] == types["Encounter"]
    assert omop["death"] == deaths > 0
    assert omop["person"] >= types["Patient"]


def test_every_completed_procedure_reaches_omop_with_its_code_and_time(synthea, shared_data):
    done = [one for one in _of(shared_data, "Procedure").values() if one["status"] == "completed"]
    expected = sorted((one["code"]["coding"][0]["code"], _utc(one["performedPeriod"]["start"])) for one in done)
    query = "select procedure_source_value, procedure_datetime from omop.procedure_occurrence order by all"
    assert _asked(synthea.path, query) == expected
    assert len(expected) > 2000


def test_every_order_and_vaccine_reaches_omop_as_a_drug_on_its_day(synthea, shared_data):
    orders = _of(shared_data, "MedicationRequest").values()
    assert {one["status"] for one in orders} == {"active", "stopped"} and {one["intent"] for one in orders} == {"order"}
    vaccines = [one for one in _of(shared_data, "Immunization").values() if one["status"] == "completed"]
    expected = [
        (one["medicationCodeableConcept"]["coding"][0]["code"], _day(one["authoredOn"]), 32838) for one in orders
    ]
    expected += [(one["vaccineCode"]["coding"][0]["code"], _day(one["occurrenceDateTime"]), 32817) for one in vaccines]
    query = "select drug_source_value, drug_exposure_start_date, drug_type_concept_id from omop.drug_exposure"
    assert Counter(_asked(synthea.path, query)) == Counter(expected)


def test_procedures_and_drugs_belong_to_the_visit_and_patient_that_they_name(synthea, shared_data):
    """Persons and visits are pseudonyms, so the shape is compared: how many records each visit has."""
    per_visit = Counter(
        one["encounter"]["reference"].replace("urn:uuid:", "").removeprefix("Encounter/")
        for kind in ("Procedure", "MedicationRequest", "Immunization")
        for one in _of(shared_data, kind).values()
    )
    query = """select count(*) from (select visit_occurrence_id, person_id from omop.procedure_occurrence
        union all select visit_occurrence_id, person_id from omop.drug_exposure) as facts
        join omop.visit_occurrence as visits using (visit_occurrence_id)
        where facts.person_id = visits.person_id group by visit_occurrence_id"""
    assert sorted(count for (count,) in _asked(synthea.path, query)) == sorted(per_visit.values())


def test_every_bill_costs_once_and_adds_up(synthea, shared_data):
    answers, claims = _of(shared_data, "ExplanationOfBenefit"), _of(shared_data, "Claim")
    answered = {one["claim"]["reference"].removeprefix("urn:uuid:") for one in answers.values()}
    open_claims = [claim for key, claim in claims.items() if key not in answered]
    charged = sum(one["total"][0]["amount"]["value"] for one in answers.values())
    charged += sum(claim["total"]["value"] for claim in open_claims)
    paid = sum(one["payment"]["amount"]["value"] for one in answers.values())
    query = "select count(*), round(sum(total_charge), 2), round(sum(paid_by_payer), 2) from omop.cost"
    assert _asked(synthea.path, query) == [(len(answers) + len(open_claims), round(charged, 2), round(paid, 2))]


def test_every_clinician_reaches_omop_and_what_has_no_row_is_named(synthea, shared_data):
    summary = synthea.ok("tables")
    assert summary["omop"]["provider"] == len(_of(shared_data, "Practitioner"))
    assert summary["omop"]["note"] == summary["omop"]["device_exposure"] == 0
    assert summary["left_out"] == {
        "fhir_claim: answered by an explanation of benefit": len(_of(shared_data, "ExplanationOfBenefit")),
        "fhir_device: no date of use": len(_of(shared_data, "Device")),
        "fhir_diagnostic_report: text not scrubbed": len(_of(shared_data, "DiagnosticReport")),
        "fhir_document_reference: text not scrubbed": len(_of(shared_data, "DocumentReference")),
        "fhir_practitioner_role: describes a provider": len(_of(shared_data, "PractitionerRole")),
        "fhir_resource: no home in OMOP": len(_of(shared_data, "CarePlan")) + len(_of(shared_data, "Goal")),
    }


def test_images_and_allergies_are_observations(synthea, shared_data):
    studies = _of(shared_data, "ImagingStudy").values()
    modalities = sorted(one["series"][0]["modality"]["code"] for one in studies)
    query = "select value_source_value from omop.observation where observation_source_value = 'ImagingStudy' order by 1"
    assert [code for (code,) in _asked(synthea.path, query)] == modalities
    substances = {one["code"]["coding"][0]["code"] for one in _of(shared_data, "AllergyIntolerance").values()}
    found = {code for (code,) in _asked(synthea.path, "select observation_source_value from omop.observation")}
    assert substances <= found


def test_most_of_what_synthea_orders_is_mapped_to_standard_concepts(synthea):
    coverage = synthea.ok("tables")["mapping_coverage"]
    assert coverage["drug_exposure"] > 0.95
    assert coverage["procedure_occurrence"] > 0.7
    assert coverage["condition_occurrence"] > 0.4
    assert _asked(synthea.path, "select count(*) > 500 from omop.drug_era") == [(True,)]


def test_clinicians_devices_images_and_notes_stay_in_the_landing_zone(synthea, shared_data):
    planted = {one["name"][0]["family"] for one in _of(shared_data, "Practitioner").values() if "meta" in one}
    planted |= {one["identifier"][0]["value"] for one in _of(shared_data, "Practitioner").values()}
    for device in _of(shared_data, "Device").values():
        planted |= {device["serialNumber"], device["lotNumber"], device["udiCarrier"][0]["carrierHRF"]}
    for study in _of(shared_data, "ImagingStudy").values():
        planted |= {study["series"][0]["uid"], study["identifier"][0]["value"]}
    notes = list(_of(shared_data, "DocumentReference").values())[:50]
    planted |= {note["content"][0]["attachment"]["data"][40:100] for note in notes}
    assert _found(synthea.path, {text for text in planted if len(text) >= LONG_ENOUGH}) == []


def test_names_and_addresses_stay_in_the_landing_zone(synthea, shared_data):
    """Every family name, street and telephone number of the patients is searched for in all that came after."""
    planted = set()
    for line in (shared_data / "synthea_bulk_ndjson" / "Patient.000.ndjson").read_text().splitlines():
        patient = json.loads(line)
        planted |= {patient["id"], patient["name"][0]["family"], patient["address"][0]["line"][0]}
        planted |= {one["value"] for one in patient.get("telecom", [])} | {
            one["value"] for one in patient["identifier"]
        }
    assert len(planted) > 50
    assert _found(synthea.path, planted) == []


def _found(home: Path, planted: set[str]) -> list[str]:
    """Return the files, of all that came after the landing zone, that hold one of the texts."""
    searched = [
        path
        for folder in ("lake", "receipts", "quarantine", "snapshots", "dbt", "dagster")
        for path in (home / folder).rglob("*")
        if path.is_file()
    ]
    searched.append(home / "warehouse.duckdb")
    assert len(searched) > 50 and planted
    contents = ((path.name, path.read_bytes()) for path in searched)
    return [name for name, content in contents if any(text.encode() in content for text in planted)]


def test_every_file_of_a_home_is_its_owners_alone(synthea):
    open_to_others = [path for path in synthea.path.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert [path.relative_to(synthea.path).as_posix() for path in open_to_others] == []

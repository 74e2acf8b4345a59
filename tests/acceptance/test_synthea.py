"""Records of another system, unseen by this house: every resource accounted for, no patient, visit or death lost."""

import json
from collections import Counter

import pytest

pytestmark = [pytest.mark.shared_data, pytest.mark.xdist_group("survey")]


def _resources(shared_data):
    """Count the resources in the files with the standard library alone: an independent reader."""
    types, deaths = Counter(), 0
    for path in (shared_data / "synthea_fhir_bundles").glob("*.json"):
        for entry in json.loads(path.read_text())["entry"]:
            types[entry["resource"]["resourceType"]] += 1
            deaths += "deceasedDateTime" in entry["resource"]
    for path in (shared_data / "synthea_bulk_ndjson").glob("*.ndjson"):
        for line in path.read_text().splitlines():
            resource = json.loads(line)
            types[resource.get("resourceType", "not FHIR")] += 1
            deaths += "deceasedDateTime" in resource
    return types, deaths


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


def test_names_and_addresses_stay_in_the_landing_zone(synthea, shared_data):
    """Every family name, street and telephone number of the patients is searched for in all that came after."""
    planted = set()
    for line in (shared_data / "synthea_bulk_ndjson" / "Patient.000.ndjson").read_text().splitlines():
        patient = json.loads(line)
        planted |= {patient["id"], patient["name"][0]["family"], patient["address"][0]["line"][0]}
        planted |= {one["value"] for one in patient.get("telecom", [])} | {
            one["value"] for one in patient["identifier"]
        }
    needles = [text.encode() for text in planted]
    searched = [
        path
        for folder in ("lake", "receipts", "quarantine", "snapshots", "dbt", "dagster")
        for path in (synthea.path / folder).rglob("*")
        if path.is_file()
    ]
    searched.append(synthea.path / "warehouse.duckdb")
    assert len(searched) > 50 and len(needles) > 50
    found = [path.name for path in searched for needle in needles if needle in path.read_bytes()]
    assert found == []

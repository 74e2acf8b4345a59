"""Orders, devices, bills and documents as FHIR sends them: where a value is read from, and what stays behind."""

from datetime import UTC, datetime

import pytest

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
AT = "2026-02-01T10:00:00Z"
THEN = datetime(2026, 2, 1, 10, tzinfo=UTC)


def _drug(code: str) -> dict[str, object]:
    return {"coding": [{"system": "http://local", "code": "own"}, {"system": RXNORM, "code": code}]}


def _order(**more: object) -> dict[str, object]:
    subject = {"reference": "Patient/p1"}
    return {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "subject": subject,
    } | more


CONTAINED = [
    {"resourceType": "Practitioner", "id": "doc", "code": _drug("3")},
    {"resourceType": "Medication", "id": "part", "code": _drug("4")},
    {"resourceType": "Medication", "id": "whole", "code": _drug("5")},
]


@pytest.mark.parametrize(
    ("medication", "code", "referred"),
    [
        ({"medicationCodeableConcept": _drug("1")}, "1", None),
        ({"medicationReference": {"reference": "Medication/pills"}}, None, ("Medication", "pills")),
        ({"medicationReference": {"reference": "#whole"}, "contained": CONTAINED}, "5", None),
        ({"medicationReference": {"reference": "#doc"}, "contained": CONTAINED}, None, None),
        ({"medicationReference": {"reference": "#gone"}, "contained": CONTAINED}, None, None),
        ({"medicationCodeableConcept": _drug("1"), "contained": CONTAINED}, "1", None),
    ],
)
def test_a_drug_is_stated_contained_or_referred_to(zone, ndjson, known_as, medication, code, referred) -> None:
    assert zone.one("x.ndjson", ndjson(_order(**medication))).landed == 1
    key = known_as(*referred) if referred else None
    system = RXNORM if code else None
    assert zone.rows("fhir_medication_request", "code, code_system, medication_key") == [(code, system, key)]


def test_a_procedure_has_its_period_or_time_and_none_from_words_and_a_day_without_a_time_is_whole(zone, ndjson) -> None:
    base = {"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/p1"}}
    records = [
        base | {"id": "1", "performedDateTime": AT},
        base | {"id": "2", "performedPeriod": {"start": AT, "end": "2026-02-01T11:00:00Z"}},
        base | {"id": "3", "performedString": "in the morning"},
        base | {"id": "4", "performedPeriod": {"start": AT, "end": "2026-02-01T09:00:00Z"}},
        base | {"id": "5", "performedPeriod": {"start": AT, "end": "2026-02-01"}},
        base | {"id": "6", "performedPeriod": {"start": AT, "end": "2026-01-30"}},
    ]
    receipt = zone.one("x.ndjson", ndjson(*records))
    assert (receipt.landed, receipt.reasons) == (4, {"Procedure.ended_at.order": 2})
    midnight, later = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, 11, tzinfo=UTC)
    found = zone.rows("fhir_procedure", "started_at, ended_at")
    assert found == [(THEN, midnight), (THEN, later), (THEN, None), (None, None)]


def test_a_performer_is_a_clinician_or_a_role_and_an_organization_is_neither(zone, ndjson, known_as) -> None:
    base = {"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/p1"}}
    actors = ["Practitioner/d", "PractitionerRole/r", "Organization/o"]
    records = [base | {"id": a, "performer": [{"actor": {"reference": a}}]} for a in actors]
    assert zone.one("x.ndjson", ndjson(*records)).landed == 3
    assert zone.rows("fhir_procedure", "performer_key, performer_role_key") == [
        (known_as("Practitioner", "d"), None),
        (None, known_as("PractitionerRole", "r")),
        (None, None),
    ]


def test_names_numbers_and_texts_of_devices_clinicians_and_documents_stay_behind(zone, ndjson, known_as) -> None:
    records = [
        {
            "resourceType": "Device",
            "id": "v",
            "serialNumber": "SERIAL-77",
            "lotNumber": "LOT-77",
            "distinctIdentifier": "DI-77",
            "udiCarrier": [{"carrierHRF": "(01)HRF-77", "deviceIdentifier": "DI-77"}],
        },
        {
            "resourceType": "Practitioner",
            "id": "d",
            "name": [{"family": "Zorro"}],
            "birthDate": "1971-02-03",
            "identifier": [
                {"system": "http://staff", "value": "STAFF-77"},
                {"system": "http://hl7.org/fhir/sid/us-npi", "value": "NPI-77"},
            ],
        },
        {
            "resourceType": "DocumentReference",
            "id": "n",
            "status": "current",
            "description": "about Diego",
            "content": [{"attachment": {"contentType": "text/plain", "data": "U0VDUkVU", "title": "Letter-77"}}],
        },
        {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {}, "conclusion": "Conclusion-77"},
    ]
    assert zone.one("x.ndjson", ndjson(*records)).landed == 4
    assert zone.rows("fhir_device", "udi_key") == [(known_as("UDI", "(01)HRF-77"),)]
    npi = known_as("http://hl7.org/fhir/sid/us-npi", "NPI-77")
    assert zone.rows("fhir_practitioner", "identifier_key, npi_key") == [(known_as("http://staff", "STAFF-77"), npi)]
    kept = {path: content for path, content in zone.files().items() if not path.startswith("raw/")}
    secrets = (b"-77", b"Zorro", b"1971", b"Diego", b"U0VDUkVU", b"SECRET")
    assert [path for path, content in kept.items() if any(secret in content for secret in secrets)] == []


def test_a_study_is_known_by_the_uid_that_its_images_carry(zone, ndjson, known_as) -> None:
    record = {
        "resourceType": "ImagingStudy",
        "id": "s",
        "status": "available",
        "identifier": [{"system": "urn:other", "value": "A1"}, {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
        "series": [{"modality": {"code": "CT"}, "bodySite": {"code": "51185008"}, "numberOfInstances": 7}],
        "numberOfSeries": 1,
        "numberOfInstances": 7,
    }
    assert zone.one("x.ndjson", ndjson(record)).landed == 1
    columns = "study_key, modality_code, body_site_code, series_count, instance_count"
    assert zone.rows("fhir_imaging_study", columns) == [(known_as("urn:dicom:uid", "1.2.3"), "CT", "51185008", 1, 7)]


def test_an_answer_to_a_bill_has_its_totals_by_category_and_the_visit_of_its_first_item(zone, ndjson, known_as) -> None:
    totals = [
        {"category": {"coding": [{"code": code}]}, "amount": {"value": value, "currency": "USD"}}
        for code, value in [("benefit", 60), ("submitted", 100.5), ("copay", 5)]
    ]
    record = {
        "resourceType": "ExplanationOfBenefit",
        "id": "e",
        "status": "active",
        "use": "claim",
        "outcome": "complete",
        "claim": {"reference": "Claim/c"},
        "item": [{"encounter": [{"reference": "Encounter/v"}]}],
        "total": totals,
        "payment": {"amount": {"value": 55, "currency": "USD"}},
    }
    assert zone.one("x.ndjson", ndjson(record)).landed == 1
    columns = "claim_key, encounter_key, charged, benefit, copay, allowed, paid, currency"
    keys = (known_as("Claim", "c"), known_as("Encounter", "v"))
    assert zone.rows("fhir_explanation_of_benefit", columns) == [(*keys, 100.5, 60.0, 5.0, None, 55.0, "USD")]


def test_of_the_text_of_a_cover_only_a_class_of_payer_is_kept_and_of_a_lot_only_what_looks_like_one(
    zone, ndjson
) -> None:
    cover = {"resourceType": "Coverage", "status": "active"}
    vaccine = {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"}}
    records = [
        cover | {"id": "1", "type": {"text": " Medicare"}},
        cover | {"id": "2", "type": {"text": "pays for Zorro"}},
        vaccine | {"id": "1", "lotNumber": "AB-1/2"},
        vaccine | {"id": "2", "lotNumber": "given to: Zorro"},
    ]
    assert zone.one("x.ndjson", ndjson(*records)).landed == 4
    assert zone.rows("fhir_coverage", "payer_class") == [("medicare",), (None,)]
    assert zone.rows("fhir_immunization", "lot_number") == [("AB-1/2",), (None,)]


def test_those_who_take_part_in_an_appointment_are_told_apart_by_type(zone, ndjson, known_as) -> None:
    actors = ["Patient/p1", "Practitioner/d", "Location/l", "HealthcareService/h"]
    record = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "start": AT,
        "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
    }
    assert zone.one("x.ndjson", ndjson(record)).landed == 1
    [(participants,)] = zone.rows("fhir_appointment", "participants")
    found = [(one["patient_key"], one["practitioner_key"], one["location_key"]) for one in participants]
    assert found == [
        (known_as("Patient", "p1"), None, None),
        (None, known_as("Practitioner", "d"), None),
        (None, None, known_as("Location", "l")),
        (None, None, None),
    ]

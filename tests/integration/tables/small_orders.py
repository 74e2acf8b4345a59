"""What `city` (small_hospital.py) ordered, gave, did and billed: procedures, drugs, devices, samples, images, payers.

What does not belong here: expectations; each test states its own.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_hospital import FIRST, at

CITY = ZoneInfo("America/New_York")
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

Row = dict[str, object]


def long_ago(text: str) -> datetime:
    """A day of the year before, as landing reads one without a clock: the midnight of the city."""
    return datetime.fromisoformat(f"2025-{text}T00:00:00").replace(tzinfo=CITY).astimezone(UTC)


def land_orders(lake: SmallLake) -> None:
    """Land one day of orders and bills."""
    tables = {**_clinicians(), **_procedures(), **_drugs(), **_devices(), **_payers(), **_documents()}
    for table, rows in tables.items():
        lake.land(table, rows, site="city", arrived_at=FIRST)


def _clinicians() -> dict[str, list[Row]]:
    return {
        "fhir_practitioner": [{"practitioner_key": "doc", "npi_key": "npi-1", "gender": "female"}],
        "fhir_practitioner_role": [
            {"practitioner_role_key": "role", "practitioner_key": "npi-1", "organization_key": "hospital-number",
             "specialty_code": "208D00000X", "specialty_system": "http://nucc.org/provider-taxonomy"},
        ],
    }  # fmt: skip


def _procedure(key: str, **more: object) -> Row:
    return {
        "procedure_key": key, "patient_key": "ann", "encounter_key": "stay", "status": "completed",
        "code": "73761001", "code_system": SNOMED, "started_at": at(1, "11:00"), "ended_at": at(1, "11:30"), **more,
    }  # fmt: skip


def _procedures() -> dict[str, list[Row]]:
    return {
        "fhir_procedure": [
            _procedure("scope", performer_role_key="role"),
            _procedure("implant", device_key="meter", performer_key="stranger"),
            _procedure("undone", status="not-done"),
            _procedure("undated", started_at=None, ended_at=None),
            _procedure("walk-in", patient_key="passer-by", encounter_key=None, code="no such code"),
            _procedure("nobodys", patient_key=None, encounter_key=None),
        ],
        "fhir_specimen": [
            {"specimen_key": "blood", "patient_key": "ann", "code": "119297000", "code_system": SNOMED,
             "collected_at": at(1, "10:30"), "quantity": 5.0, "quantity_unit": "mL"},
            {"specimen_key": "received-only", "patient_key": "ann", "received_at": at(1, "10:40")},
        ],
    }  # fmt: skip


def _order(key: str, authored: datetime, days: float, **more: object) -> Row:
    return {
        "medication_request_key": key, "patient_key": "ann", "status": "stopped", "intent": "order",
        "medication_key": "pills", "authored_at": authored, "supply": days, "supply_unit": "d",
        "requester_key": "npi-1", **more,
    }  # fmt: skip


def _drugs() -> dict[str, list[Row]]:
    dose: Row = {"patient_key": "ann", "encounter_key": "stay", "code": "1", "code_system": RXNORM}
    return {
        "fhir_medication": [{"medication_key": "pills", "code": "314076", "code_system": RXNORM}],
        "fhir_medication_request": [
            _order("winter", long_ago("01-01"), 30.0, refills=2, quantity=60.0),
            _order("again", long_ago("02-20"), 10.0),
            _order("summer", long_ago("06-01"), 1.0),
            _order("plan", long_ago("07-01"), 1.0, intent="plan"),
            _order("cancelled", long_ago("07-01"), 1.0, status="cancelled"),
            _order("prohibited", long_ago("07-01"), 1.0, is_prohibition=True),
        ],
        "fhir_medication_administration": [
            {"medication_administration_key": "drip", **dose, "status": "completed", "started_at": at(1, "12:00"),
             "ended_at": at(2, "08:00"), "dose_value": 500.0, "dose_unit": "mL", "route_code": "47625008"},
            {"medication_administration_key": "refused", **dose, "status": "not-done", "started_at": at(1, "12:00")},
        ],
        "fhir_medication_statement": [
            {"medication_statement_key": "never", **dose, "status": "not-taken", "started_at": at(1, "09:00")},
            {"medication_statement_key": "home", **dose, "status": "active"},
        ],
        "fhir_immunization": [
            {"immunization_key": "jab", "patient_key": "ann", "status": "completed", "code": "140",
             "code_system": "http://hl7.org/fhir/sid/cvx", "occurred_at": long_ago("10-01"), "lot_number": "L1"},
            {"immunization_key": "in-words", "patient_key": "ann", "status": "completed", "code": "140"},
        ],
    }  # fmt: skip


def _devices() -> dict[str, list[Row]]:
    return {
        "fhir_device": [
            {"device_key": "meter", "patient_key": "ann", "code": "337414009", "code_system": SNOMED, "udi_key": "udi"},
            {"device_key": "shelf", "patient_key": "ann", "code": "337414009", "code_system": SNOMED},
        ],
        "fhir_device_use_statement": [
            {"device_use_statement_key": "use", "patient_key": "ann", "status": "active", "device_key": "meter",
             "started_at": long_ago("03-01")},
            {"device_use_statement_key": "meant", "patient_key": "ann", "status": "intended", "device_key": "shelf",
             "started_at": long_ago("03-01")},
        ],
    }  # fmt: skip


def _payers() -> dict[str, list[Row]]:
    bill: Row = {"patient_key": "ann", "status": "active", "use": "claim", "currency": "USD"}
    return {
        "fhir_coverage": [
            {"coverage_key": "cover", "patient_key": "ann", "status": "active", "type_code": "1",
             "started_at": long_ago("01-01")},
            {"coverage_key": "undated", "patient_key": "ann", "status": "active"},
        ],
        "fhir_claim": [
            {"claim_key": "bill", **bill, "encounter_key": "stay", "total": 100.0, "coverage_key": "cover"},
            {"claim_key": "pharmacy", **bill, "encounter_key": "stay", "prescription_key": "winter", "total": 20.0},
            {"claim_key": "estimate", **bill, "use": "predetermination", "encounter_key": "stay", "total": 9.0},
            {"claim_key": "nowhere", **bill, "encounter_key": "lost", "total": 7.0},
        ],
        "fhir_explanation_of_benefit": [
            {"explanation_of_benefit_key": "answer", **bill, "outcome": "complete", "claim_key": "bill",
             "charged": 100.0, "allowed": 90.0, "paid": 70.0, "paid_by_patient": 20.0},
        ],
    }  # fmt: skip


def _documents() -> dict[str, list[Row]]:
    return {
        "fhir_document_reference": [
            {"document_reference_key": "letter", "patient_key": "ann", "status": "current",
             "written_at": at(1, "15:00")},
            {"document_reference_key": "scrubbed", "patient_key": "ann", "status": "current",
             "written_at": at(1, "16:00"), "_content": "c" * 64},
        ],
        "note_text": [
            {"note_key": "its-text", "source_table": "fhir_document_reference", "source_key": "scrubbed",
             "source_content": "c" * 64, "part": "content0", "patient_key": "ann", "note_text": "Feels better."},
        ],
        "fhir_diagnostic_report": [
            {"diagnostic_report_key": "report", "patient_key": "ann", "status": "final",
             "effective_at": at(1, "15:00")},
            {"diagnostic_report_key": "void", "patient_key": "ann", "status": "cancelled"},
        ],
        "fhir_imaging_study": [
            {"imaging_study_key": "pictures", "patient_key": "ann", "encounter_key": "stay", "status": "available",
             "started_at": at(1, "11:00"), "modality_code": "CT", "body_site_code": "51185008", "instance_count": 40,
             "procedure_key": "scope", "referrer_key": "doc"},
        ],
        "fhir_allergy_intolerance": [
            {"allergy_intolerance_key": "nuts", "patient_key": "ann", "code": "442571000124108", "code_system": SNOMED,
             "criticality": "high", "recorded_at": long_ago("04-01"), "recorder_key": "doc"},
            {"allergy_intolerance_key": "cats", "patient_key": "ann", "verification_status": "refuted",
             "recorded_at": long_ago("04-01")},
        ],
        "fhir_appointment": [{"appointment_key": "checkup", "status": "booked", "started_at": at(9, "09:00")}],
        "fhir_resource": [
            {"resource_type": "Goal", "resource_key": "goal", "patient_key": "ann"},
            {"resource_type": "Procedure", "resource_key": "of-old", "patient_key": "ann"},
        ],
    }  # fmt: skip

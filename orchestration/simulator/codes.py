"""The code systems and codes that the simulated records use.

Arrival mode: LOINC 11459-5 (Transport mode to hospital) with a coded value, as the German emergency department
register does it: SNOMED CT 44613004 (ground transport ambulance), and LOINC answers for the others. What does not
belong here: codes of complaints and diagnoses (`catalogue.yaml`).
"""

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
ADMIT_SOURCE = "http://terminology.hl7.org/CodeSystem/admit-source"
DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
READMISSION = "http://terminology.hl7.org/CodeSystem/v2-0092"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
PHYSICAL_TYPE = "http://terminology.hl7.org/CodeSystem/location-physical-type"
ORGANIZATION_TYPE = "http://terminology.hl7.org/CodeSystem/organization-type"
RACE_AND_ETHNICITY = "urn:oid:2.16.840.1.113883.6.238"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
LANGUAGE = "urn:ietf:bcp:47"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"

Coding = dict[str, str]
Concept = dict[str, object]


def coding(system: str, code: str, display: str | None = None) -> Coding:
    """A FHIR Coding."""
    bare = {"system": system, "code": code}
    return {**bare, "display": display} if display else bare


def concept(system: str, code: str, display: str | None = None, text: str | None = None) -> Concept:
    """A FHIR CodeableConcept with one coding."""
    found: Concept = {"coding": [coding(system, code, display)]}
    if text:
        found["text"] = text
    return found


TRIAGE_LEVEL = concept(LOINC, "75636-1", "Emergency severity index [ESI]")
CHIEF_COMPLAINT = concept(LOINC, "8661-1", "Chief complaint - Reported")
PAIN = concept(LOINC, "72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported")
TRANSPORT = concept(LOINC, "11459-5", "Transport mode to hospital")
PRESSURE_PANEL = concept(LOINC, "85354-9", "Blood pressure panel with all children optional")
SYSTOLIC = concept(LOINC, "8480-6", "Systolic blood pressure")
DIASTOLIC = concept(LOINC, "8462-4", "Diastolic blood pressure")
HEART_RATE = concept(LOINC, "8867-4", "Heart rate")
RESPIRATORY_RATE = concept(LOINC, "9279-1", "Respiratory rate")
TEMPERATURE = concept(LOINC, "8310-5", "Body temperature")
SATURATION = {
    "59408-5": concept(LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
    "2708-6": concept(LOINC, "2708-6", "Oxygen saturation in Arterial blood"),
}

BY_AMBULANCE: Concept = {
    "coding": [coding(SNOMED, "44613004", "Ground transport ambulance"), coding(LOINC, "LA9318-2", "Ambulance")]
}
BY_OWN_MEANS = concept(LOINC, "LA9319-0", "Walk-in following transport via private transportation")
BY_POLICE = concept(LOINC, "LA9321-6", "Walk-in following nonambulance, law enforcement transport")

VITAL_SIGNS: list[Concept] = [concept(CATEGORY, "vital-signs")]
SURVEY: list[Concept] = [concept(CATEGORY, "survey")]
LABORATORY: list[Concept] = [concept(CATEGORY, "laboratory")]

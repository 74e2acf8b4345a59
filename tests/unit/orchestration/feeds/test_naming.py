"""Names of files as they may be told."""

import pytest

from orchestration.feeds.naming import told_name


@pytest.mark.parametrize(
    "name",
    ["Patient.ndjson", "Observation.000.ndjson", "ed2011-stata.dta", "PBJ_Daily_Nurse_Staffing_CY2024Q2.csv",
     "messages_2026-03-01.hl7", "drop.zip/fhir/MedicationRequest.ndjson.gz", "837P_claims.x12", "README.md"],
)  # fmt: skip
def test_what_files_are_called_is_told(name: str) -> None:
    assert told_name(name) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [("Smith_John_1950-02-03.dcm", "~.dcm"), ("MRN12345678.hl7", "~.hl7"), ("Aaron697_Brekke4_2fa-8.json", "~.json"),
     ("notes of Zorrillova.csv", "notes of ~.csv"), ("1987654321.x12", "~.x12"), ("Łukasz.csv", "~.csv"),
     ("drop.zip/O'Brien/Patient.ndjson", "drop.zip/~/Patient.ndjson"), ("visits-jane@roe.csv", "visits-~.csv")],
)  # fmt: skip
def test_what_people_are_called_is_not(name: str, told: str) -> None:
    assert told_name(name) == told
    assert told_name(told) == told

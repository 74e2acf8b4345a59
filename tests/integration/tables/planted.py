"""One person of 104 years under two numbers in five feeds, and what may be found of them where dates are shifted.

What they did lies within three days that nobody else's does; a shift is of whole weeks, so that any of these days in a
table is a true one. What does not belong here: building tables.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.steps.warehouse.tables import HANDED_OUT, SNAPSHOT_TABLES
from tests.integration.tables.lake import SmallLake
from tests.integration.tables.small_messages import Row, adt, claim, merged, oru, result

FIRST = datetime(2014, 6, 17, 8, 11, 5, tzinfo=UTC)
BORN, FLOOR, OLDEST = date(1921, 8, 9), 1936, 90
ZIP3, TOWN, AGE = "663", "Little Planting", 104.375
LOINC = "http://loinc.org"


def key(name: str) -> str:
    """A pseudonym, as landing makes them: 32 hexadecimal digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


TRUE_DAYS = [FIRST.date() + timedelta(days=n) for n in range(4)]
ONE, OTHER, MRN = key("aged"), key("aged-other"), key("aged-mrn")


def at(hours: float) -> datetime:
    return FIRST + timedelta(hours=hours)


def land_planted(lake: SmallLake, site: str, arrived_at: datetime) -> None:
    """The records of both numbers, in FHIR, HL7 v2, X12 and DICOM; under the second no visit has a number."""
    visit, when = key("aged-visit"), {"recorded_at": at(30), "message_at": at(30), "_version_at": at(30)}
    reading: Row = {"patient_key": ONE, "encounter_key": visit, "status": "final", "code_system": LOINC}
    tables: dict[str, list[Row]] = {
        "fhir_patient": [{"patient_key": ONE, "mrn_key": MRN, "gender": "female", "birth_date": BORN, "state": TOWN,
                          "zip3": ZIP3}],
        "fhir_encounter": [{"encounter_key": visit, "patient_key": ONE, "status": "finished", "class_code": "EMER",
                            "started_at": at(0), "ended_at": at(9)}],
        "fhir_observation": [
            {**reading, "observation_key": key("aged-pulse"), "code": "8867-4", "value_number": 71.0,
             "value_unit": "/min", "effective_at": at(0.5)},
            {**reading, "observation_key": key("aged-age"), "code": "30525-0", "value_number": AGE, "value_unit": "a",
             "effective_at": at(1)},
        ],
        "fhir_document_reference": [{"document_reference_key": key("aged-letter"), "patient_key": ONE,
                                     "status": "current", "written_at": at(26.5), "_content": "a" * 64}],
        "note_text": [{"note_key": key("aged-text"), "source_table": "fhir_document_reference", "patient_key": ONE,
                       "source_key": key("aged-letter"), "source_content": "a" * 64, "part": "content0",
                       "note_text": "Walks alone."}],
        "fhir_condition": [{"condition_key": key("aged-illness"), "patient_key": ONE, "encounter_key": visit,
                            "code": "I10", "code_system": "http://hl7.org/fhir/sid/icd-10-cm", "onset_at": at(1),
                            "clinical_status": "active", "verification_status": "confirmed"}],
        "hl7v2_adt": [
            adt(key("aged-in"), "A01", 0, patient=OTHER, visit=None, class_code="I")
            | when | {"occurred_at": at(24.25)},
            adt(key("aged-out"), "A03", 0, patient=OTHER, visit=None, class_code="I", discharged_at=at(30))
            | when | {"occurred_at": at(30)},
        ],
        "hl7v2_oru": [
            oru(key("aged-result"), 0, result("718-7", 12.5, order=None, patient_key=OTHER, observed_at=at(25.1),
                specimen_code="BLD", collected_at=at(24.5)),
                result("30525-0", None, order=None, patient_key=OTHER, value_type="ST", value_text=f"{AGE} years",
                observed_at=at(25.1)),
                result("8302-2", None, order=None, patient_key=OTHER, value_type="TS", value_at=at(25),
                observed_at=at(25.1)),
                patient_key=OTHER, visit_key=None) | {"message_at": at(26)},
        ],
        "x12_claim": [
            claim(key("aged-claim"), key("aged-bill"), 99, 0, mrn_key=MRN, submitted_at=at(40), _version_at=at(40),
                  service_from_date=str(at(24).date()), service_to_date=str(at(24).date()), lines=[],
                  procedures=[{"code": "0BH17EZ", "code_system": "ICD-10-PCS", "procedure_date": str(at(24).date())}]),
        ],
        "dicom_instance": [{"instance_key": key("aged-object"), "series_key": key("aged-series"), "mrn_key": MRN,
                            "study_key": key("aged-study"), "modality": "CT", "body_part": "HEAD", "study_at": at(28)}],
    }  # fmt: skip
    for table, rows in tables.items():
        lake.land(table, rows, site=site, arrived_at=arrived_at)


def land_merge(lake: SmallLake, site: str, arrived_at: datetime) -> None:
    """The second number turns out to be the first's person (A40), typed in within the three days."""
    told = {"occurred_at": at(48), "recorded_at": at(48), "message_at": at(48), "_version_at": at(48)}
    message = adt(key("aged-merge"), "A40", 0, patient=MRN, visit=None, merges=merged(OTHER, MRN)) | told
    lake.land("hl7v2_adt", [message], site=site, arrived_at=arrived_at)


def _tables(db: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What may be handed out of such a site: OMOP, and of the marts what a snapshot takes."""
    rows = db.execute("select 'omop.' || table_name from information_schema.tables where table_schema = 'omop'")
    yield from sorted(str(name) for (name,) in rows.fetchall())
    yield from (table for name, table in SNAPSHOT_TABLES.items() if name in HANDED_OUT)


def told_of_planted(warehouse: Path) -> list[str]:
    """Return every value of every table that is handed out that tells a true day, the birth, the age or the town."""
    days = "|".join(str(day) for day in [*TRUE_DAYS, BORN])
    millis = "|".join(str(int((FIRST + timedelta(minutes=n)).timestamp()))[:6] + r"\d{7}\b" for n in (0, 4320))
    wanted = re.compile(rf"{days}|\b(?:{millis})|\b{BORN.year}\b|\b{AGE}\b|{TOWN}|\"{ZIP3}\"", re.IGNORECASE)
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        return [
            f"{table}: {found[0]}"
            for table in _tables(db)
            for (row,) in db.execute(f"select to_json(one)::varchar from {table} as one").fetchall()
            if (found := wanted.search(row))
        ]


DATED = {
    "visit_occurrence": ("visit_start_datetime", [0, 24.25]), "measurement": ("measurement_datetime", [0.5, 25.1]),
    "condition_occurrence": ("condition_start_datetime", [1]), "specimen": ("specimen_datetime", [24.5]),
    "observation": ("observation_datetime", [28]), "note": ("note_datetime", [26.5]),
}  # fmt: skip


def shifts_of_planted(warehouse: Path) -> set[timedelta]:
    """Return how far published times of the person lie before the true ones: one shift, if all is well.

    Every true time is looked for by its clock, which a shift keeps; one that no row has counts as a shift of nothing.
    """
    found: set[timedelta] = set()
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        for table, (column, hours) in DATED.items():
            person = "(select person_id from omop.person where person_source_value = ?)"
            rows = db.execute(f"select {column} from omop.{table} where person_id = {person}", [MRN]).fetchall()
            for true in map(at, hours):
                times = [time.replace(tzinfo=UTC) for (time,) in rows if time and time.time() == true.time()]
                found |= {true - time for time in times} or {timedelta()}
    return found

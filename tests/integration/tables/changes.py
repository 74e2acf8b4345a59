"""What a hospital changes afterwards, derived from what it sent: late, corrected, deleted, merged and moved records.

Rows are written as landing writes them, with a receipt each. What does not belong here: expectations.
"""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from tests.integration.tables.lake import SmallLake
from tests.integration.tables.planted import Row, key, land_merge, land_planted

SITE = "rural"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


class Changes:
    """Derives rows from the lake of a home and lands them there."""

    def __init__(self, home: Path) -> None:
        self._home, self._lake = home, SmallLake(home)

    def some(self, table: str, condition: str = "true", limit: int = 1) -> list[Row]:
        """Return rows of a lake table without their provenance: the first keys that meet a condition."""
        with duckdb.connect() as db:
            db.execute("set TimeZone = 'UTC'")
            found = db.execute(
                f"select * exclude (_feed, _contract, _file, _line, _arrived_at, _content, site, day) "
                f"from read_parquet('{self._home}/lake/{table}/site={SITE}/*/*.parquet', union_by_name = true) "
                f"where not _is_deleted and {condition} order by _key, _version_at limit {limit}"
            )
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def land(self, table: str, rows: list[Row], arrived_at: datetime) -> None:
        self._lake.land(table, rows, site=SITE, arrived_at=arrived_at)

    def before_their_person(self, at: datetime) -> None:
        """Records of people of whom nothing is known yet, one only by the visit, with a bill for a drug."""
        visit: Row = {"encounter_key": key("early-visit"), "patient_key": key("early"), "status": "finished",
                      "class_code": "EMER", "started_at": at, "ended_at": at,
                      "provider_org_key": key("no-such-place")}  # fmt: skip
        self.land("fhir_encounter", [visit], at)
        sign: Row = {"observation_key": key("early-sign"), "encounter_key": key("early-visit"), "code": "8867-4",
                     "status": "final", "code_system": "http://loinc.org", "value_number": 70.0,
                     "effective_at": at}  # fmt: skip
        self.land("fhir_observation", [sign], at)
        drug: Row = {"medication_request_key": key("early-drug"), "patient_key": key("early-mrn"), "status": "active",
                     "intent": "order", "medication_key": key("early-pills"), "authored_at": at,
                     "requester_key": key("early-doctor")}  # fmt: skip
        self.land("fhir_medication_request", [drug], at)
        bill: Row = {"claim_key": key("early-bill"), "prescription_key": key("early-drug"), "status": "active",
                     "use": "claim", "total": 12.5, "currency": "USD"}  # fmt: skip
        self.land("fhir_claim", [bill], at)
        device: Row = {"device_key": key("early-pump"), "status": "active", "udi_key": "udi"}
        self.land("fhir_device", [device], at)
        self._letter(1, at)
        self._scrubbed(1, at)
        surveyed: list[Row] = [
            {"visit_key": visit, "_key": key(visit), "survey_year": 2019, "month": 2, "weekday": 6, "age_years": 50,
             "sex": 1, "race_ethnicity": 3, "admit_unit": -7, "hospital_discharge_status": -7,
             "hospital_key": f"h-{visit}"}
            for visit in ("one", "two")
        ]  # fmt: skip
        self.land("nhamcs_visit", surveyed, at)

    def _letter(self, version: int, at: datetime) -> None:
        letter: Row = {"document_reference_key": key("early-letter"), "patient_key": key("early"), "status": "current",
                       "written_at": at, "_version_at": at, "_content": str(version) * 64}  # fmt: skip
        self.land("fhir_document_reference", [letter], at)

    def _scrubbed(self, version: int, at: datetime) -> None:
        """The text of one version of the letter, and one that is withheld."""
        text: Row = {"source_table": "fhir_document_reference", "source_key": key("early-letter"),
                     "source_content": str(version) * 64, "patient_key": key("early")}  # fmt: skip
        told: Row = {**text, "note_key": key(f"text{version}"), "part": "content0", "note_text": f"Version {version}."}
        withheld: Row = {**text, "note_key": key(f"other{version}"), "part": "content1", "withheld_reason": "language"}
        self.land("note_text", [told, withheld], at)

    def appointments(self, at: datetime, *told: int) -> None:
        """Versions of two appointments under one number each, of a table and of FHIR, by the hour that tells them.

        Every second hour tells a start one day later than the hours before.
        """
        begins = datetime(2026, 4, 1, 15, tzinfo=at.tzinfo)
        for hour in told:
            slot = begins + timedelta(days=hour // 2)
            stamp: Row = {"_version_at": datetime(2026, 2, 1, hour, tzinfo=at.tzinfo)}
            clinic: Row = {"appointment_key": key("moved"), "mrn_key": key("mover"), "clinic_code": "GIM",
                           "starts_at": slot, "booked_at": datetime(2026, 1, 20, tzinfo=at.tzinfo), "status": "booked",
                           "updated_at": stamp["_version_at"]}  # fmt: skip
            self.land("clinic_appointment", [{**clinic, **stamp}], at)
            resource: Row = {"appointment_key": key("moved resource"), "status": "booked", "started_at": slot,
                             "created_at": datetime(2026, 1, 20, tzinfo=at.tzinfo),
                             "participants": [{"patient_key": key("resource mover")}]}  # fmt: skip
            self.land("fhir_appointment", [{**resource, **stamp}], at)

    def planted(self, at: datetime) -> None:
        """A very old person under two numbers, in every feed."""
        land_planted(self._lake, SITE, at)

    def planted_merged(self, at: datetime) -> None:
        """The two numbers are of one person."""
        land_merge(self._lake, SITE, at)

    def afterwards(self, at: datetime) -> None:
        """The person, the drug and the clinician become known; an answer to the bill; a use of the device."""
        patient: Row = {"patient_key": key("early"), "mrn_key": key("early-mrn"), "gender": "female", "state": "ME",
                        "birth_date": at.date().replace(year=1960)}  # fmt: skip
        self.land("fhir_patient", [patient], at)
        pills: Row = {
            "medication_key": key("early-pills"),
            "code": "314076",
            "code_system": "RxNorm",
            "status": "active",
        }
        self.land("fhir_medication", [pills], at)
        self.land("fhir_practitioner", [{"practitioner_key": key("early-doctor"), "gender": "male"}], at)
        answer: Row = {"explanation_of_benefit_key": key("early-answer"), "claim_key": key("early-bill"),
                       "status": "active", "use": "claim", "outcome": "complete", "paid": 10.0}  # fmt: skip
        self.land("fhir_explanation_of_benefit", [answer], at)
        use: Row = {"device_use_statement_key": key("early-use"), "patient_key": key("early"), "status": "active",
                    "device_key": key("early-pump"), "started_at": at}  # fmt: skip
        self.land("fhir_device_use_statement", [use], at)
        self.land("nhamcs_visit", [{"visit_key": "one", "_key": key("one"), "_is_deleted": True}], at)

    def corrected(self, at: datetime) -> None:
        """Other values, another patient, another mind; and a version that is older than what is known."""
        signs = self.some("fhir_observation", "value_number is not null", 6)
        changed = [
            {**sign, "value_number": 1.0, "value_comparator": comparator, "_version_at": at}
            for sign, comparator in zip(signs[:3], (None, "<", ">="), strict=True)
        ]
        stale = [
            {**sign, "value_number": 2.0, "_version_at": datetime(2000, 1, 1, tzinfo=at.tzinfo)} for sign in signs[3:]
        ]
        self.land("fhir_observation", changed + stale, at)
        [visit] = self.some("fhir_encounter", "patient_key is not null")
        [other] = self.some("fhir_patient", f"patient_key != '{visit['patient_key']}'")
        self.land("fhir_encounter", [{**visit, "patient_key": other["patient_key"], "_version_at": at}], at)
        ruled_out = [
            {**one, "verification_status": "refuted", "_version_at": at} for one in self.some("fhir_condition", limit=2)
        ]
        self.land("fhir_condition", ruled_out, at)
        self._letter(2, at)

    def merged_and_deleted(self, at: datetime) -> None:
        """Two people turn out to be one; another's record goes, and a visit, and some of what was measured.

        The text of the letter's newer version comes.
        """
        self._scrubbed(2, at)
        kept, merged, gone = self.some("fhir_patient", limit=3)
        mrn = kept["mrn_key"] or kept["patient_key"]
        self.land("fhir_patient", [{**merged, "mrn_key": mrn, "_version_at": at}], at)
        for table, rows in {
            "fhir_patient": [gone],
            "fhir_encounter": self.some("fhir_encounter", f"patient_key != '{gone['patient_key']}'", 1),
            "fhir_observation": self.some("fhir_observation", "value_number is null", 4),
        }.items():
            named = next(name for name in rows[0] if name.endswith("_key") and name != "_key")
            self.land(table, [{named: row[named], "_is_deleted": True} for row in rows], at)

    def made_up(self, at: datetime) -> None:
        """Two people turn out to be made up for a test, and one of them not."""
        once, ever = self.some("fhir_patient", limit=5)[3:]
        marked = [{**one, "test_code": "HTEST", "_version_at": at} for one in (once, ever)]
        self.land("fhir_patient", marked, at)
        later = at + timedelta(hours=1)
        self.land("fhir_patient", [{**once, "test_code": None, "_version_at": later}], later)
        [visit] = self.some("fhir_encounter", f"patient_key = '{once['patient_key']}'")
        self.land("fhir_encounter", [{**visit, "test_code": "HTEST", "_version_at": later}], later)

    def places_renamed(self, at: datetime) -> None:
        """A unit becomes an intensive care unit: of everybody who ever lay there."""
        units = self.some("fhir_location", "alias_code is not null")
        self.land("fhir_location", [{**unit, "type_code": "ICU", "_version_at": at} for unit in units], at)

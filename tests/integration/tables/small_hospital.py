"""The rows of one small hospital (`city`) and three surveyed visits (`nhamcs`), with everything that goes wrong.

What does not belong here: expectations; each test states its own.
"""

from datetime import UTC, date, datetime

from tests.integration.tables.lake import SmallLake

FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)
LATER = datetime(2026, 3, 3, 6, tzinfo=UTC)
DISTRICT = {"site": "district", "arrived_at": FIRST}
LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def at(day: int, clock: str) -> datetime:
    """A moment of March 2026, UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02d}T{clock}:00+00:00")


def observation(key: str, visit: str, code: str, when: datetime, **value: object) -> dict[str, object]:
    """A vital sign of patient `ann` unless `patient_key` says otherwise."""
    return {
        "observation_key": key, "patient_key": "ann", "encounter_key": visit, "status": "final",
        "category_code": "vital-signs", "code": code, "code_system": LOINC, "effective_at": when, **value,
    }  # fmt: skip


def land_small_hospital(lake: SmallLake) -> None:
    """Land two days of `city`, and one file of the survey."""
    _places(lake)
    _first_day(lake)
    _later_day(lake)
    _survey(lake)
    _no_facts(lake)
    _site_tables(lake)
    for site in ("pretend", "samples"):
        _made_up(lake, site)


def _made_up(lake: SmallLake, site: str) -> None:
    """A test patient with what names her, by key or by number, and marked records of a patient who is none."""
    same = {"site": site, "arrived_at": FIRST}
    patients: list[dict[str, object]] = [
        {"patient_key": f"{site}-tess", "identifier_key": "num-t", "mrn_key": "shared", "test_code": "HTEST"},
        {"patient_key": f"{site}-rob", "mrn_key": "shared-not"},
        {"patient_key": f"{site}-rod", "identifier_key": "shared"},
    ]
    lake.land("fhir_patient", patients, **same)
    visits: list[dict[str, object]] = [
        {"encounter_key": f"{site}-{key}", "patient_key": patient, "status": status, "class_code": "EMER",
         "test_code": mark, "started_at": at(1, "12:00"), "ended_at": at(1, "13:00")}
        for key, patient, status, mark in (
            ("by-key", f"{site}-tess", "finished", None),
            ("by-number", "num-t", "finished", None),
            ("never", f"{site}-tess", "cancelled", None),
            ("marked", f"{site}-rob", "finished", "HTEST"),
            ("real", f"{site}-rob", "finished", None),
            ("by-shared-number", "shared", "finished", None),
        )
    ]  # fmt: skip
    lake.land("fhir_encounter", visits, **same)
    signs = [
        observation(f"{site}-{n}", f"{site}-{visit}", "59408-5", at(1, f"12:0{n}"), patient_key=patient,
                    value_number=90.0 + n, test_code=mark)
        for n, visit, patient, mark in (
            (1, "by-key", f"{site}-tess", None),
            (2, "by-key", None, None),
            (3, "real", f"{site}-rob", None),
            (4, "real", f"{site}-rob", "HTEST"),
        )
    ]  # fmt: skip
    lake.land("fhir_observation", signs, **same)
    booked = {"appointment_key": f"{site}-a", "status": "booked", "participants": [{"patient_key": "num-t"}]}
    lake.land("fhir_appointment", [booked], **same)
    lake.land("fhir_organization", [{"organization_key": f"{site}-o", "test_code": "HTEST"}], **same)
    lake.land("fhir_resource", [{"resource_key": f"{site}-r", "patient_key": f"{site}-tess"}], **same)


def _site_tables(lake: SmallLake) -> None:
    """What the systems around the record system of `district` sent: nothing of it has a table in OMOP."""
    mistaken = {"appointment_key": "a2", "status": "booked"}, {"appointment_key": "a2", "status": "entered_in_error"}
    lake.land("clinic_appointment", [{"appointment_key": "a1", "status": "no_show"}, *mistaken], **DISTRICT)
    lake.land("triage_note", [{"note_key": "n1", "note_words": "chest pain"}], **DISTRICT)
    worked = {"unit_code": "ICU", "work_date": date(2026, 3, 1), "shift_code": "day", "census": 20, "rn_hours": 40.0}
    lake.land("unit_staffing", [{"staffing_key": "ICU|2026-03-01|day", **worked}], **DISTRICT)
    porter = {"unit_code": "LOB", "shift_date": date(2026, 3, 1), "shift_code": "day", "role_code": "porter",
              "status": "worked", "starts_at": at(1, "12:00"), "ends_at": at(1, "20:00")}  # fmt: skip
    lake.land("roster_shift", [{"shift_key": "s1", **porter}, {"shift_key": "s2", "_is_deleted": True}], **DISTRICT)
    lake.land("unit_census", [{"census_key": "ICU|2026-03-01", "occupied": 9}], **DISTRICT)


def _no_facts(lake: SmallLake) -> None:
    """What `rural` sent never happened: a cancelled visit, one only planned, a diagnosis that was ruled out."""
    visits: list[dict[str, object]] = [
        {"encounter_key": status, "patient_key": "dan", "status": status, "class_code": "AMB",
         "started_at": at(1, "12:00")}
        for status in ("cancelled", "planned")
    ]  # fmt: skip
    lake.land("fhir_encounter", visits, site="rural", arrived_at=FIRST)
    ruled_out: list[dict[str, object]] = [
        {"condition_key": "mi", "patient_key": "dan", "code": "I21.9", "code_system": ICD10,
         "verification_status": "refuted"},
    ]  # fmt: skip
    lake.land("fhir_condition", ruled_out, site="rural", arrived_at=FIRST)


def _places(lake: SmallLake) -> None:
    places = [("ed", "ER", "ED"), ("icu", "ICU", "ICU"), ("ward", "HU", "MED")]
    rows = [{"location_key": key, "type_code": kind, "alias_code": unit} for key, kind, unit in places]
    lake.land("fhir_location", rows, site="city", arrived_at=FIRST)
    hospital = [{"organization_key": "hospital", "identifier_key": "hospital-number"}]
    lake.land("fhir_organization", hospital, site="city", arrived_at=FIRST)


def _first_day(lake: SmallLake) -> None:
    patients: list[dict[str, object]] = [
        {"patient_key": "ann", "mrn_key": "mrn-1", "birth_date": date(1950, 3, 2), "gender": "female",
         "race_code": "2106-3", "ethnicity_code": "2186-5", "language_code": "en", "state": "NY"},
        {"patient_key": "ann-again", "mrn_key": "mrn-1", "birth_date": date(1950, 3, 2), "gender": "female"},
        {"patient_key": "bob", "birth_date": None, "gender": "other", "is_deceased": True},
        {"patient_key": "cid", "birth_date": date(2010, 1, 1), "gender": "male"},
        {"patient_key": "gone", "birth_date": date(2000, 1, 1), "gender": "male"},
    ]  # fmt: skip
    lake.land("fhir_patient", patients, site="city", arrived_at=FIRST)
    ed = [{"location_key": "ed", "started_at": at(1, "10:00"), "ended_at": None}]
    encounters: list[dict[str, object]] = [
        {"encounter_key": "stay", "patient_key": "mrn-1", "status": "in-progress", "class_code": "EMER",
         "started_at": at(1, "10:00"), "provider_org_key": "hospital-number", "locations": ed,
         "_version_at": at(1, "11:00")},
        {"encounter_key": "stranger", "patient_key": "nobody", "status": "finished", "class_code": "EMER",
         "started_at": at(1, "12:00"), "ended_at": at(1, "13:00"), "discharge_disposition_code": "exp"},
        {"encounter_key": "no-subject", "patient_key": None, "status": "finished", "class_code": "AMB",
         "started_at": at(1, "12:00"), "ended_at": at(1, "13:00")},
        {"encounter_key": "child", "patient_key": "cid", "status": "finished", "class_code": "EMER",
         "started_at": at(1, "14:00"), "ended_at": at(1, "15:00"), "discharge_disposition_code": "home"},
        {"encounter_key": "mistake", "patient_key": "cid", "status": "entered-in-error", "class_code": "EMER",
         "started_at": at(1, "14:00")},
    ]  # fmt: skip
    lake.land("fhir_encounter", encounters, site="city", arrived_at=FIRST)
    pressure = [
        {"code": "8480-6", "code_system": LOINC, "value_number": 98.0, "value_unit": "mm[Hg]", "value_code": None},
        {"code": "8462-4", "code_system": LOINC, "value_number": 60.0, "value_unit": "mm[Hg]", "value_code": None},
    ]
    observations = [
        observation("t", "stay", "8310-5", at(1, "10:05"), value_number=101.3, value_unit="[degF]"),
        observation("bp", "stay", "85354-9", at(1, "10:05"), components=pressure),
        observation("hr", "stay", "8867-4", at(1, "10:05"), value_number=120.0, value_unit="/min"),
        observation("hr-later", "stay", "8867-4", at(1, "12:30"), value_number=80.0, value_unit="/min"),
        observation("rr", "stay", "9279-1", at(1, "10:05"), value_number=28.0, value_unit="furlong"),
        observation("esi", "stay", "75636-1", at(1, "10:10"), value_number=2.0, category_code="survey"),
        observation("cc", "stay", "8661-1", at(1, "10:06"), value_text="SOB, CP since a.m.", category_code="survey"),
        observation("mode", "stay", "11459-5", at(1, "10:00"), value_code="44613004", category_code="survey"),
        observation("void", "stay", "8867-4", at(1, "10:09"), value_number=1.0, status="entered-in-error"),
        observation("mixed-up", "child", "8867-4", at(1, "14:10"), value_number=71.0, patient_key="bob"),
        observation("orphan", "lost", "8867-4", at(1, "10:09"), value_number=70.0, patient_key=None),
    ]
    lake.land("fhir_observation", observations, site="city", arrived_at=FIRST)
    conditions: list[dict[str, object]] = [
        {"condition_key": "hf", "patient_key": "ann-again", "code": "I50.9", "code_system": ICD10,
         "onset_at": at(1, "09:59")},
        {"condition_key": "dm", "patient_key": "ann", "encounter_key": "stay", "code": "E11.9", "code_system": ICD10,
         "recorded_at": at(1, "16:00")},
        {"condition_key": "mixed-up", "patient_key": "bob", "encounter_key": "child", "code": "I50.9",
         "code_system": ICD10, "recorded_at": at(1, "16:00")},
    ]  # fmt: skip
    lake.land("fhir_condition", conditions, site="city", arrived_at=FIRST)


def _later_day(lake: SmallLake) -> None:
    stays = [
        {"location_key": "ed", "started_at": at(1, "10:00"), "ended_at": at(1, "14:00")},
        {"location_key": "icu", "started_at": at(1, "14:00"), "ended_at": at(2, "09:00")},
    ]
    finished: list[dict[str, object]] = [
        {"encounter_key": "stay", "patient_key": "mrn-1", "status": "finished", "class_code": "IMP",
         "admit_source_code": "emd", "started_at": at(1, "10:00"), "ended_at": at(2, "09:00"),
         "discharge_disposition_code": "home", "provider_org_key": "hospital-number", "locations": stays,
         "_version_at": at(2, "09:00")},
    ]  # fmt: skip
    lake.land("fhir_encounter", finished, site="city", arrived_at=LATER)
    stale: list[dict[str, object]] = [
        {"encounter_key": "stay", "status": "planned", "class_code": "AMB", "_version_at": at(1, "08:00")}
    ]
    lake.land("fhir_encounter", stale, site="city", arrived_at=datetime(2026, 3, 4, 6, tzinfo=UTC))
    lake.land("fhir_patient", [{"patient_key": "gone", "_is_deleted": True}], site="city", arrived_at=LATER)


def _survey(lake: SmallLake) -> None:
    common: dict[str, object] = {"survey_year": 2019, "sex": 1, "race_ethnicity": 3, "admit_unit": -7,
                                 "hospital_discharge_status": -7, "hospital_key": "h"}  # fmt: skip
    known = {"etohab": False, "chf": True, "copd": False}
    visits: list[dict[str, object]] = [
        {**common, **known, "visit_key": "v1", "month": 2, "weekday": 6, "arrival_time": "2305", "age_years": 71,
         "temperature_f": 98.6, "heart_rate": 70, "triage_level": 3, "rfv1": "10501", "arrived_by_ambulance": True},
        {**common, **known, "visit_key": "v2", "month": 12, "weekday": 1, "arrival_time": None, "age_years": 94,
         "admithos": True, "admit_unit": 1, "hospital_discharge_status": 2, "los_days": 3, "rfv1": "55050"},
        {**common, "visit_key": "v3", "month": 3, "weekday": 4, "arrival_time": "0015", "age_years": 40,
         "admithos": True, "admit_unit": -8, "hospital_discharge_status": -9},
    ]  # fmt: skip
    lake.land("nhamcs_visit", visits, site="nhamcs", arrived_at=FIRST)

"""Messages, images and claims of small sites, as rows of the lake: each site is one situation.

What does not belong here: reading raw feeds, and any expectation about the tables.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations

from tests.integration.tables.lake import SmallLake

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
Row = dict[str, object]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def adt(
    key: str,
    event: str,
    happened: float,
    *,
    recorded: float | None = None,
    patient: str = "mrn-1",
    visit: str | None = "v1",
    merges: list[Row] | None = None,
    **more: object,
) -> Row:
    """An ADT message; times in minutes from the start."""
    person: Row = {"patient_key": patient, "visit_key": visit, "class_code": None, "unit_code": None}
    typed = at(happened + 5 if recorded is None else recorded)
    return {
        "message_key": key,
        "event_code": event,
        "patient_key": patient,
        "visit_key": visit,
        "occurred_at": at(happened),
        "recorded_at": typed,
        "message_at": typed,
        "_version_at": typed,
        "identifiers": [{"patient_key": patient, "authority": "A", "type_code": "MR"}],
        "people": [person | {"prior_unit_code": None}],
        "merges": merges or [],
        **more,
    }


STAY = [
    adt("1", "A04", 0, class_code="E", unit_code="ED", admitted_at=at(0), sex_code="F", birth_date="1950-02-03"),
    adt("2", "A01", 60, class_code="I", unit_code="ED", admitted_at=at(60)),
    adt("3", "A02", 70, class_code="I", unit_code="W1", admitted_at=at(60)),
    adt("4", "A02", 90, class_code="I", unit_code="ICU", admitted_at=at(60)),
    adt("5", "A12", 95, class_code="I", unit_code="W1", admitted_at=at(60)),
    adt("6", "A03", 200, class_code="I", unit_code="W1", discharged_at=at(200), disposition_code="20"),
    adt("7", "A13", 210, class_code="I", unit_code="W1"),
    adt("8", "A08", 215, class_code="I", unit_code="W1", admitted_at=at(60)),
    adt("9", "A03", 300, class_code="I", unit_code="W1", discharged_at=at(300), disposition_code="01"),
]  # fmt: skip


def orders_of_arrival() -> Iterator[list[Row]]:
    """The stay in order, backwards, and in every order of its five most telling messages."""
    yield STAY
    yield STAY[::-1]
    telling = [0, 1, 4, 6, 8]
    for order in list(permutations(telling))[1:119:4]:
        yield [STAY[n] for n in (*order, *(n for n in range(len(STAY)) if n not in telling))]


def land_orders_of_arrival(lake: SmallLake) -> int:
    """The same stay at many sites, each time in another order of arrival; returns how many sites."""
    count = 0
    for count, stay in enumerate(orders_of_arrival(), start=1):
        rows = [row | {"_arrived_at": at(1000 + 7 * n)} for n, row in enumerate(stay)]
        lake.land("hl7v2_adt", rows, site=f"order-{count:02}", arrived_at=at(1000))
    return count


def merged(prior: str, into: str) -> list[Row]:
    return [{"prior_patient_key": prior, "patient_key": into, "prior_account_key": None, "prior_visit_key": None}]


def land_merges(lake: SmallLake) -> None:
    """A chain, a circle that the last merge decides, a link that is taken back, a record with two numbers."""
    chain = [
        adt("1", "A04", 0, patient="a", visit="va", class_code="E"),
        adt("2", "A04", 1, patient="b", visit="vb", class_code="E"),
        adt("3", "A04", 2, patient="c", visit="vc", class_code="E"),
        adt("5", "A40", 20, patient="c", visit=None, merges=merged("b", "c")),
        adt("4", "A34", 10, patient="b", visit=None, merges=merged("a", "b")),
    ]
    circle = [
        adt("6", "A04", 0, patient="x", visit="vx", class_code="E"),
        adt("7", "A04", 0, patient="y", visit="vy", class_code="E"),
        adt("8", "A40", 10, patient="y", visit=None, merges=merged("x", "y")),
        adt("9", "A40", 30, patient="x", visit=None, merges=merged("y", "x")),
    ]
    people = [{"patient_key": k, "visit_key": None, "class_code": None, "unit_code": None} for k in ("p", "q")]
    linked = [
        adt("10", "A04", 0, patient="p", visit="vp", class_code="E"),
        adt("11", "A04", 0, patient="q", visit="vq", class_code="E"),
        adt("12", "A24", 10, patient="p", visit=None, people=[one | {"prior_unit_code": None} for one in people]),
        adt("13", "A37", 40, patient="p", visit=None, people=[one | {"prior_unit_code": None} for one in people]),
    ]
    both = [{"patient_key": k, "authority": k[0], "type_code": "MR"} for k in ("m1", "n1")]
    twice = [
        adt("14", "A04", 0, patient="m1", visit="vm", class_code="E", identifiers=both),
        adt("15", "A04", 600, patient="n1", visit="vn", class_code="E"),
    ]
    lake.land("hl7v2_adt", [*chain, *circle, *linked, *twice], site="merges", arrived_at=at(100))


def land_visits(lake: SmallLake) -> None:
    """What takes no place, numbers that are given up, a stay without a number, a visit of another patient."""
    rows = [
        adt("1", "A01", 0, visit="cancelled", class_code="I"),
        adt("2", "A11", 0, recorded=30, visit="cancelled", class_code="I"),
        adt("3", "A05", 0, visit="planned", class_code="P"),
        adt("4", "A04", 0, visit="emergency", class_code="E", unit_code="ED", admitted_at=at(0)),
        adt("5", "A01", 10, visit="emergency", class_code="I", unit_code="ED"),
        adt("6", "A11", 10, recorded=25, visit="emergency", class_code="I", unit_code="ED"),
        adt("7", "A01", 0, visit="old", class_code="I", unit_code="W1"),
        adt("8", "A50", 50, visit="new", merges=[merged("mrn-1", "mrn-1")[0] | {"prior_visit_key": "old"}]),
        adt("9", "A03", 90, visit="new", class_code="I", discharged_at=at(90)),
        adt("10", "A01", 0, visit=None, patient="nobody", class_code="I"),
        adt("11", "A03", 50, visit=None, patient="nobody", class_code="I"),
        adt("12", "A01", 500, visit=None, patient="nobody", class_code="I"),
        adt("13", "A04", 0, visit="moved", patient="wrong", class_code="E"),
        adt("14", "A45", 60, visit="moved", patient="right",
            merges=[merged("wrong", "right")[0] | {"prior_visit_key": "moved"}]),
        adt("15", "A23", 0, recorded=70, visit="deleted", class_code="E"),
        adt("16", "A04", 0, recorded=5, visit="deleted", class_code="E"),
    ]  # fmt: skip
    lake.land("hl7v2_adt", rows, site="visits", arrived_at=at(1000))


def result(code: str, value: float | None, status: str = "F", order: str = "o1", **more: object) -> Row:
    return {
        "observation_no": 1,
        "repetition_no": 1,
        "order_no": 1,
        "patient_key": "mrn-1",
        "filler_order_key": order,
        "code": code,
        "code_system": "LN",
        "value_type": "NM",
        "value_number": value,
        "value_unit": "mmol/L",
        "status_code": status,
        "observed_at": at(0),
        **more,
    }


def oru(key: str, sent: float, *results: Row, **more: object) -> Row:
    rows = [{**dict.fromkeys(RESULT_FIELDS), **one, "observation_no": n} for n, one in enumerate(results, start=1)]
    said = {"message_key": key, "event_code": "R01", "patient_key": "mrn-1", "visit_key": "v1"}
    return {**said, "message_at": at(sent), "_version_at": at(sent), "results": rows, **more}


RESULT_FIELDS = (
    "observation_no", "repetition_no", "order_no", "patient_key", "placer_order_key", "filler_order_key",
    "order_control_code", "order_code", "order_code_system", "order_alternate_code", "order_alternate_system",
    "order_priority_code", "order_status_code", "section_code", "specimen_code", "specimen_system", "collected_at",
    "received_at", "reported_at", "code", "code_system", "alternate_code", "alternate_system", "sub_id", "value_type",
    "value_comparator", "value_number", "value_separator", "value_number_to", "value_unit", "value_unit_system",
    "value_code", "value_code_system", "value_alternate_code", "value_alternate_system", "value_text", "value_unread",
    "value_at", "value_clock", "reference_range", "abnormal_code", "second_abnormal_code", "status_code", "observed_at",
    "deleted_fields",
)  # fmt: skip


def land_results(lake: SmallLake) -> None:
    """Corrected, withdrawn and preliminary results; the correction arrives first."""
    lake.land("hl7v2_adt", [STAY[0]], site="results", arrived_at=at(100))
    first = oru(
        "r1", 10, result("2951-2", 140), result("2823-3", 4.1, reference_range="3.5 - 5.1"), result("1988-5", 9)
    )
    second = oru("r2", 60, result("2951-2", 131, "C"), result("1988-5", None, "W"))
    lake.land("hl7v2_oru", [second], site="results", arrived_at=at(200))
    lake.land("hl7v2_oru", [first], site="results", arrived_at=at(300))
    repeated = oru("r3", 70, *[result("6690-2", value, order="o2") for value in (5.0, 6.0)])
    text = oru("r4", 80, result("24323-8", None, value_type="TX", order="o3"))
    sampled = oru("r5", 90, result("718-7", 12.5, order="o4", specimen_code="BLD", collected_at=at(5)))
    lake.land("hl7v2_oru", [repeated, text, sampled], site="results", arrived_at=at(400))


def land_bounds(lake: SmallLake) -> None:
    """Results that are only bounds, of messages and of FHIR, and what is no number at all though one stands in it."""
    lake.land("hl7v2_adt", [STAY[0]], site="bounds", arrived_at=at(100))
    said: dict[str, Row] = {
        "33914-3": {"value_comparator": "<", "value_number": 15.0},
        "2951-2": {"value_comparator": "=", "value_number": 140.0},
        "2823-3": {"value_comparator": ">=", "value_number": 8.0},
        "1988-5": {"value_comparator": "<>", "value_number": 5.0},
        "5048-4": {"value_number": 1.0, "value_separator": ":", "value_number_to": 128.0},
        "5767-9": {"value_number": 2.0, "value_separator": "+"},
        "44261-6": {"value_comparator": ">", "value_number": 20.0},
        "2160-0": {"value_unread": "1,234"},
        "5778-6": {"value_text": "positive", "value_type": "ST", "section_code": "LAB"},
    }
    sent = [result(code, None, order=code, **{"value_unit": None, **value}) for code, value in said.items()]
    lake.land("hl7v2_oru", [oru("b1", 10, *sent)], site="bounds", arrived_at=at(200))
    patient: Row = {"patient_key": "ann"}
    lake.land("fhir_patient", [patient], site="bounds", arrived_at=at(100))
    told: Row = {**patient, "status": "final", "category_code": "laboratory", "code_system": "http://loinc.org"}
    parts = [
        {"code": code, "code_system": "http://loinc.org", "value_number": value, "value_comparator": comparator}
        for code, value, comparator in (("8480-6", 70.0, None), ("8462-4", 30.0, "<="))
    ]
    rows: list[Row] = [
        {**told, "observation_key": "troponin", "code": "89579-7", "effective_at": at(1), "value_number": 0.01,
         "value_comparator": "<"},
        {**told, "observation_key": "phq", "code": "44261-6", "effective_at": at(2), "value_number": 20.0,
         "value_comparator": ">"},
        {**told, "observation_key": "pressure", "code": "85354-9", "effective_at": at(3), "components": parts},
        {**told, "observation_key": "titre", "code": "5048-4", "effective_at": at(4), "value_unread": "1:256"},
        {**told, "observation_key": "flag", "code": "44261-6", "effective_at": at(5), "value_unread": "true"},
    ]  # fmt: skip
    lake.land("fhir_observation", rows, site="bounds", arrived_at=at(100))


LOCAL_CODES = """
version: 1.0.0
since: 2026-03-01
systems:
  LAB:
    vocabulary: OUR LAB
    codes:
      HB: {to: LOINC 718-7, name: Haemoglobin}
      BP: {to: [LOINC 8480-6, LOINC 8462-4]}
      NEW: {to: LOINC 99999-9}
  LOINC: {vocabulary: OUR LOINC, codes: {2951-2: {to: 3023103}}}
  "": {vocabulary: OUR WARD, codes: {T: {to: 3020891}}}
  UCUM: {vocabulary: OUR UNITS, codes: {MMOLL: {to: UCUM mmol/L}}}
"""
OTHER_CODES = "{version: 1.0.0, since: 2026-03-01, systems: {LAB: {vocabulary: LAB B, codes: {HB: {to: LOINC 777-3}}}}}"


def land_local_codes(lake: SmallLake) -> None:
    """The same message at three sites, of which the first two have codes of their own, and a FHIR reading at the first.
    The second and third send it twelve times for twelve patients."""
    codes = {"HB": "LAB", "BP": "LAB", "NEW": "LAB", "T": None, "2951-2": "LN"}
    for site, patients in (("local-a", 1), ("local-b", 12), ("local-c", 12)):
        for n in range(patients):
            who: Row = {"patient_key": f"p{n}"}
            sent = [result(code, 1.0, code_system=system, value_unit="MMOLL", **who) for code, system in codes.items()]
            lake.land("hl7v2_oru", [oru(f"m{n}", 10, *sent, visit_key=None, **who)], site=site, arrived_at=at(100))
    reading = {"observation_key": "o1", "patient_key": "p0", "status": "final", "category_code": "laboratory",
               "code": "HB", "code_system": "LAB", "effective_at": at(900), "value_number": 2.0,
               "value_unit": "MMOLL"}  # fmt: skip
    lake.land("fhir_patient", [{"patient_key": "p0"}], site="local-a", arrived_at=at(100))
    lake.land("fhir_observation", [reading], site="local-a", arrived_at=at(100))


def land_practice(lake: SmallLake) -> None:
    """A real stay and result beside those of a training: of the same patient, and of one who exists there only."""
    rows = [
        adt("1", "A04", 0, visit="real", class_code="E", processing_code="P"),
        adt("2", "A04", 1, visit="trained", class_code="E", processing_code="T"),
        adt("3", "A03", 9, visit="real", class_code="E", processing_code="D", discharged_at=at(9)),
        adt("4", "A04", 0, visit="unmarked", class_code="E", processing_code=None),
        adt("5", "A01", 0, visit="drill", patient="trainee", class_code="I", processing_code="T"),
    ]
    for site in ("practice", "samples"):
        lake.land("hl7v2_adt", rows, site=site, arrived_at=at(100))
        reports = [oru("r1", 10, result("2951-2", 140), processing_code="P", visit_key="real"),
                   oru("r2", 20, result("2951-2", 99), processing_code="T", visit_key="real")]  # fmt: skip
        lake.land("hl7v2_oru", reports, site=site, arrived_at=at(100))
    tested = claim("t1", "real", 20, 61, mrn_key="mrn-1", is_test=True)
    lake.land("x12_claim", [tested], site="practice", arrived_at=at(100))


def claim(key: str, number: str, charge: float, sent: float, **more: object) -> Row:
    line = dict.fromkeys(LINE_FIELDS) | {
        "line_number": 1, "code": "99283", "code_system": "http://www.ama-assn.org/go/cpt", "charge_amount": charge,
        "service_from_date": "2026-03-01",
    }  # fmt: skip
    diagnosis = {"role": "principal", "code": "J189", "code_system": "http://hl7.org/fhir/sid/icd-10-cm"}
    return {
        "claim_key": key,
        "claim_number_key": number,
        "kind": "P",
        "frequency_code": "1",
        "is_replacement": False,
        "is_void": False,
        "submitted_at": at(sent),
        "_version_at": at(sent),
        "payer_key": "payer",
        "filing_code": "CI",
        "responsibility_code": "P",
        "facility_code": "23",
        "facility_qualifier": "B",
        "charge_amount": charge,
        "service_from_date": "2026-03-01",
        "service_to_date": "2026-03-01",
        "diagnoses": [diagnosis | {"present_on_admission": None}],
        "procedures": [],
        "lines": [line],
        "other_payers": [],
        "payments": [],
        **more,
    }


LINE_FIELDS = (
    "line_number", "code_qualifier", "code", "code_system", "modifier_1", "modifier_2", "modifier_3", "modifier_4",
    "revenue_code", "ndc", "tooth_code", "charge_amount", "quantity", "unit_code", "place_of_service_code",
    "service_from_date", "service_to_date", "diagnosis_pointer_1", "diagnosis_pointer_2", "diagnosis_pointer_3",
    "diagnosis_pointer_4",
)  # fmt: skip


def land_claims(lake: SmallLake) -> None:
    """A claim of a known stay, of an account, of nobody's stay, a replacement for other days, a void one."""
    admitted: Mapping[str, object] = STAY[0] | {"account_key": "acc-9"}
    lake.land("hl7v2_adt", [admitted], site="claims", arrived_at=at(100))
    rows = [
        claim("k1", "v1", 100, 60, mrn_key="mrn-1", rendering_provider_key="npi-1"),
        claim("k2", "acc-9", 40, 61, mrn_key="mrn-1"),
        claim("k3", "elsewhere", 70, 62, patient_key="member-1"),
        claim("k4", "again", 90, 63, mrn_key="mrn-1"),
        claim("k5", "again", 80, 99, mrn_key="mrn-1", frequency_code="7", is_replacement=True,
              service_from_date="2026-03-02"),
        claim("k6", "void", 90, 64, mrn_key="mrn-1", frequency_code="8", is_void=True),
        claim("k7", "v1", 10, 65),
    ]  # fmt: skip
    lake.land("x12_claim", rows, site="claims", arrived_at=at(200))


def land_images(lake: SmallLake) -> None:
    """A study with a patient, an object of it without one, and one known only by the admission."""
    lake.land("hl7v2_adt", [STAY[0]], site="images", arrived_at=at(100))
    shot: Row = {"series_key": "s1", "study_key": "st1", "modality": "CT", "body_part": "HEAD", "study_at": at(30)}
    rows = [
        {"instance_key": "i1", "mrn_key": "mrn-1", "visit_key": "v1", **shot},
        {"instance_key": "i2", **shot},
        {"instance_key": "i3", "visit_key": "v1", **shot, "study_key": "st2", "series_key": "s2", "modality": "CR"},
        {"instance_key": "i4", **shot, "study_key": "st3", "series_key": "s3"},
    ]
    lake.land("dicom_instance", rows, site="images", arrived_at=at(200))

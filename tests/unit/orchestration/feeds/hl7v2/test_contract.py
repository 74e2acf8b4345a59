"""What of a message reaches the lake: rows, pseudonyms, local times, quarantine; and what never does."""

import random
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orchestration.contracts import load_contract

DBT = Path(__file__).parents[5] / "dbt_project"


def segment(name: str, **fields: str) -> str:
    """A segment by the numbers of its fields: `segment("PV1", f2="I")`."""
    last = max(int(key[1:]) for key in fields)
    return "|".join([name, *(fields.get(f"f{n}", "") for n in range(1, last + 1))])


WHO = {
    "f1": "1", "f3": "7^^^CITY^MR", "f5": "Zorro^Diego^^^Mr", "f7": "19800229", "f8": "F", "f10": "2106-3",
    "f11": "1 Hidden Lane^^Nowhere^KS^66801", "f13": "555-0199", "f15": "en", "f18": "ACC-9", "f19": "900-11-2222",
}  # fmt: skip
PID = segment("PID", **WHO)
PV1 = segment(
    "PV1", f1="1", f2="I", f3="ICU^R1^B2^CITY", f4="E", f6="ED^^B9", f7="77^Wise^Doc", f10="MED", f13="R", f14="7",
    f19="V-1^^^HIS^VN", f20="SELF", f36="01", f41="ACT", f44="202602280900",
)  # fmt: skip


def test_an_admission_lands_with_pseudonyms_codes_and_local_times(hospital, message, known_as) -> None:
    sent = message(
        "EVN|A01|20260228101000+0000|||9^Nurse|20260228085900",
        segment("PID", **WHO, f22="H", f29="20260301+0100", f30="Y"),
        PV1,
        "PV2|||R07.9^chest pain Zorro^ICD10",
        "NK1|1|Zorro^Isabela|SPO|1 Hidden Lane",
        "GT1|1||Zorro^Alejandro||1 Hidden Lane",
        "DG1|1||I10^Hypertension^I10C|Zorro's pressure|20260228|A|||||||||1",
        "DG1|2|I9|401.9|||F",
        segment(
            "IN1",
            f1="1",
            f2="PPO",
            f3="BCBS^^^X",
            f4="Blue",
            f12="20260101",
            f15="HMO",
            f16="Zorro^Diego",
            f36="POL-4711",
        ),
    )
    receipt = hospital.land(sent)
    assert (receipt.feed, receipt.contract, receipt.received, receipt.landed) == ("hl7v2", "hl7v2@3.0.0", 1, 1)
    columns = (
        "message_key, event_code, message_at, recorded_at, occurred_at, _version_at, processing_code, hl7_version,"
        "patient_key, identifiers, birth_date, sex_code, race_code, ethnicity_code, language_code, state, deceased_at,"
        "is_deceased, visit_key, class_code, unit_code, bed_code, prior_unit_code, prior_bed_code, service_code,"
        "admit_source_code, financial_class_code, disposition_code, admitted_at, discharged_at, reason_code,"
        "reason_text"
    )
    patient = known_as("CITY", "7")
    at = datetime(2026, 2, 28, 9, 15, tzinfo=UTC)
    assert hospital.rows("hl7v2_adt", columns) == [
        (
            known_as("Message", "EHR|CITY|1|20260228101500|CITY|7"), "A01", at,
            datetime(2026, 2, 28, 10, 10, tzinfo=UTC), datetime(2026, 2, 28, 7, 59, tzinfo=UTC), at, "P", "2.5",
            patient, [{"patient_key": patient, "authority": "CITY", "type_code": "MR"}],
            date(1980, 2, 29), "F", "2106-3", "H", "en", "KS", datetime(2026, 2, 28, 23, tzinfo=UTC),
            True, known_as("HIS", "V-1"), "I", "ICU", "B2", "ED", "B9", "MED",
            "7", "SELF", "01", datetime(2026, 2, 28, 8, tzinfo=UTC), None, "R07.9", "chest pain xxx",
        )
    ]  # fmt: skip
    assert hospital.rows("hl7v2_adt", "diagnoses, payers") == [
        (
            [
                {"code": "I10", "code_system": "I10C", "alternate_code": None, "alternate_system": None,
                 "type_code": "A", "priority_code": "1", "diagnosed_at": datetime(2026, 2, 27, 23, tzinfo=UTC)},
                {"code": "401.9", "code_system": "I9", "alternate_code": None, "alternate_system": None,
                 "type_code": "F", "priority_code": None, "diagnosed_at": None},
            ],
            [{"plan_code": "PPO", "payer_code": "BCBS", "plan_type_code": "HMO", "coverage_type_code": None,
              "starts_on": date(2026, 1, 1), "ends_on": None}],
        )
    ]  # fmt: skip
    written = hospital.written()
    for secret in (b"Zorro", b"Diego", b"Isabela", b"Hidden", b"Nowhere", b"66801", b"555-0199", b"900-11", b"ACC-9",
                   b"POL-4711", b"Wise", b"Nurse", b"V-1"):  # fmt: skip
        assert secret not in written


def test_results_land_with_their_order_specimen_and_status(hospital, message, known_as) -> None:
    sent = message(
        PID,
        PV1,
        "ORC|RE|p1^EHR|f1^LAB",
        "OBR|1|p1^EHR|f1^LAB|CMP^Panel^L^24323-8^Panel^LN|||20260228080000|||||||20260228083000|BLD|||||||20260228090000||LAB|F",
        "OBX|1|NM|K^Potassium^L^2823-3^Potassium^LN|1|5.9|mmol/L^^UCUM|3.5-5.1|H~AA|||F|||20260228080100",
        "OBX|2|CWE|ABO^^L||B^^L~A^A POS^L||||||P",
        "OBX|3|ST|C^^L||Positive for Zorro||see Dr Wise",
        "OBX|4|TX|N^^L||Zorro called",
        "OBX|5|DTM|D^^L||2026",
        'OBX|6|NM|K^^L||""||||||W',
        kind="ORU^R01",
    )
    assert hospital.land(sent).landed == 1
    ((results,),) = hospital.rows("hl7v2_oru", "results")
    order = {
        "order_no": 1, "patient_key": known_as("CITY", "7"), "placer_order_key": known_as("EHR", "p1"),
        "filler_order_key": known_as("LAB", "f1"), "order_control_code": "RE", "order_code": "CMP",
        "order_code_system": "L", "order_alternate_code": "24323-8", "order_alternate_system": "LN",
        "order_status_code": "F", "section_code": "LAB", "specimen_code": "BLD",
        "collected_at": datetime(2026, 2, 28, 7, tzinfo=UTC), "received_at": datetime(2026, 2, 28, 7, 30, tzinfo=UTC),
        "reported_at": datetime(2026, 2, 28, 8, tzinfo=UTC),
    }  # fmt: skip
    assert all(result.items() >= order.items() for result in results)
    said = [{k: v for k, v in result.items() if v is not None and k not in order} for result in results]
    assert said == [
        {"observation_no": 1, "repetition_no": 1, "code": "K", "code_system": "L", "alternate_code": "2823-3",
         "alternate_system": "LN", "sub_id": "1", "value_type": "NM", "value_number": 5.9, "value_unit": "mmol/L",
         "value_unit_system": "UCUM", "reference_range": "3.5-5.1", "abnormal_code": "H", "second_abnormal_code": "AA",
         "status_code": "F", "observed_at": datetime(2026, 2, 28, 7, 1, tzinfo=UTC)},
        {"observation_no": 2, "repetition_no": 1, "code": "ABO", "code_system": "L", "value_type": "CWE",
         "value_code": "B", "value_code_system": "L", "status_code": "P"},
        {"observation_no": 2, "repetition_no": 2, "code": "ABO", "code_system": "L", "value_type": "CWE",
         "value_code": "A", "value_code_system": "L", "value_text": "A xxx", "status_code": "P"},
        {"observation_no": 3, "repetition_no": 1, "code": "C", "code_system": "L", "value_type": "ST",
         "value_text": "Positive for xxx"},
        {"observation_no": 4, "repetition_no": 1, "code": "N", "code_system": "L", "value_type": "TX"},
        {"observation_no": 5, "repetition_no": 1, "code": "D", "code_system": "L", "value_type": "DTM",
         "value_at": datetime(2025, 12, 31, 23, tzinfo=UTC)},
        {"observation_no": 6, "repetition_no": 1, "code": "K", "code_system": "L", "value_type": "NM",
         "status_code": "W", "deleted_fields": "f5"},
    ]  # fmt: skip
    assert b"Zorro" not in hospital.written() and b"Wise" not in hospital.written()


def test_results_of_two_patients_in_one_message_stay_apart(hospital, message, known_as) -> None:
    sent = message(PID, "OBR|1", "OBX|1|NM|x||1", "PID|2||8^^^CITY^MR", "OBR|1", "OBX|1|NM|x||2", kind="ORU^R01")
    hospital.land(sent)
    columns = "list_transform(results, lambda r: r.patient_key), list_transform(results, lambda r: r.value_number)"
    assert hospital.rows("hl7v2_oru", columns) == [([known_as("CITY", "7"), known_as("CITY", "8")], [1.0, 2.0])]


def test_a_merge_lands_with_both_pseudonyms(hospital, message, known_as) -> None:
    hospital.land(message("EVN|A40|2026", PID, "MRG|9^^^CITY^MR||ACC-1||V-0^^^HIS", kind="ADT^A40^ADT_A39"))
    assert hospital.rows("hl7v2_adt", "event_code, merges") == [
        (
            "A40",
            [{"prior_patient_key": known_as("CITY", "9"), "patient_key": known_as("CITY", "7"),
              "prior_account_key": known_as("", "ACC-1"), "prior_visit_key": known_as("HIS", "V-0")}],
        )
    ]  # fmt: skip


def test_an_appointment_lands(hospital, message, known_as) -> None:
    sent = message(
        "SCH|p1^EHR|f1^SCHED||||R^Rescheduled|CHECKUP|Normal|30|min|^^^20260310090000^20260310093000||||||||||||||Booked",
        PID,
        PV1,
        "RGS|1",
        "AIS|1||MRI^Scan^L|20260310090000",
        "AIL|1||RAD^R2",
        kind="SIU^S12",
    )
    assert hospital.land(sent).landed == 1
    columns = (
        "event_code, appointment_key, placer_appointment_key, patient_key, status_code, event_reason_code, starts_at,"
        "ends_at, duration, duration_unit, service_code, unit_code"
    )
    assert hospital.rows("hl7v2_siu", columns) == [
        (
            "S12", known_as("SCHED", "f1"), known_as("EHR", "p1"), known_as("CITY", "7"), "Booked", "R",
            datetime(2026, 3, 10, 8, tzinfo=UTC), datetime(2026, 3, 10, 8, 30, tzinfo=UTC), "30", "min", "MRI", "RAD",
        )
    ]  # fmt: skip


def test_any_other_type_lands_with_type_event_patient_and_times(hospital, message, known_as) -> None:
    sent = b"".join(
        message("EVN|T02|20260228", PID, "OBX|1|TX|n||Zorro", kind=kind, control=str(n))
        for n, kind in enumerate(["MDM^T02", "ORM^O01", "ZAB^Z01", "ACK", "QBP^Q21^QBP_Q21"])
    )
    assert hospital.land(sent).landed == 5
    found = hospital.rows("hl7v2_message", "resource_type, type_code, event_code, patient_key")
    patient = known_as("CITY", "7")
    assert found == [
        ("MDM", "MDM", "T02", patient),
        ("ORM", "ORM", "O01", patient),
        ("Z", "ZAB", "Z01", patient),
        ("ACK", "ACK", "T02", patient),
        ("QBP", "QBP", "Q21", patient),
    ]
    assert b"Zorro" not in hospital.written()


BROKEN = [
    ({"kind": "ADT", "segments": [PID]}, "ADT.event_code.required"),
    ({"kind": "ADT^admit", "segments": [PID]}, "ADT.event_code.pattern"),
    ({"segments": ["PV1|1|I"]}, "ADT.patient_key.required"),
    ({"segments": [PID], "at": "yesterday"}, "ADT.message_at.form"),
    ({"segments": [PID], "at": "20260230"}, "ADT.message_at.form"),
    ({"segments": [PID], "at": "20260401"}, "ADT.message_at.future"),
    ({"segments": ["EVN|A01|soon", PID]}, "ADT.recorded_at.form"),
    ({"segments": ["EVN|A01|2026||||202613", PID]}, "ADT.occurred_at.form"),
    ({"segments": [PID.replace("19800229", "18000101")]}, "ADT.birth_date.range"),
    ({"segments": [PID.replace("19800229", "20260401")]}, "ADT.birth_date.future"),
    ({"kind": "ORU^R01", "segments": ["OBX|1|NM|x||1"]}, "ORU.patient_key.required"),
    ({"kind": "SIU^S12", "segments": ["SCH|", PID]}, "SIU.appointment_key.required"),
    ({"at": "", "segments": ["EVN|A01", PID]}, "ADT.happened_at.required"),
    ({"kind": "ADT^A40", "segments": ["EVN|A40", PID]}, "ADT.merges.prior_patient_key.required"),
    ({"kind": "ADT^A18", "segments": ["EVN|A18", PID, "MRG|||ACC-1"]}, "ADT.merges.prior_patient_key.required"),
    ({"kind": "ADT^A34", "segments": [PID, "MRG|9^^^CITY", "MRG|||A"]}, "ADT.merges.prior_patient_key.required"),
    ({"kind": "XYZ^A01", "segments": [PID]}, "line.unknown_type"),
]


def test_a_message_that_breaks_a_clause_is_quarantined_with_it_and_the_next_one_lands(hospital, message) -> None:
    good = message(PID, control="good")
    broken = [
        message(
            *change["segments"], kind=change.get("kind", "ADT^A01"), at=change.get("at", "20260228"), control=str(n)
        )
        for n, (change, _) in enumerate(BROKEN)
    ]
    receipt = hospital.land(good.join([b"", *broken]))
    assert (receipt.received, receipt.quarantined) == (2 * len(BROKEN), len(BROKEN))
    assert (receipt.landed, receipt.duplicate) == (1, len(BROKEN) - 1)
    found = {n: clause for n, clause, reason in hospital.quarantine() if reason.endswith(".")}
    assert [found[2 * (n + 1)] for n in range(len(BROKEN))] == [clause for _, clause in BROKEN]
    assert b"Zorro" not in hospital.written()


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (["EVN|A01|2026", PID], ""),
        (["EVN|A01|||||20260228", PID], ""),
        (["EVN|A01", PID, segment("PV1", f44="20260228")], ""),
        (["EVN|A01", PID], "20260228"),
    ],
)
def test_one_time_of_an_event_is_enough(hospital, message, told, at) -> None:
    assert hospital.land(message(*told, at=at)).landed == 1


def test_events_that_end_a_record_are_the_same_for_the_contract_and_for_the_tables() -> None:
    item = load_contract("hl7v2").object_for("ADT")
    rule = next(r for r in item.rules if r.name == "merges.prior_patient_key.required")
    model = (DBT / "models/intermediate/conformed/int_person_merge.sql").read_text().split("\n", 1)[0]
    events = re.findall("'(A[0-9]{2})'", rule.expression)
    assert events == re.findall("'(A[0-9]{2})'", model) == re.findall("A[0-9]{2}", rule.description)


def test_a_value_that_the_standard_does_not_know_does_not_lose_the_message(hospital, message) -> None:
    odd = [
        [PID.replace("|F|", "|female or so|"), PV1.replace("|I|", "|inpatient|")],
        ["NPU|B2|H", PID],
        ["ZZZ|" + "^~&|" * 50, PID, "ZYX"],
        ["DG1|1||" + "x" * 200 + "|||||||||||||", PID],
        ["PV1|1|" + '""|' * 50, PID],
    ]
    receipt = hospital.land(b"".join(message(*segments, control=str(n)) for n, segments in enumerate(odd)))
    assert (receipt.landed, dict(receipt.reasons)) == (len(odd), {})


def test_a_null_is_told_from_an_empty_field(hospital, message) -> None:
    hospital.land(
        message('PID|1||7^^^CITY||||""|F|||^^^""' + "|" * 18 + '""|""', "PV1|1|I" + "|" * 43 + '""', kind="ADT^A08")
    )
    columns = "deleted_pid_fields, deleted_pv1_fields, birth_date, is_deceased, discharged_at"
    assert hospital.rows("hl7v2_adt", columns) == [("f7 f11.c4 f29 f30", "f45", None, False, None)]


def test_the_same_message_again_is_a_duplicate_and_a_changed_one_supersedes(hospital, message) -> None:
    first = message(PID, control="1")
    changed = first.replace(b"|F|", b"|M|")
    assert hospital.land(first).landed == 1
    again = hospital.land(first.replace(b"\r", b"\r\n") + message(PID, control="2"))
    assert (again.duplicate, again.landed) == (1, 1)
    assert hospital.land(changed).superseded == 1


def test_one_control_id_from_two_senders_or_at_two_times_is_two_messages(hospital, message) -> None:
    sent = message(PID) + message(PID, at="20260227") + message(PID).replace(b"|EHR|", b"|LAB|")
    assert hospital.land(sent).landed == 3


def test_damaged_messages_of_every_kind_are_landed_or_quarantined_and_counted(hospital, message) -> None:
    whole = [
        message("EVN|A01|20260228", PID, PV1, "PV2|||a^b^c", "MRG|9^^^CITY", "DG1|1||I10||2026|A", kind="ADT^A40"),
        message(PID, "ORC|RE|1|2", "OBR|1|1|2|a^b^c", "OBX|1|NM|K||5|u|1-2|H|||F", "SPM|1|||BLD", kind="ORU^R01"),
        message("SCH|1|2", PID, "AIS|1||x|2026", "AIL|1||y", kind="SIU^S12"),
        message("ZZZ|1", PID, kind="MDM^T02"),
    ]
    dice = random.Random(7)
    odd = [
        b"|",
        b"^",
        b"~",
        b"&",
        b"\\",
        b'"',
        b'""',
        b"\r",
        b"\n",
        b"\0",
        b"\x1f",
        b"\xc3\xa9",
        b"\\X00\\",
        b"\\.br\\",
        b"{",
        b"'",
    ]
    damaged: list[bytes] = []
    for n in range(300):
        content = bytearray(whole[n % len(whole)].replace(b"|1|P|", b"|%d|P|" % n))
        for _ in range(dice.randint(0, 6)):
            at = dice.randrange(60, len(content))
            content[at : at + dice.choice([0, 1, 1, 9])] = dice.choice(odd) * dice.choice([1, 1, 40])
        damaged.append(b"\x0b" + bytes(content) + b"\x1c\r")
    receipt = hospital.land(b"".join(damaged))
    assert receipt.received == 300
    assert receipt.landed > 100
    again = hospital.land(b"".join(reversed(damaged)), at=datetime(2026, 3, 2, tzinfo=UTC))
    assert (again.duplicate, again.quarantined) == (receipt.landed, receipt.quarantined)

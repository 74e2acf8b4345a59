"""What is one message, sent again or corrected, and what are two under one control id."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SENT = st.lists(st.tuples(st.integers(1, 2), st.sampled_from(["7^^^A^MR", "8^^^A^MR", "8^^^B^MR"]), st.integers(1, 2)))


def result(message, control: int, patient: str, value: int) -> bytes:
    lines = (f"PID|1||{patient}", f"OBR|1|{patient[0]}|", f"OBX|1|NM|K||{value}|u|||||F")
    return message(*lines, kind="ORU^R01", control=str(control))


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=SENT.filter(bool))
def test_no_patient_loses_a_result_to_another_and_what_says_nothing_new_is_a_duplicate(
    make_hospital, message, sent
) -> None:
    hospital = make_hospital()
    expected, last = Counter(), {}
    for control, patient, value in sent:
        before = last.get((control, patient))
        expected["duplicate" if before == value else "landed" if before is None else "superseded"] += 1
        last[control, patient] = value
    half = len(sent) // 2
    receipts = [
        hospital.land(b"".join(result(message, *one) for one in part)) for part in (sent[:half], sent[half:]) if part
    ]
    assert all(not receipt.quarantined for receipt in receipts)
    for fate in ("landed", "duplicate", "superseded"):
        assert sum(getattr(receipt, fate) for receipt in receipts) == expected[fate]
    rows = hospital.rows("hl7v2_oru", "_key, results[1].value_number")
    assert sorted(dict(rows).values()) == sorted(map(float, last.values()))


def test_a_merge_sent_again_is_a_duplicate_and_corrected_demographics_supersede(hospital, message) -> None:
    merge = message("EVN|A40|20260228", "PID|1||7^^^A^MR||Zorro||1980", "MRG|8^^^A^MR", kind="ADT^A40")
    assert hospital.land(merge).landed == 1
    assert hospital.land(merge + message("PID|1||8^^^A^MR", control="2")).duplicate == 1
    assert hospital.land(merge.replace(b"||1980", b"||1981")).superseded == 1
    assert len(set(hospital.rows("hl7v2_adt", "_key"))) == 2


def test_a_message_about_nobody_is_known_by_its_control_id(hospital, message) -> None:
    bed = message("EVN|A20|20260228", "NPU|B2|H", kind="ADT^A20")
    assert (hospital.land(bed).landed, hospital.land(bed + b"\r").duplicate) == (1, 1)

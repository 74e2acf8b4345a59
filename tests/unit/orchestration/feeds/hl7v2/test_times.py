"""A time that is there and cannot be read, or cannot be, keeps its message out of the lake; no other time stands in."""

import pytest

PID = "PID|1||7^^^CITY^MR||Zorro^Diego||19800229|F"
NOW = "20260301"
UNREADABLE = [
    "2026-02-10T22:15:30", "20260210101530Z", "20260210101530-05:00", "20261301", "20260230", "20260210101560",
    "20260210240000", "00000000", "20260210 1015", "soon",
]  # fmt: skip
PAST_ONES = {
    "ADT.recorded_at": "EVN|A01|{}",
    "ADT.occurred_at": "EVN|A01|20260228||||{}",
    "ADT.deceased_at": f"{PID}{'|' * 21}{{}}",
    "ADT.admitted_at": f"PV1|1|I{'|' * 42}{{}}",
    "ADT.discharged_at": f"PV1|1|I{'|' * 43}{{}}",
    "ADT.diagnoses.diagnosed_at": "DG1|1||I10||{}",
    "ORU.results.collected_at": "OBR|1|1|2|a|||{}",
    "ORU.results.received_at": "OBR|1|1|2|a||||||||||{}",
    "ORU.results.reported_at": "OBR|1|1|2|a||||||||||||||||||{}",
    "ORU.results.observed_at": "OBX|1|NM|K||5|u|||||F|||{}",
}
OTHERS = {
    "ADT.birth_date": "PID|1||7^^^CITY^MR||Zorro^Diego||{}|F",
    "ADT.payers.starts_on": "IN1|1|PPO||||||||||{}",
    "ADT.payers.ends_on": "IN1|1|PPO|||||||||||{}",
    "ORU.results.value_at": "OBX|1|DT|K||{}||||||F",
    "SIU.starts_at": "SCH|1|2|||||||||^^^{}",
    "SIU.ends_at": "SCH|1|2|||||||||^^^^{}",
    "Message.recorded_at": "EVN|T02|{}",
}
KINDS = {"ADT": "ADT^A01", "ORU": "ORU^R01", "SIU": "SIU^S12", "Message": "MDM^T02"}


@pytest.fixture
def sent(message):
    """A message with one time of a field."""

    def made(field: str, time: str, control: str = "1") -> bytes:
        segment = (PAST_ONES | OTHERS)[field].format(time)
        kind = field.split(".")[0]
        name = segment.split("|")[0]
        whole = [one for one in (PID, "OBR|1|1|2|a|||20260210", "OBX|1|NM|K||5|u|||||F") if not one.startswith(name)]
        if kind != "ORU":
            whole = [one for one in whole if not one.startswith("OB")]
        at = {"PID": 0, "EVN": 0, "SCH": 0}.get(name, 1 if name == "OBR" else len(whole))
        return message(*whole[:at], segment, *whole[at:], kind=KINDS[kind], control=control)

    return made


def clauses(hospital) -> list[str]:
    return [clause for _, clause, _ in hospital.quarantine()]


@pytest.mark.parametrize("field", [*PAST_ONES, *OTHERS])
def test_a_time_that_cannot_be_read_is_quarantined_with_its_clause_and_never_quoted(hospital, sent, field) -> None:
    receipt = hospital.land(b"".join(sent(field, time, str(n)) for n, time in enumerate(UNREADABLE)))
    assert (receipt.landed, receipt.quarantined) == (0, len(UNREADABLE))
    assert clauses(hospital) == [f"{field}.form"] * len(UNREADABLE)
    for _, _, reason in hospital.quarantine():
        assert "YYYY[MM[DD[HH[MM[SS[.S]]]]]][+/-ZZZZ]" in reason
        assert not any(time in reason for time in UNREADABLE)


@pytest.mark.parametrize("field", [*PAST_ONES, *OTHERS])
@pytest.mark.parametrize("time", ["", '""', "20260210", "202602", "20260210101530.1234+0930"])
def test_what_is_empty_or_deleted_is_absent_and_what_is_of_the_form_is_read(hospital, sent, field, time) -> None:
    receipt = hospital.land(sent(field, time))
    assert (receipt.landed, dict(receipt.reasons)) == (1, {})


@pytest.mark.parametrize("field", PAST_ONES)
@pytest.mark.parametrize(
    ("time", "rule"), [("29991231", "future"), ("20280401", "future"), ("18741231", "range"), ("1000", "range")]
)
def test_a_past_time_is_neither_long_after_its_arrival_nor_before_1875(hospital, sent, field, time, rule) -> None:
    assert hospital.land(sent(field, time)).quarantined == 1
    assert clauses(hospital) == [f"{field}.{rule}"]


@pytest.mark.parametrize("field", [name for name in PAST_ONES if name != "ADT.deceased_at"])
def test_a_plan_of_the_next_two_years_lands_as_in_fhir(hospital, sent, field) -> None:
    assert hospital.land(sent(field, "20270401")).landed == 1


def test_an_appointment_and_an_end_of_cover_may_be_in_any_future(hospital, sent) -> None:
    fields = ("SIU.starts_at", "SIU.ends_at", "ADT.payers.ends_on", "ORU.results.value_at")
    assert hospital.land(b"".join(sent(field, "29991231", str(n)) for n, field in enumerate(fields))).landed == 4


@pytest.mark.parametrize(("clock", "lands"), [("1200", 1), ("12", 1), ("120000.5-0500", 1), ("12:00", 0), ("noon", 0)])
def test_a_time_of_day_has_the_form_of_one(hospital, message, clock, lands) -> None:
    receipt = hospital.land(message(PID, f"OBX|1|TM|K||{clock}||||||F", kind="ORU^R01"))
    assert (receipt.landed, dict(receipt.reasons)) == (lands, {} if lands else {"ORU.results.value_clock.form": 1})
    if lands:
        assert hospital.rows("hl7v2_oru", "results[1].value_clock") == [(clock,)]

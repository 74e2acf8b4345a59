import pytest

from ..conftest import SITES
from ..parsed import Feeds

STATUS = {"S12": "Booked", "S15": "Cancelled", "S26": "Noshow"}
ROW_STATUS = {"S12": "booked", "S15": "cancelled", "S26": "no_show"}


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def test_every_message_has_what_a_schedule_needs(wide: Feeds, site: str):
    for message in wide.last(site, "siu"):
        assert message.get("MSH", 9, 3) == "SIU_S12"
        assert message.get("SCH", 25) == STATUS[message.trigger]
        assert message.get("SCH", 1) == message.get("SCH", 2) != ""
        assert message.get("SCH", 11, 4) == message.get("AIS", 4) != ""
        assert message.get("AIL", 3) == message.get("AIS", 3)
        assert message.get("SCH", 9) == message.get("AIS", 7) != ""


def test_a_patient_who_was_not_booked_cannot_cancel_or_stay_away(wide: Feeds, site: str):
    booked: set[str] = set()
    for message in sorted(wide.last(site, "siu"), key=lambda m: (m.at("MSH", 7), m.control)):
        if message.trigger == "S12":
            assert message.get("SCH", 2) not in booked
            booked.add(message.get("SCH", 2))
        else:
            assert message.get("SCH", 2) in booked
    assert len(booked) > 20


def test_messages_and_tables_tell_the_same(wide: Feeds, site: str):
    """The last row of an appointment is its last message, but for those who came: of them there is no message."""
    last_day = wide.summary.days[-1]
    messages: dict[str, tuple[str, str]] = {}
    for message in sorted(wide.last(site, "siu"), key=lambda m: (m.at("MSH", 7), m.control)):
        messages[message.get("SCH", 2)] = ROW_STATUS[message.trigger], message.at("MSH", 7).isoformat()
    rows: dict[str, tuple[str | None, str | None]] = {}
    for day, row in wide.rows(site, "appointments"):
        is_whole = row["patient_mrn"] and row["updated_at"] and row["status"] != "??"
        if is_whole and row["updated_at"][:10] < last_day.isoformat() and day <= last_day:
            known = rows.get(row["appointment_id"], (None, ""))
            if row["updated_at"] >= (known[1] or ""):
                rows[row["appointment_id"]] = row["status"], row["updated_at"]
    assert set(rows) == set(messages)
    for identity, (status, at) in rows.items():
        assert messages[identity] == (status, at) or (status == "arrived" and messages[identity][0] == "booked")
    assert {"booked", "cancelled", "arrived"} <= {status for status, _ in rows.values()}


def test_every_status_occurs(wide: Feeds):
    found = {row["status"] for site in SITES for _, row in wide.rows(site, "appointments")}
    assert {"booked", "cancelled", "no_show", "arrived"} <= found
    assert {m.trigger for site in SITES for m in wide.messages(site, "siu")} == set(STATUS)

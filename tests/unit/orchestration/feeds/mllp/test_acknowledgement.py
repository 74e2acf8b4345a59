"""Answers, read back by the `hl7` library."""

from datetime import UTC, datetime

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.feeds.mllp.acknowledgement import Ack, AckCode, acknowledgement

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LANDED = Ack(AckCode.LANDED)


def answer(message: bytes, ack: Ack = LANDED) -> str:
    return acknowledgement(message, ack, "own-1", NOW).decode("latin-1")


def test_an_answer_goes_back_to_the_sender_with_its_control_id() -> None:
    came = b"MSH|^~\\&|EHR^1.2^ISO|CITY|LAKE|HUB|20260228||ADT^A01^ADT_A01|msg-7|T|2.5.1||||||8859/1\rPID|1"
    assert answer(came).split("\r") == [
        "MSH|^~\\&|LAKE|HUB|EHR^1.2^ISO|CITY|20260301120000+0000||ACK^A01^ACK|own-1|T|2.5.1||||||8859/1",
        "MSA|AA|msg-7",
        "",
    ]


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("ADT^A01", "2.3", "ACK^A01"),
        ("ADT^A01", "2.3.1", "ACK^A01^ACK"),
        ("ADT^A01", "", "ACK^A01^ACK"),
        ("ADT^A01", "2.8", "ACK^A01^ACK"),
        ("ADT", "2.5", "ACK"),
        ("", "odd", "ACK"),
    ],
)
def test_the_type_names_the_event_as_the_version_wants_it(kind: str, version: str, expected: str) -> None:
    made = answer(f"MSH|^~\\&|A|B|||2026||{kind}|1|P|{version}\r".encode())
    assert made.split("|")[8] == expected


def test_the_senders_separators_are_kept_and_what_it_named_comes_back_byte_by_byte() -> None:
    came = b"MSH!#*$%!S\xe9nder!B!!!2026!!ADT#A08!id\xff!P!2.3\r"
    made = acknowledgement(came, Ack(AckCode.QUARANTINED, "Not 100% so!"), "own-1", NOW)
    assert made.split(b"\r")[0] == b"MSH!#*$%!PILOTHOUSE!!S\xe9nder!B!20260301120000+0000!!ACK#A08!own-1!P!2.3"
    assert made.split(b"\r")[1] == b"MSA!AE!id\xff!Not 100$T$ so$F$"


@pytest.mark.parametrize("came", [b"", b"GET / HTTP/1.1", b"MSH", b"MSH|^^^^|", b"\xff\xfe"])
def test_what_has_no_header_is_answered_without_a_control_id(came: bytes) -> None:
    made = answer(came, Ack(AckCode.REFUSED, "No message."))
    assert made.split("\r")[1] == "MSA|AR||No message."
    assert hl7.parse(made).extract_field("MSH", 1, 9) == "ACK"


@given(st.binary(max_size=120), st.text("ab|^~\\&!.", max_size=20))
def test_any_bytes_are_answered_with_a_message_that_reads_back(came: bytes, reason: str) -> None:
    made = hl7.parse(answer(b"MSH|^~\\&|" + came.replace(b"\\", b""), Ack(AckCode.QUARANTINED, reason)))
    assert str(made.segment("MSA")[1]) == "AE"
    assert made.extract_field("MSA", 1, 3).strip() == reason.strip()

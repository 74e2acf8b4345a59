"""Cutting files into messages: every separator there is, and what is none of them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.feeds.hl7v2.framing import cut, in_one_byte_units
from orchestration.feeds.hl7v2.problems import BATCH_COUNT, BLANK_LINE, CUT_OFF, NO_HEADER
from orchestration.feeds.problems import Problem

ONE = b"MSH|^~\\&|A|B|||2020||ADT^A01|1|P|2.5\rPID|1||7"
TWO = ONE.replace(b"|1|P", b"|2|P")


def control_ids(content: bytes) -> list[bytes | str]:
    return [p.clause if isinstance(p, Problem) else p.split(b"|")[9] for p in cut(content)]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "layout",
    [
        b"%s\r%s\r",
        b"%s\r%s",
        b"%s\r\r%s\r\r\r",
        b"\r\r  \r%s\r\r%s",
        b"\x0b%s\r\x1c\r\x0b%s\r\x1c\r",
        b"\x0b%s\x1c\r\x0b%s\x1c\r",
        b"\x0b%s\x1c\x0b%s\x1c",
        b"\x0b%s\x1c\r\r\x0b%s\x1c\r\r",
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r%s\r%s\rBTS|2\rFTS|1\r",
        b"BHS|^~\\&|A\r%s\rBTS|1\rBHS|^~\\&|A\r%s\rBTS|1\r",
        b"%s\rBTS|1|sums\r%s\rBTS\r",
        b"\x0bBHS|^~\\&|A\r%s\r%s\rBTS|2\r\x1c\r",
    ],
)
def test_messages_are_found_in_every_layout(layout: bytes, end: bytes) -> None:
    assert control_ids((layout % (ONE, TWO)).replace(b"\r", end)) == [b"1", b"2"]


def test_real_files_end_segments_in_cr_and_messages_in_blank_lines() -> None:
    assert control_ids(ONE + b"\r\n\n" + TWO + b"\r\n\n") == [b"1", b"2"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"hello\r" + ONE, [NO_HEADER.clause, b"1"]),
        (ONE + b"\r\x1c\rhello", [b"1", NO_HEADER.clause]),
        (b"\x0bPID|1\x1c\r\x0b" + ONE + b"\x1c", [NO_HEADER.clause, b"1"]),
        (ONE + b"\rBTS|1\rPID|1||8", [b"1", NO_HEADER.clause]),
        (ONE + b"\rBTS|2\r" + TWO, [b"1", BATCH_COUNT.clause, b"2"]),
        (b"\x0b" + ONE, [CUT_OFF.clause]),
        (b"\x0b" + ONE + b"\x0b" + TWO + b"\x1c\r", [CUT_OFF.clause, b"2"]),
        (b"\x0b" + ONE + b"\r" + TWO, [b"1", CUT_OFF.clause]),
        (ONE + b"\r\rOBX|1|NM|x||5", [BLANK_LINE.clause]),
        (ONE + b"\r\n \r\nOBX|1|NM|x||5", [BLANK_LINE.clause]),
        (ONE.replace(b"\r", b"\n") + b"\n\nOBX|1|NM|x||5\n\n" + TWO, [BLANK_LINE.clause, b"2"]),
        (b"", []),
        (b"\r\n \r\n", []),
        (b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1", []),
    ],
)
def test_what_is_no_message_is_named_and_the_others_go_on(content: bytes, found: list[bytes | str]) -> None:
    assert control_ids(content) == found


def test_a_blank_line_within_a_frame_is_part_of_the_message() -> None:
    content = ONE + b"\r\rOBX|1|NM|x||5"
    assert cut(b"\x0b" + content + b"\x1c\r") == [content]


def test_a_paragraph_in_a_text_does_not_part_a_message() -> None:
    content = ONE + b"\rNTE|1||first\n\nsecond, no segment\rNTE|2"
    assert cut(content) == [content]


@pytest.mark.parametrize("text", [b"MSHA|x", b"MSH x", b" MSH|x", b"xMSH|x"])
def test_what_only_looks_like_a_header_starts_no_message(text: bytes) -> None:
    assert cut(text) == [NO_HEADER]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_unicode_of_any_width_is_read(codec: str) -> None:
    text = ONE.decode() + "||Bäcker"
    assert in_one_byte_units(text.encode(codec)) == text.encode()


PIECES = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x1c",
        b"\x1c\r",
        b" ",
        b"MSH|^~\\&|",
        b"BHS|",
        b"BTS|2",
        b"PID|1",
        b"text",
        b"\xff",
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_nothing_but_envelopes_and_white_space_goes_unmentioned(content: bytes) -> None:
    pieces = cut(content)
    if not any(isinstance(piece, Problem) for piece in pieces):
        plain = re.sub(rb"[\r\n\x0b\x1c]BTS[^\r\n\x0b\x1c]*|[\r\n\x0b\x1c]BHS[^\r\n\x0b\x1c]*", b"", b"\n" + content)
        assert re.sub(rb"[\s\x1c]", b"", plain) == re.sub(rb"\s", b"", b"".join(pieces))


@given(st.binary(max_size=200))
def test_no_bytes_raise(content: bytes) -> None:
    assert all(isinstance(p, Problem) or p.startswith(b"MSH") for p in cut(content))

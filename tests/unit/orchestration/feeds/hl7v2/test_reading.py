"""Files of messages: character sets, bounds, what identifies a message, and that no bytes raise."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.feeds import Limits
from orchestration.feeds.hl7v2 import PROBLEMS, read
from orchestration.feeds.hl7v2 import problems as p
from orchestration.feeds.problems import EMPTY, Problem

SMALL = Limits(line=20_000)


def bad(content: bytes, limits: Limits | None = None) -> list[tuple[int, Problem]]:
    file = read(content, "messages.hl7", limits or Limits())
    assert not isinstance(file, Problem)
    return list(file.lines.bad)


def test_a_message_is_known_by_sender_control_id_and_time_as_they_were_sent(documents, message) -> None:
    (made,) = documents(message("EVN|A01|20260228", "PID|1", kind="ADT^A01^ADT_A01", control=" 77 "))
    assert (made["id"], made["resourceType"], made["event"]) == ("EHR|CITY|77|20260228101500", "ADT", "A01")
    assert made["MSH"][0]["f9"] == [{"c1": "ADT", "c2": "A01", "c3": "ADT_A01"}]
    assert made["EVN"] == [{"f1": [{"c1": "A01"}], "f2": [{"c1": "20260228"}]}]


def test_before_2_3_the_event_stands_in_the_event_segment(documents, message) -> None:
    assert documents(message("EVN|A08", kind="ADT"))[0]["event"] == "A08"
    assert "event" not in documents(message("PID|1", kind="ORU"))[0]


def test_every_local_type_is_one_type(documents, message) -> None:
    (made,) = documents(message("ZPI|x^y|1", kind="ZAB^Z01"))
    assert made["resourceType"] == "Z"
    assert made["ZPI"] == [{"f1": [{"c1": "x", "c2": "y"}], "f2": [{"c1": "1"}]}]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"|ADT^A01|", b"||"), p.NO_TYPE),
        ((b"|ADT^A01|", b"|^A01|"), p.NO_TYPE),
        ((b"|ADT^A01|", b"|ADTX|"), p.NO_TYPE),
        ((b"|ADT^A01|", b"|adt^A01|"), p.NO_TYPE),
        ((b"|1|P|", b"||P|"), p.NO_CONTROL_ID),
        ((b"|1|P|", b"| |P|"), p.NO_CONTROL_ID),
        ((b"^~\\&", b"^^\\&"), p.SEPARATORS),
        ((b"PID|1", b"PID|" + b"x" * 20_000), p.TOO_LONG),
        ((b"PID|1", b"PID|M\xfcller"), p.CHARSET),
    ],
)
def test_a_message_that_cannot_be_read_is_named_and_the_others_go_on(message, change, problem) -> None:
    good, broken = message("PID|1", control="9"), message("PID|1").replace(*change)
    assert bad(good + broken + good, SMALL) == [(2, problem)]


def test_a_file_without_any_message_is_named_whole() -> None:
    assert read(b"", "x", SMALL) is EMPTY
    assert read(b" \r\n", "x", SMALL) is EMPTY
    assert read(b"a,b\n1,2\n", "x", SMALL) is p.NOT_HL7
    assert read(b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r", "x", SMALL) is p.NO_MESSAGES


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("", "utf-8"),
        ("ASCII", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("ISO 8859-15", "iso8859-15"),
        ("WINDOWS-1252", "cp1252"),
        ("ASCII~8859/1", "latin-1"),
    ],
)
def test_the_declared_character_set_is_read(documents, message, declared: str, codec: str) -> None:
    sent = message("PID|1||7||Müller", more=f"||||||{declared}").decode().encode(codec)
    assert documents(sent)[0]["PID"][0]["f5"] == [{"c1": "Müller"}]


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("~ISO IR87", "iso2022_jp_2", "山田"),
        ("GB 18030-2000", "gb18030", "张伟"),
        ("BIG-5", "big5", "陳大文"),
        ("KS X 1001", "euc_kr", "김"),
    ],
)
def test_characters_of_several_bytes_may_hold_the_bytes_of_separators(
    documents, message, declared, codec, name
) -> None:
    sent = message(f"PID|1||7||{name}^x", more=f"||||||{declared}").decode().encode(codec)
    assert documents(sent)[0]["PID"][0]["f5"] == [{"c1": name, "c2": "x"}]


def test_an_unknown_character_set_matters_only_to_what_is_not_ascii(documents, message) -> None:
    plain = message("PID|1||7", more="||||||CNS 11643-1992")
    assert len(documents(plain)) == 1
    assert bad(plain + message("PID|1||7||\xfc", more="||||||CNS 11643-1992")) == [(2, p.UNKNOWN_CHARSET)]


def test_utf16_files_are_read(documents, message) -> None:
    sent = (message("PID|1||7||Müller") * 2).decode().encode("utf-16")
    assert [d["PID"][0]["f5"] for d in documents(sent)] == [[{"c1": "Müller"}]] * 2


@pytest.mark.parametrize(
    "segments",
    [
        ["PID|" + "~" * 600_000],
        ["PID|" + "^&" * 300_000],
        ["PID|" + "|" * 600_000],
        ["OBR|1|" + "x" * 100_000, *["OBX|1|NM"] * 1000],
        ["PID|1||" + "7" * 100_000, *["OBX|1|NM"] * 1000],
        ["OBX|1|CE|" + "c" * 1000 + "||" + "a~" * 100_000],
    ],
)
def test_what_would_grow_beyond_bounds_is_refused_in_little_time(message, segments: list[str]) -> None:
    start = time.process_time()
    ((_, problem),) = bad(message(*segments))
    assert problem in (p.TOO_MANY_PARTS, p.TOO_LONG)
    assert time.process_time() - start < 5


def test_every_problem_has_a_clause_of_its_own_and_a_sentence() -> None:
    assert len({problem.clause for problem in PROBLEMS}) == len(PROBLEMS) >= 12
    assert all(problem.reason.endswith((".", ").")) for problem in PROBLEMS)


SEEDS = [
    b"MSH|^~\\&|A|B|||20200501||ORU^R01|1|T|2.3|||AL||44|ASCII\rPID|1||7^^^C^MR~8&9^^^&1.2&ISO\rORC|RE|1\r",
    b'OBR|1|1|2|a^b\rOBX|1|SN|c^d^L||<^5^-^7|u|1-2|H~A|||F|||20200501\rOBX|2|CE|c||a^b~c^""\rMRG|3^^^C\r',
    *(
        b"PV1|1|I|W^1^2\rDG1|1||I10\r",
        b"\x0b",
        b"\x1c\r",
        b"\r\n\n",
        b'|""|',
        b"\\X41\\",
        b"\\.sp3\\",
        b"~",
        b"^",
        b"&",
    ),
    *(b"MSH|", b"BHS|^~\\&\r", b"BTS|1\r", b"\xff\xfe"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(SEEDS) | st.binary(max_size=6), max_size=10).map(b"".join))
def test_no_bytes_raise_and_every_record_has_one_number(content: bytes) -> None:
    file = read(content, "x", Limits())
    if not isinstance(file, Problem):
        numbers = sorted([*file.lines.number.tolist(), *(n for n, _ in file.lines.bad)])
        assert numbers == list(range(1, len(numbers) + 1))
        for text in file.lines.text.to_pylist():
            made = json.loads(text)
            assert made["resourceType"] and made["id"]
            assert_one_shape(made)


def assert_one_shape(made: dict[str, object]) -> None:
    """Every segment name holds a list of objects whose fields are lists of objects of texts."""
    for name, segments in made.items():
        if len(name) != 3:
            continue
        assert isinstance(segments, list)
        for segment in segments:
            fields = {k: v for k, v in segment.items() if k[0] == "f" and k[1:].isdigit()}
            for repetitions in fields.values():
                assert isinstance(repetitions, list)
                for parts in repetitions:
                    assert all(isinstance(v, list if k.endswith("s") else str) for k, v in parts.items())

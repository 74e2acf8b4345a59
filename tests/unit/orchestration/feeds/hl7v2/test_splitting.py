"""Segments, fields and parts: any separators, escapes and nulls; held against the `hl7` library."""

import hl7
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.feeds.hl7v2.escapes import unescaper
from orchestration.feeds.hl7v2.problems import SEPARATORS
from orchestration.feeds.hl7v2.separators import Separators
from orchestration.feeds.hl7v2.splitting import Header, header, read_header, read_segment, segments

USUAL = Separators("|", "^", "~", "\\", "&")


def split(text: str, separators: Separators = USUAL) -> dict[str, object]:
    return read_segment(text.split(separators.field), separators, "utf-8")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PID", {}),
        ("PID|||", {}),
        ("PID|1||7", {"f1": [{"c1": "1"}], "f3": [{"c1": "7"}]}),
        ("PID|a^^c", {"f1": [{"c1": "a", "c3": "c"}]}),
        ("PID|a~b^x", {"f1": [{"c1": "a"}, {"c1": "b", "c2": "x"}]}),
        ("PID|~b", {"f1": [{}, {"c1": "b"}]}),
        ("PID|a&b^c", {"f1": [{"c1": "a", "c1s": ["a", "b"], "c2": "c"}]}),
        ("PID|&b", {"f1": [{"c1s": ["", "b"]}]}),
        ('PID|""', {"nulls": "f1"}),
        ('PID|a|""^""', {"f1": [{"c1": "a"}], "f2": [{}], "nulls": "f2.c1 f2.c2"}),
        ('PID|a^""~""', {"f1": [{"c1": "a"}, {}], "nulls": "f1.c2 f1[1].c1"}),
        ('PID|"|"a"', {"f1": [{"c1": '"'}], "f2": [{"c1": '"a"'}]}),
    ],
)
def test_a_segment_keeps_what_was_sent_and_tells_a_null_from_nothing(line: str, expected: dict[str, object]) -> None:
    assert split(line) == expected


def test_more_fields_and_components_than_any_standard_has_are_kept() -> None:
    made = split("ZZZ" + "|" * 1200 + "^" * 1100 + "x")
    assert made == {"f1200": [{"c1101": "x"}]}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"one\.br\two\.sp2\three\.ce\x", "one\ntwo\n\nthree\nx"),
        (r"\H\bold\N\ \.in+4\in\.ti-2\\.fi\\.nf\\.sk3\x", "bold in   x"),
        (r"\XC3A9\ \X0D0A\ \X\ ", "é \r\n  "),
        (r"\P\ ", "# "),
        (r"\XZZ\ \XFF\ \Q\ \C2842\ \Zlocal\ ", r"\XZZ\ \XFF\ \Q\ \C2842\ \Zlocal\ "),
        (r"C:\temp", r"C:\temp"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
        (r"\.sp9999\ ".strip(), "\n" * 100),
    ],
)
def test_escape_sequences_are_decoded_and_unknown_ones_stay(sent: str, meant: str) -> None:
    assert unescaper(USUAL, "utf-8")(sent) == meant


def test_hexadecimal_data_is_in_the_messages_character_set() -> None:
    assert unescaper(USUAL, "iso8859-1")(r"\XE9\ ".strip()) == "é"


def test_any_separators_may_be_used_and_some_may_be_missing() -> None:
    other = Separators("!", "#", "*", "$", "%")
    assert split("PID!a#b%c*$S$|^", other) == {"f1": [{"c1": "a", "c2": "b", "c2s": ["b", "c"]}, {"c1": "#|^"}]}
    few = Separators("|", "^", "", "", "")
    assert split(r"PID|a~b^\S\&", few) == {"f1": [{"c1": "a~b", "c2": r"\S\&"}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MSH|^~\\&|A|B", USUAL),
        ("MSH|^~\\&#|A|B", USUAL),
        ("MSH|^~|A", Separators("|", "^", "~", "", "")),
        ("MSH#!*$%#A\rPID", Separators("#", "!", "*", "$", "%")),
    ],
)
def test_a_header_names_its_separators(text: str, expected: Separators) -> None:
    found = header(text)
    assert isinstance(found, Header)
    assert found.separators == expected


@pytest.mark.parametrize(
    "text", ["MSH", "MSH|", "MSH||A", "MSH|^^^^|", "MSH|^|", "MSH|AB|", "MSHA^~\\&", "MSH|^ \\&|", "MSH|é~|"]
)
def test_separators_that_cannot_be_told_apart_are_refused(text: str) -> None:
    found = header(text)
    if text == "MSH|^|":
        assert isinstance(found, Header)
    else:
        assert found is SEPARATORS


def test_the_header_segment_counts_its_own_separator_as_a_field() -> None:
    fields = segments("MSH|^~\\&|A^B|C\rPID|1", "|")[0]
    assert read_header(fields, USUAL, "utf-8") == {
        "f1": [{"c1": "|"}],
        "f2": [{"c1": "^~\\&"}],
        "f3": [{"c1": "A", "c2": "B"}],
        "f4": [{"c1": "C"}],
    }


def test_a_line_break_within_a_text_does_not_break_its_segment() -> None:
    text = "MSH|^~\\&\nOBX|1|TX|n||first\nsecond\n\nPIDgin|x||F\r\nPID!\rNTE|1"
    assert segments(text, "|") == [
        ["MSH", "^~\\&"],
        ["OBX", "1", "TX", "n", "", "first\nsecond\nPIDgin", "x", "", "F\nPID!"],
        ["NTE", "1"],
    ]


TEXT = st.text('ab|^~\\&FSTRE"#ü .', max_size=14)
NAMES = {"|": r"\F\ ", "^": r"\S\ ", "&": r"\T\ ", "~": r"\R\ ", "\\": r"\E\ "}


def escaped(text: str) -> str:
    return "".join(NAMES[c].strip() if c in NAMES else c for c in text)


@settings(max_examples=300)
@given(
    st.lists(
        st.lists(st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3),
        max_size=4,
    )
)
def test_what_is_escaped_and_joined_comes_back_as_the_library_reads_it(fields: list[list[list[list[str]]]]) -> None:
    sent = "|".join("~".join("^".join("&".join(map(escaped, c)) for c in r) for r in f) for f in fields)
    theirs = hl7.parse(f"MSH|^~\\&|A\rZZZ|{sent}|end")
    ours = split(f"ZZZ|{sent}|end")
    for f, field in enumerate(fields, start=1):
        if field == [[['""']]]:
            assert f"f{f}" not in ours and f"f{f}" in str(ours["nulls"]).split()
            continue
        for r, repetition in enumerate(field, start=1):
            for c, component in enumerate(repetition, start=1):
                read = component_of(ours, f, r, c)
                if component == ['""']:
                    assert read == []
                    continue
                assert read == ([] if component == [""] else component)
                for s, text in enumerate(read, start=1):
                    assert theirs.extract_field("ZZZ", 1, f, r, c, s) == text


def component_of(segment: dict[str, object], field: int, repetition: int, component: int) -> list[str]:
    repetitions = segment.get(f"f{field}", [])
    assert isinstance(repetitions, list)
    found = repetitions[repetition - 1] if repetitions else {}
    one = [found[f"c{component}"]] if f"c{component}" in found else []
    return found.get(f"c{component}s", one)

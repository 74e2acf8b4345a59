"""A numeric result that is no number is kept as text, and no part of it is a number."""

import pytest

PID = "PID|1||7^^^CITY^MR||Zorro^Diego||19800229|F"
READ = [
    ("NM", "101", (101.0, None, None, None)),
    ("NM", "-1.5", (-1.5, None, None, None)),
    ("NM", "1e3", (1000.0, None, None, None)),
    ("NM", "<5", (5.0, "<", None, None)),
    ("SN", ">^100", (100.0, ">", None, None)),
    ("SN", "^100", (100.0, None, None, None)),
    ("SN", "^1^:^128", (1.0, None, ":", 128.0)),
    ("SN", "^3^+", (3.0, None, "+", None)),
    ("NR", "2^4", (2.0, None, "-", 4.0)),
    ("CQ", "5^mg/dL", (5.0, None, None, None)),
]
UNREAD = [
    ("NM", "1,234", "1,234"),
    ("NM", "1,5", "1,5"),
    ("NM", "1 234", "1 234"),
    ("NM", "1_000", "1_000"),
    ("NM", "1e400", "1e400"),
    ("NM", "NaN", "xxx"),
    ("NM", "1:128", "1:128"),
    ("NM", "١٢", "xxx"),
    ("NM", "positive", "positive"),
    ("NM", "ask Zorro 555-867-5309", "xxx xxx xxx-xxx-xxx"),
    ("NM", "555-867-5309", "xxx-xxx-xxx"),
    ("NM", "555 867 5309", "xxx xxx xxx"),
    ("NM", "123-45-6789", "xxx-xxx-xxx"),
    ("NM", "1980-02-29", "xxx-xxx-xxx"),
    ("SN", "100", "100"),
    ("SN", "1,000", "1,000"),
    ("SN", ">^1,000", ">^1,000"),
    ("SN", "^^-^4", "^^-^4"),
    ("SN", "^2^-^1,000", "^2^-^1,000"),
    ("SN", ">^<5", ">^<5"),
    ("NR", "2^", "2"),
    ("CQ", "1,5^mg/dL", "1,5"),
    ("ST", "1,234", "1,234"),
    ("", "1,234", "1,234"),
]


TELLING = ["612 345 678", "+44 123 456 789", "+41 612 345 678", "555-1234", "046 454 286", "612.345.678", "123-456789"]
TELLING += ["2024-03", "03/2024", "12-31", "07/04"]


@pytest.fixture
def results(hospital, message):
    """What lands of results of some type."""

    def made(*sent: tuple[str, str]) -> list[tuple[object, ...]]:
        lines = [f"OBX|{n}|{kind}|K||{value}|mg/dL|||||F" for n, (kind, value) in enumerate(sent, start=1)]
        assert hospital.land(message(PID, *lines, kind="ORU^R01")).landed == 1
        members = ["value_number", "value_comparator", "value_separator", "value_number_to", "value_unread"]
        listed = ", ".join(f"list_transform(results, lambda r: r.{member})" for member in members)
        ((*columns,),) = hospital.rows("hl7v2_oru", listed)
        return list(zip(*columns, strict=True))

    return made


def test_a_number_is_read_and_nothing_is_left_of_it(results) -> None:
    assert results(*((kind, value) for kind, value, _ in READ)) == [(*expected, None) for *_, expected in READ]


def test_what_is_no_number_is_kept_as_text_and_no_part_of_it_is_one(results) -> None:
    found = results(*((kind, value) for kind, value, _ in UNREAD))
    assert [row[-1] for row in found] == [text for *_, text in UNREAD]
    assert {row[:-1] for row in found} == {(None,) * 4}


def test_what_was_not_sent_is_not_unread(results) -> None:
    assert results(("NM", ""), ("NM", '""'), ("SN", ""), ("SN", "^")) == [(None,) * 5] * 4


def test_no_digit_is_kept_of_what_may_be_a_telephone_number_or_a_date(results) -> None:
    kept = results(*(("NM", sent) for sent in TELLING))
    assert [any(map(str.isdigit, str(unread))) for *_, unread in kept] == [False] * len(TELLING)

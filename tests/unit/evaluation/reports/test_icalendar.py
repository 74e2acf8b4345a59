"""The iCalendar file as RFC 5545 wants it: CRLF, lines of at most 75 octets, text escaped, times in UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.reports.icalendar import Event, icalendar

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def event(**changes: object) -> Event:
    told: dict[str, object] = {
        "uid": "change-1@pilothouse",
        "start": datetime(2026, 11, 28, 9, tzinfo=ZoneInfo("America/New_York")),
        "end": AT + timedelta(hours=4),
        "summary": "Triage to assistive",
        "description": "go live",
        "location": "City",
        "category": "CHANGE",
    }
    return Event(**{**told, **changes})  # type: ignore[arg-type]


def unfolded(text: str) -> list[str]:
    """Lines as a reader puts them together (section 3.1)."""
    return text.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def read(text: str, name: str) -> str:
    """The value of a property, its escapes taken away (section 3.3.11)."""
    [value] = [line.removeprefix(f"{name}:") for line in unfolded(text) if line.startswith(f"{name}:")]
    found, letters = "", iter(value)
    for letter in letters:
        found += letter if letter != "\\" else {"n": "\n"}.get(following := next(letters), following)
    return found


def test_an_event_is_said_in_full_and_in_utc() -> None:
    lines = unfolded(icalendar("Releases", [event()], AT))
    assert lines[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Pilothouse//Release calendar//EN"]
    assert lines[-14:] == [
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "BEGIN:VEVENT",
        "UID:change-1@pilothouse",
        "DTSTAMP:20261128T120000Z",
        "DTSTART:20261128T140000Z",
        "DTEND:20261128T160000Z",
        "SUMMARY:Triage to assistive",
        "DESCRIPTION:go live",
        "LOCATION:City",
        "CATEGORIES:CHANGE",
        "STATUS:CONFIRMED",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_a_moment_has_no_end() -> None:
    assert "DTEND" not in icalendar("Releases", [event(end=None)], AT)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a, b; c\\d", "a\\, b\\; c\\\\d"),
        ("one\ntwo\r\nthree\rfour", "one\\ntwo\\nthree\\nfour"),
        ("bell\x07 and null\x00", "bell and null"),
        ("BEGIN:VEVENT\r\nUID:forged", "BEGIN:VEVENT\\nUID:forged"),
    ],
)
def test_text_is_escaped_and_can_begin_no_line_of_its_own(text: str, written: str) -> None:
    assert f"SUMMARY:{written}" in unfolded(icalendar("Releases", [event(summary=text)], AT))


@pytest.mark.parametrize("length", [74, 75, 76, 149, 150])
def test_a_line_is_folded_after_75_octets_and_not_before(length: int) -> None:
    text = icalendar("Releases", [event(summary="x" * (length - len("SUMMARY:")))], AT)
    [at] = [number for number, line in enumerate(text.split("\r\n")) if line.startswith("SUMMARY:")]
    parts = text.split("\r\n")[at : at + 3]
    expected = {74: [74], 75: [75], 76: [75, 2], 149: [75, 75], 150: [75, 75, 2]}[length]
    folded = [len(part) for number, part in enumerate(parts) if not number or part.startswith(" ")]
    assert folded == expected


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs",)), max_size=200))
def test_whatever_is_said_is_read_back_from_lines_of_75_octets(text: str) -> None:
    made = icalendar("Releases", [event(description=text)], AT)
    assert read(made, "DESCRIPTION") == text
    lines = made.encode().split(b"\r\n")
    assert max(map(len, lines)) <= 75 and b"\n" not in b"".join(lines) and [one.decode() for one in lines]

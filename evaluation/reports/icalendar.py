"""The release calendar as an iCalendar file (RFC 5545), so that people see changes and freezes in their own calendar.

Times are in UTC, which every reader shows in its own zone. Here belongs the format; what is an event is the caller's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

LONGEST_LINE = 75
"""Octets of a line without its break (RFC 5545, section 3.1)."""
PRODUCT = "-//Pilothouse//Release calendar//EN"
Status = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``uid`` stays the same from file to file. Without ``end`` it is a moment."""

    uid: str
    start: datetime
    end: datetime | None
    summary: str
    description: str
    location: str
    category: str
    status: Status = "CONFIRMED"


def icalendar(name: str, events: Iterable[Event], at: datetime) -> str:
    """The text of a calendar of this name, made ``at``: lines end in CRLF and are folded at 75 octets."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_escaped(name)}",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        *(line for one in events for line in _event(one, at)),
        "END:VCALENDAR",
    ]
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(one: Event, at: datetime) -> Iterator[str]:
    yield from ("BEGIN:VEVENT", f"UID:{_escaped(one.uid)}", f"DTSTAMP:{_utc(at)}", f"DTSTART:{_utc(one.start)}")
    if one.end is not None:
        yield f"DTEND:{_utc(one.end)}"
    yield from (
        f"SUMMARY:{_escaped(one.summary)}",
        f"DESCRIPTION:{_escaped(one.description)}",
        f"LOCATION:{_escaped(one.location)}",
        f"CATEGORIES:{_escaped(one.category)}",
        f"STATUS:{one.status}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    )


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    r"""Text by section 3.3.11: ``\``, ``;`` and ``,`` escaped, line breaks as ``\n``, no control characters."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n"), ("\r", "\\n")):
        text = text.replace(plain, written)
    return "".join(letter for letter in text if letter == "\t" or (ord(letter) >= 32 and ord(letter) != 127))


def _folded(line: str) -> Iterator[str]:
    """The line in parts of at most 75 octets, the later ones after a space; no letter is cut in two."""
    part, size = "", 0
    for letter in line:
        octets = len(letter.encode("utf-8"))
        if size + octets > LONGEST_LINE:
            yield part
            part, size = " ", 1
        part, size = part + letter, size + octets
    yield part

"""HL7 v2.5.1 as text (chapter 2): escapes, components, segments, times, and messages in files.

What does not belong here: which segments a message has.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestration.simulator.clock import LocalClock
from orchestration.simulator.interfaces import Interfaces

ENCODING = r"^~\&"
ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\"})
HEADERS = ("MSH", "FHS", "BHS")  # whose first field is the separator itself
CODECS = {"": "ascii", "UNICODE UTF-8": "utf-8", "8859/2": "iso8859-2"}
BREAK = "\r"


class Times:
    """Writes times as one site does."""

    def __init__(self, clock: LocalClock, interfaces: Interfaces) -> None:
        self.clock, self.offset, self.form = clock, "%z" if interfaces.has_offset else "", interfaces.clinical_form

    def exact(self, second: int) -> str:
        """To the second: when a message was made or an event recorded."""
        return self._local(second).strftime("%Y%m%d%H%M%S" + self.offset)

    def clinical(self, second: int | None) -> str:
        """When something happened, as precisely as the site keeps it; empty for None."""
        return "" if second is None else self._local(second).strftime(self.form + self.offset)

    def _local(self, second: int) -> datetime:
        return datetime.fromtimestamp(second, self.clock.zone)


def parts(*components: str) -> str:
    """A field of components, escaped; empty ones at the end are left out."""
    return "^".join(component.translate(ESCAPES) for component in components).rstrip("^")


def identifier(number: str, authority: str, kind: str) -> str:
    """A field of type CX; `authority` is given as CX-4, with its subcomponents."""
    return f"{parts(number)}^^^{authority}^{kind}"


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of the given fields, numbered as in the standard; empty ones at the end are left out."""
    first, last = 2 if name in HEADERS else 1, max(fields)
    return "|".join([name, *(fields.get(n, "") for n in range(first, last + 1))]).rstrip("|")


def in_file(messages: Sequence[str], interfaces: Interfaces, made: str, batch: str) -> bytes:
    """Put messages into a file the way the site's engine does."""
    codec = CODECS[interfaces.charset]
    match interfaces.framing:
        case "plain":
            text = "".join(message + BREAK for message in messages)
        case "lines":
            text = "".join(message.replace(BREAK, "\r\n") + "\r\n\r\n" for message in messages)
        case "batch":
            head = {2: ENCODING, 3: interfaces.application, 4: interfaces.facility, 7: made, 11: batch}
            opening = [segment(name, head) for name in ("FHS", "BHS")]
            closing = [segment("BTS", {1: str(len(messages))}), segment("FTS", {1: "1"})]
            text = "".join(part + BREAK for part in (*opening, *messages, *closing))
    return text.encode(codec, errors="replace")


def without_identifiers(message: str, _place: float) -> str:
    """The message as an interface sends it that lost the patient's numbers (PID-3)."""
    lines = message.split(BREAK)
    return BREAK.join(_blanked(line, 3) if line.startswith("PID|") else line for line in lines)


def _blanked(line: str, number: int) -> str:
    fields = line.split("|")
    fields[number] = ""
    return "|".join(fields)


def cut_short(message: str, place: float) -> str:
    """The message as it arrives when the connection breaks; its header is always whole."""
    header = message.index(BREAK)
    return message[: header + 1 + int((len(message) - header) * place)].rstrip(BREAK)

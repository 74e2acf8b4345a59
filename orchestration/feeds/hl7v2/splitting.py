"""A message's text as segments, fields, repetitions, components and subcomponents, escape sequences decoded.

Own code rather than the `hl7` library, which parses 1,400 messages a second here and so misses 2,000 from file to lake
(measured; the property tests hold both against each other). What does not belong here: what a segment means.

A segment is an object: `f1` .. are lists of repetitions, a repetition is an object `c1` .. of texts, and where a
component has subcomponents `c1s` lists them all and `c1` is the first. What is empty is absent. An HL7 null (`""`,
delete the value) is absent too and named in `nulls`: `f8`, `f5.c2`, `f3[1].c4` (repetitions counted from 0).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from orchestration.feeds.hl7v2.problems import SEPARATORS
from orchestration.feeds.problems import Problem

NULL = '""'
LINES = re.compile(r"[\r\n]+")
SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
MOST_ROOM = 100  # blank lines or blanks that one formatting sequence may stand for
TRUNCATION = "#"
FORMATTING = re.compile(r"\.(br|sp|ce|fi|nf|in|ti|sk)([+-]?\d{1,4})?")

MOST_NAMED = 1000
FIELDS, COMPONENTS = (tuple(f"{kind}{n}" for n in range(MOST_NAMED)) for kind in "fc")

Segment = dict[str, object]


@dataclass(frozen=True)
class Separators:
    """The five characters of MSH-1 and MSH-2; the empty string for one that the sender does not have."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @property
    def encoding(self) -> str:
        return self.component + self.repetition + self.escape + self.subcomponent


@dataclass(frozen=True)
class Header:
    """The MSH segment before decoding: its separators, and its fields so that `fields[n]` is MSH-n."""

    separators: Separators
    fields: tuple[str, ...]

    def raw(self, number: int) -> str:
        """Return a field as it was sent, without white space around it."""
        return self.fields[number].strip() if number < len(self.fields) else ""

    def parts(self, number: int) -> list[str]:
        """Return the components of a field's first repetition as they were sent."""
        first = _split(self.raw(number), self.separators.repetition)[0]
        return [part.strip() for part in _split(first, self.separators.component)]


def header(text: str) -> Header | Problem:
    """Read the MSH segment that a message starts with."""
    line = LINES.split(text, maxsplit=1)[0]
    fields = line.split(line[3]) if len(line) > 3 else [line]
    named = line[3:4] + "".join(fields[1:2])[:4]
    is_distinct = len(set(named)) == len(named) > 1
    if not is_distinct or any(c.isalnum() or c.isspace() or not c.isascii() for c in named):
        return SEPARATORS
    return Header(Separators(*named, *[""] * (5 - len(named))), ("MSH", line[3], *fields[1:]))


def segments(text: str, field: str) -> list[list[str]]:
    """Return the segments of a message, each as its name and its fields. A line that is no segment goes on with the
    line before it: an unescaped line break in a text is what makes one."""
    lines: list[str] = []
    for line in LINES.split(text):
        if not lines or (SEGMENT.match(line) and line[3:4] == field):
            lines.append(line)
        elif line.strip():
            lines[-1] += f"\n{line}"
    return [line.split(field) for line in lines]


def read_segment(fields: list[str], separators: Separators, codec: str) -> Segment:
    """Return a segment as an object. `fields` starts with the segment's name."""
    found: Segment = {}
    nulls: list[str] = []
    special, unescape = special_characters(separators), unescaper(separators, codec)
    for number, raw in enumerate(fields):
        if not raw or not number:
            continue
        name = FIELDS[number] if number < MOST_NAMED else f"f{number}"
        if raw == NULL:
            nulls.append(name)
        elif not special(raw):
            found[name] = [{"c1": raw}]
        else:
            found[name] = [
                _repetition(text, separators, unescape, nulls, f"{name}[{n}]" if n else name)
                for n, text in enumerate(_split(raw, separators.repetition))
            ]
    if nulls:
        found["nulls"] = " ".join(nulls)
    return found


def read_header(fields: list[str], separators: Separators, codec: str) -> Segment:
    """Return the MSH segment as an object; MSH-1 is the field separator, and MSH-2 is no field to take apart."""
    plain: Segment = {"f1": [{"c1": separators.field}], "f2": [{"c1": fields[1]}]}
    return plain | read_segment(["MSH", "", "", *fields[2:]], separators, codec)


def _repetition(
    text: str, separators: Separators, unescape: Callable[[str], str], nulls: list[str], where: str
) -> dict[str, object]:
    found: dict[str, object] = {}
    subcomponent = separators.subcomponent
    for number, part in enumerate(_split(text, separators.component), start=1):
        if not part:
            continue
        name = COMPONENTS[number] if number < MOST_NAMED else f"c{number}"
        if part == NULL:
            nulls.append(f"{where}.{name}")
        elif subcomponent and subcomponent in part:
            parts = [unescape(p) for p in part.split(subcomponent)]
            found[f"{name}s"] = parts
            found |= {name: parts[0]} if parts[0] else {}
        else:
            found[name] = unescape(part)
    return found


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


@lru_cache(maxsize=64)
def special_characters(separators: Separators) -> Callable[[str], object]:
    """Return a function that is true of a field with more in it than one plain text."""
    return re.compile(f"[{re.escape(separators.encoding)}]").search


# -- escape sequences (HL7 v2.8, 2.7)


@lru_cache(maxsize=64)
def unescaper(separators: Separators, codec: str) -> Callable[[str], str]:
    """Return a function that decodes escape sequences; one that it does not know stays as it was sent."""
    escape = separators.escape
    if not escape:
        return lambda text: text
    pattern = re.compile(f"{re.escape(escape)}([^{re.escape(escape)}]*){re.escape(escape)}")
    plain = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": escape,
        "P": TRUNCATION,
        "H": "",
        "N": "",
    }

    def decoded(found: re.Match[str]) -> str:
        sequence = found[1]
        made = plain.get(sequence)
        made = _formatted(sequence) if made is None else made
        made = _from_hex(sequence, codec) if made is None else made
        return found[0] if made is None else made

    return lambda text: pattern.sub(decoded, text) if escape in text else text


def _formatted(sequence: str) -> str | None:
    found = FORMATTING.fullmatch(sequence)
    if not found:
        return None
    times = min(abs(int(found[2] or 1)), MOST_ROOM)
    return {"br": "\n", "ce": "\n", "sp": "\n" * times, "sk": " " * times}.get(found[1], "")


def _from_hex(sequence: str, codec: str) -> str | None:
    if not sequence.startswith("X"):
        return None
    try:
        return bytes.fromhex(sequence[1:]).decode(codec)
    except ValueError:
        return None

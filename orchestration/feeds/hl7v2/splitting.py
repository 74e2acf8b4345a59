"""A message's text as segments, fields, repetitions, components and subcomponents.

Own code rather than the `hl7` library, which parses 1,400 messages a second here and so misses 2,000 from file to lake
(measured; the property tests hold both against each other). What does not belong here: escape sequences (escapes.py)
and what a segment means.

A segment is an object: `f1` .. are lists of repetitions, a repetition is an object `c1` .. of texts, and where a
component has subcomponents `c1s` lists them all and `c1` is the first. What is empty is absent. An HL7 null (`""`,
delete the value) is absent too and named in `nulls`: `f8`, `f5.c2`, `f3[1].c4` (repetitions counted from 0).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from orchestration.feeds.hl7v2.escapes import unescaper
from orchestration.feeds.hl7v2.separators import Separators, separators_of
from orchestration.feeds.problems import Problem

NULL = '""'
LINES = re.compile(r"[\r\n]+")
SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
NOTHING = "(?!)"  # a pattern that nothing has

MOST_NAMED = 1000
FIELDS, COMPONENTS = (tuple(f"{kind}{n}" for n in range(MOST_NAMED)) for kind in "fc")
PARTS = COMPONENTS[1:]

Segment = dict[str, object]


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
    separators = separators_of(line[3:4] + "".join(fields[1:2])[:4])
    return separators if isinstance(separators, Problem) else Header(separators, ("MSH", line[3], *fields[1:]))


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


@lru_cache(maxsize=64)
def segment_reader(separators: Separators, codec: str) -> Callable[[list[str]], Segment]:
    """Return a function that makes an object of a segment's name and fields. What it needs is prepared once, and most
    fields hold one text, or components and nothing else: these are made without a look at each of their parts."""
    parted, deep = _holds(separators.encoding), _holds(separators.encoding[1:], NULL)
    component, unescape = separators.component, unescaper(separators, codec)

    def repetitions(raw: str, name: str, nulls: list[str]) -> list[Segment]:
        if deep(raw) is None and raw.count(component) < MOST_NAMED - 1:
            return [{part: text for part, text in zip(PARTS, raw.split(component), strict=False) if text}]
        sent = enumerate(_split(raw, separators.repetition))
        return [_repetition(text, separators, unescape, nulls, f"{name}[{n}]" if n else name) for n, text in sent]

    def read(fields: list[str]) -> Segment:
        found: Segment = {}
        nulls: list[str] = []
        for number, raw in enumerate(fields):
            if not raw or not number:
                continue
            name = FIELDS[number] if number < MOST_NAMED else f"f{number}"
            if raw == NULL:
                nulls.append(name)
            else:
                found[name] = [{"c1": raw}] if parted(raw) is None else repetitions(raw, name, nulls)
        if nulls:
            found["nulls"] = " ".join(nulls)
        return found

    return read


def read_segment(fields: list[str], separators: Separators, codec: str) -> Segment:
    """Return a segment as an object. `fields` starts with the segment's name."""
    return segment_reader(separators, codec)(fields)


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


def _holds(characters: str, text: str = "") -> Callable[[str], object]:
    """Return a function that finds one of some characters, or a text, and otherwise returns null."""
    sought = [f"[{re.escape(characters)}]"] if characters else []
    sought += [re.escape(text)] if text else []
    return re.compile("|".join(sought) or NOTHING).search

"""What a record says of people in fields of its own: names, numbers, addresses, contacts; to be taken out of a text.

What does not belong here: which records are a person's (queue.py). Values are plain identifiers: they live in memory
while notes are scrubbed, and are written nowhere.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

NAME_PARTS = ("family", "given", "prefixed")
NUMBERED = ("identifier", "telecom", "udiCarrier")
ADDRESSED = ("line", "city", "postalCode", "district")
SERIALS = ("serialNumber", "lotNumber", "subscriberId", "distinctIdentifier", "deviceIdentifier", "carrierHRF")
PEOPLE_SEGMENTS: Mapping[str, tuple[str, ...]] = {
    "PID": ("f2", "f3", "f4", "f5", "f6", "f9", "f11", "f13", "f14", "f18", "f19", "f20", "f21", "f23"),
    "NK1": ("f2", "f4", "f5", "f6", "f30", "f31", "f32", "f33"),
    "PV1": ("f5", "f7", "f8", "f9", "f17", "f19", "f50", "f52"),
    "PD1": ("f4",),
    "GT1": ("f2", "f3", "f4", "f5", "f6", "f7", "f12", "f16", "f19"),
    "IN1": ("f16", "f19", "f36", "f49"),
    "IN2": ("f2", "f6", "f8", "f61"),
    "MRG": ("f1", "f3", "f4", "f5", "f7"),
    "TXA": ("f5", "f9", "f10", "f11", "f12", "f13", "f22", "f23"),
    "ORC": ("f2", "f3", "f10", "f11", "f12"),
    "OBR": ("f2", "f3", "f10", "f16", "f28", "f32"),
    "ACC": (),
}
ADDRESSES = (("PID", "f11"), ("NK1", "f4"), ("GT1", "f5"), ("IN1", "f19"))
NO_ADDRESS = ("c4", "c6", "c7")  # state, country, kind
SHORTEST_NUMBER, SHORTEST_NAME = 4, 2
COLUMNS = re.compile(
    r"name|mrn|ssn|phone|address|street|city|zip|email|account|encounter|visit|licen[cs]e|passport|author|number|note_id",
    re.I,
)
NO_NAMES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "md", "rn", "of", "the", "and", "st", "street", "road", "avenue"}
    | {"unknown", "none", "na", "x", "xx", "xxx"}
)


def of_document(document: Mapping[str, Any]) -> set[str]:
    """Return what a FHIR resource or an HL7 v2 message as a document says."""
    found = set(_of_message(document)) if "MSH" in document else set(_of_resource(document))
    return {value for value in found if value}


def of_row(row: Mapping[str, object]) -> set[str]:
    """Return what the cells of a table's row say, of columns whose names say that they name somebody."""
    told = (str(value) for name, value in row.items() if value is not None and COLUMNS.search(name))
    return {part for value in told for part in (*_number(value), *_name(value))}


# -- FHIR


def _of_resource(node: object, key: str = "") -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _of_resource(one, key)
    elif isinstance(node, dict):
        is_reference = "reference" in node or (
            key not in ("", "coding") and "coding" not in node and "code" not in node and "system" not in node
        )
        for name, value in node.items():
            if isinstance(value, (dict, list)) and name not in (*NAME_PARTS, *ADDRESSED):
                yield from _of_resource(value, name)
            else:
                yield from _of_member(key, name, value, is_reference=bool(is_reference))


def _of_member(key: str, name: str, value: object, *, is_reference: bool) -> Iterator[str]:
    told = [str(one) for one in value] if isinstance(value, list) else [value] if isinstance(value, str) else []
    for one in told:
        if name in NAME_PARTS or (key == "name" and name == "text") or (name == "display" and is_reference):
            yield from _name(one)
        elif name in ADDRESSED:
            yield from _address(one)
        elif (key in NUMBERED and name == "value") or name in SERIALS or (name == "id" and not key):
            yield from _number(one)


# -- HL7 v2


def _of_message(message: Mapping[str, Any]) -> Iterator[str]:
    for name, fields in PEOPLE_SEGMENTS.items():
        for segment in _dicts(message.get(name)):
            yield from _of_segment(name, segment, fields)
    for observation in _dicts(message.get("OBX")):
        yield from _of_segment("OBX", observation, ("f16",))


def _of_segment(name: str, segment: Mapping[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        for repetition in _dicts(segment.get(field)):
            for component, value in repetition.items():
                if not isinstance(value, str):
                    continue
                if (name, field) in ADDRESSES:
                    yield from _address(value) if component not in NO_ADDRESS else ()
                elif component in ("c1", "c2", "c3", "c12"):
                    yield from (*_name(value), *_number(value))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# -- values


def _name(value: str) -> Iterator[str]:
    """Yield a name's words; a surname of several parts as a whole too."""
    if any(c.isdigit() for c in value):
        return
    words = [w for w in re.split(r"[\s,.'’\"()^-]+", value) if len(w) >= SHORTEST_NAME and w.lower() not in NO_NAMES]
    yield from words
    if len(words) > 1:
        yield value.strip()


def _address(value: str) -> Iterator[str]:
    yield value.strip()
    for word in re.findall(r"[^\W\d_]{4,}|\d{4,}(?:-\d+)?", value):
        if word.lower() not in NO_NAMES:
            yield word


def _number(value: str) -> Iterator[str]:
    """Yield a number as written, and without what separates its digits."""
    told = value.strip()
    bare = re.sub(r"[\s().+/-]", "", told)
    if len(bare) >= SHORTEST_NUMBER and any(c.isdigit() for c in bare):
        yield told
        yield bare

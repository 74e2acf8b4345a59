"""What an OBX segment observed: OBX-5 read by the value type of OBX-2 (HL7 v2.8, chapters 2A and 7.4.2).

What does not belong here: codes, times and status of the observation (the contract reads those from its fields). Texts
(TX, FT), documents (ED, RP) and names are not read; `text` is for short results, of which the contract lets clinical
words through. `unread` is what came in the place of a number and is none, or of a structured one of which not every
part is read: nothing of it is a number then. A string, or a value whose type was left out, is a number where a unit
stands beside it; without one it may be a telephone number.
"""

import re
from collections.abc import Mapping, Sequence

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
COMPARED = re.compile(rf"\s*(<=|>=|<>|<|>|=)?\s*({NUMBER})\s*")
LONGEST_NUMBER = 64
CODED = ("CE", "CWE", "CNE", "CF", "ID", "IS")
MOMENTS = ("DT", "DTM", "TS")

Parts = Mapping[str, object]


def read_values(value_type: str, repetitions: Sequence[Parts], *, has_unit: bool) -> list[dict[str, object]]:
    """Return one value per repetition of OBX-5, or nothing where none of them holds one that is read."""
    made = [_value(value_type, repetition, has_unit=has_unit) for repetition in repetitions]
    return made if any(made) else []


def _value(value_type: str, parts: Parts, *, has_unit: bool) -> dict[str, object]:
    text = {name: str(part) for name, part in parts.items() if isinstance(part, str)}
    first = text.get("c1", "")
    if value_type == "NM":
        return _number(first) or _unread(first)
    if value_type in ("ST", ""):
        return (_given(text=first) if value_type else {}) | ((_number(first) or _unread(first)) if has_unit else {})
    if value_type == "SN":
        return _structured(text) or _unread(*(text.get(f"c{n}", "") for n in range(1, 5)))
    if value_type == "NR":
        return _between(first, text.get("c2", "")) or _unread(first, text.get("c2", ""))
    if value_type == "CQ":
        return (_number(first) or _unread(first)) | _given(unit=text.get("c2", ""))
    if value_type in CODED:
        return _coded(text)
    if value_type in MOMENTS:
        return _given(time=first)
    return _given(clock=first) if value_type == "TM" else {}


def _number(text: str) -> dict[str, object]:
    """Return a number, with a comparator where one stands before it, as laboratories send in spite of the type."""
    found = COMPARED.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    return {"number": float(found[2]), **_given(comparator=found[1] or "")} if found else {}


def _structured(text: Mapping[str, str]) -> dict[str, object]:
    """Return a structured numeric: comparator, number, separator, number; nothing where a part is not read."""
    first, second = _number(text.get("c2", "")), _number(text.get("c4", ""))
    is_compared_twice = "comparator" in first and "c1" in text
    if not first or is_compared_twice or "comparator" in second or ("c4" in text and not second):
        return {}
    said = _given(comparator=text.get("c1", ""), separator=text.get("c3", ""))
    return first | said | ({"to": second["number"]} if second else {})


def _between(low: str, high: str) -> dict[str, object]:
    first, second = _number(low), _number(high)
    is_plain = first and second and "comparator" not in first | second
    return {"number": first["number"], "separator": "-", "to": second["number"]} if is_plain else {}


def _unread(*components: str) -> dict[str, object]:
    """Return what came instead of a number, its components parted by ^ whatever the sender parts them by."""
    return _given(unread="^".join(components).rstrip("^").strip())


def _coded(text: Mapping[str, str]) -> dict[str, object]:
    return _given(
        code=text.get("c1", ""),
        system=text.get("c3", ""),
        alternateCode=text.get("c4", ""),
        alternateSystem=text.get("c6", ""),
        text=text.get("c2", "") or text.get("c9", ""),
    )


def _given(**members: str) -> dict[str, object]:
    return {name: value for name, value in members.items() if value}

"""Whom a message is about: identifiers with their authorities, visits, and which record was merged into which.

What does not belong here: pseudonyms (the contract asks for those). An identifier is an object `id`, `authority` (the
namespace of CX-4, else its universal id), `type` (CX-5); what was not sent is absent.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from orchestration.contracts.placeholders import is_placeholder
from orchestration.feeds.hl7v2.splitting import Segment

RECORD_NUMBER = "MR"  # HL7 table 0203

Identifier = dict[str, str]


def repetitions(segment: Mapping[str, object], number: int) -> list[Mapping[str, object]]:
    """Return the repetitions of a field."""
    return cast("list[Mapping[str, object]]", segment.get(f"f{number}", []))


def first_text(segment: Mapping[str, object], number: int) -> str:
    """Return the first component of a field's first repetition, or the empty string."""
    found = repetitions(segment, number)
    return str(found[0].get("c1", "")) if found else ""


def identifiers(segment: Mapping[str, object], number: int) -> list[Identifier]:
    """Return the identifiers of a field of type CX."""
    made = [_identifier(parts) for parts in repetitions(segment, number)]
    return [one for one in made if one]


def first_given(segment: Mapping[str, object], *numbers: int) -> list[Identifier]:
    """Return the identifiers of the first field that was sent: a later one makes up for no placeholder in it."""
    sent = (number for number in numbers if any(_id(parts) for parts in repetitions(segment, number)))
    return identifiers(segment, next(sent, numbers[0]))


def _id(parts: Mapping[str, object]) -> str:
    return str(parts.get("c1", "")).strip()


def _identifier(parts: Mapping[str, object]) -> Identifier:
    ident = _id(parts)
    if not ident or is_placeholder(ident):
        return {}
    said = {"id": ident, "authority": _authority(parts), "type": str(parts.get("c5", "")).strip()}
    return {name: value for name, value in said.items() if value}


def _authority(parts: Mapping[str, object]) -> str:
    """Return the namespace of an assigning authority, else its universal id."""
    subcomponents = cast("list[str]", parts.get("c4s", []))
    namespace = str(parts.get("c4", "")).strip()
    return namespace or (subcomponents[1].strip() if len(subcomponents) > 1 else "")


def of_patient(pid: Mapping[str, object]) -> list[Identifier]:
    """Return a patient's identifiers: PID-3, or before v2.3 PID-2, else PID-4."""
    return first_given(pid, 3, 2, 4)


def of_visit(pv1: Mapping[str, object]) -> Identifier:
    """Return the number of a visit: PV1-19, else the alternate PV1-50."""
    return next(iter(first_given(pv1, 19, 50)), {})


def merge(mrg: Mapping[str, object], into: Sequence[Identifier]) -> Segment:
    """Return what an MRG segment retires, and the identifier of the same kind that survives it."""
    given = first_given(mrg, 1, 4)
    retired = record_number(given)
    alike = [one for one in into if one.get("authority") == retired.get("authority")]
    same = [one for one in alike if one.get("type") == retired.get("type")]
    made = {
        "from": retired,
        "into": record_number(same or alike or into),
        "account": next(iter(identifiers(mrg, 3)), {}),
        "visit": next(iter(first_given(mrg, 5, 6)), {}),
    }
    return {name: one for name, one in made.items() if one}


def record_number(given: Sequence[Identifier]) -> Identifier:
    """Return the medical record number, else the first identifier."""
    return next((one for one in given if one.get("type") == RECORD_NUMBER), given[0] if given else {})

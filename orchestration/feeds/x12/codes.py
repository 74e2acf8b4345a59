"""The HI segments of a claim (loop 2300): diagnoses, procedures, the DRG, and the codes of the billing committee.

What does not belong here: the codes of service lines (lines.py).
"""

from dataclasses import dataclass, field

from orchestration.feeds.x12.segments import Segment, part
from orchestration.feeds.x12.values import (
    ICD9,
    ICD9_PROCEDURES,
    ICD10,
    ICD10_PROCEDURES,
    Record,
    filled,
    number,
    period,
    procedure_system,
)

DIAGNOSES = {
    "ABK": ("principal", ICD10),
    "ABF": ("other", ICD10),
    "ABJ": ("admitting", ICD10),
    "APR": ("reason", ICD10),
    "ABN": ("external", ICD10),
    "BK": ("principal", ICD9),
    "BF": ("other", ICD9),
    "BJ": ("admitting", ICD9),
    "PR": ("reason", ICD9),
    "BN": ("external", ICD9),
}
PROCEDURES = {
    "BBR": ("principal", ICD10_PROCEDURES),
    "BBQ": ("other", ICD10_PROCEDURES),
    "BR": ("principal", ICD9_PROCEDURES),
    "BQ": ("other", ICD9_PROCEDURES),
    "CAH": ("principal", ICD10_PROCEDURES),
    "BP": ("anesthesia", "HC"),
    "BO": ("anesthesia", "HC"),
}
DRG = "DR"
COMMITTEE = ("BG", "BH", "BI", "BE", "TC")  # condition, occurrence, occurrence span, value, treatment
QUALIFIERS = {*DIAGNOSES, *PROCEDURES, *COMMITTEE, DRG}


@dataclass
class Codes:
    """The codes of a claim; `unread` counts those of a kind that is not known or without a code."""

    diagnoses: list[Record] = field(default_factory=list[Record])
    procedures: list[Record] = field(default_factory=list[Record])
    committee: list[Record] = field(default_factory=list[Record])
    drg: str = ""
    unread: int = 0


def read_codes(segments: list[Segment], component: str) -> Codes:
    """Read the HI segments of a claim."""
    codes = Codes()
    for segment in segments:
        for parts in _composites(segment, component):
            _add(codes, parts)
    return codes


def _composites(segment: Segment, component: str) -> list[list[str]]:
    """Return the composites of a segment. A sender that parts qualifier and code like two elements is understood."""
    found: list[list[str]] = []
    for text in segment[1:]:
        parts = [p.strip() for p in text.split(component)]
        if found and len(found[-1]) == 1 and found[-1][0] in QUALIFIERS and parts[0] not in QUALIFIERS:
            found[-1].extend(parts)
        elif text:
            found.append(parts)
    return found


def _add(codes: Codes, parts: list[str]) -> None:
    qualifier, code = part(parts, 1), part(parts, 2)
    if not code or qualifier not in QUALIFIERS:
        codes.unread += 1
    elif qualifier in DIAGNOSES:
        role, system = DIAGNOSES[qualifier]
        codes.diagnoses.append(filled(role=role, system=system, code=code, presentOnAdmission=part(parts, 9)))
    elif qualifier in PROCEDURES:
        role, system = PROCEDURES[qualifier]
        system = procedure_system(system, code)
        codes.procedures.append(filled(role=role, system=system, code=code, **_when(parts)))
    elif qualifier == DRG:
        codes.drg = code
    else:
        amount = part(parts, 5)
        amounts = filled(amount=number(amount) if amount else None)
        codes.committee.append(filled(kind=qualifier, code=code, **_when(parts), **amounts))


def _when(parts: list[str]) -> Record:
    return period(part(parts, 3), part(parts, 4)) if part(parts, 4) else {}

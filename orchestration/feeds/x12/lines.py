"""Service lines (loop 2400) and what payers decided on them (loop 2430).

What does not belong here: what other payers decided on the claim as a whole (claim.py).
"""

from orchestration.feeds.x12.segments import Segment, element, part
from orchestration.feeds.x12.values import Record, filled, number, period, procedure_system

SERVICE_DATE = "472"
PAID_DATE = "573"
NDC_QUALIFIER = "N4"
CAS_TRIPLES = range(2, 20, 3)  # reason, amount, quantity, six times


def read_line(segments: list[Segment], component: str) -> Record:
    """Read one service line: its LX segment and what follows."""
    line: Record = {"number": number(element(segments[0], 1))}
    is_decided = False
    for segment in segments[1:]:
        match segment[0]:
            case "SV1" | "SV2" | "SV3":
                line.update(_service(segment, component))
            case "SVD":
                is_decided = True
            case "DTP" if element(segment, 1) == SERVICE_DATE and not is_decided:
                line.update(period(element(segment, 2), element(segment, 3)))
            case "LIN" if element(segment, 2) == NDC_QUALIFIER:
                line.update(filled(ndc=element(segment, 3)))
            case "TOO":
                line.update(filled(tooth=element(segment, 2)))
            case _:
                pass
    return line


def _service(segment: Segment, component: str) -> Record:
    """Read a professional (SV1), institutional (SV2) or dental (SV3) service."""
    pointers: list[str] = []
    if segment[0] == "SV2":
        found = filled(revenueCode=element(segment, 1), unit=element(segment, 4))
        procedure, charge, quantity = element(segment, 2), element(segment, 3), element(segment, 5)
    elif segment[0] == "SV1":
        found = filled(unit=element(segment, 3), placeOfService=element(segment, 5))
        procedure, charge, quantity = element(segment, 1), element(segment, 2), element(segment, 4)
        pointers = element(segment, 7).split(component)
    else:
        found = filled(placeOfService=element(segment, 3))
        procedure, charge, quantity = element(segment, 1), element(segment, 2), element(segment, 6)
        pointers = element(segment, 11).split(component)
    parts = [p.strip() for p in procedure.split(component)]
    return found | filled(
        qualifier=part(parts, 1),
        system=procedure_system(part(parts, 1), part(parts, 2)) if part(parts, 2) else None,
        code=part(parts, 2),
        **{f"modifier{n}": part(parts, 2 + n) for n in range(1, 5)},
        **{f"pointer{n}": number(pointer) for n, pointer in enumerate(pointers[:4], start=1) if pointer},
        charge=number(charge) if charge else None,
        quantity=number(quantity) if quantity else None,
    )


def adjustments(segment: Segment, **where: object) -> list[Record]:
    """Read a CAS segment: one group code with up to six reasons."""
    return [
        filled(
            **where,
            group=element(segment, 1),
            reason=element(segment, at),
            amount=number(element(segment, at + 1)) if element(segment, at + 1) else None,
            quantity=number(element(segment, at + 2)) if element(segment, at + 2) else None,
        )
        for at in CAS_TRIPLES
        if element(segment, at)
    ]


def decisions(segments: list[Segment], payers: dict[str, str]) -> tuple[list[Record], list[Record]]:
    """Return what payers paid for a line, and their adjustments; `payers` maps a payer's id to its responsibility."""
    line = number(element(segments[0], 1))
    paid: list[Record] = []
    adjusted: list[Record] = []
    payer = ""
    for segment in segments[1:]:
        if segment[0] == "SVD":
            payer = payers.get(element(segment, 1), "")
            amount, quantity = element(segment, 2), element(segment, 5)
            paid.append(
                filled(
                    line=line,
                    responsibility=payer,
                    amount=number(amount) if amount else None,
                    quantity=number(quantity) if quantity else None,
                )
            )
        elif segment[0] == "CAS" and paid:
            adjusted.extend(adjustments(segment, line=line, responsibility=payer))
        elif segment[0] == "DTP" and element(segment, 1) == PAID_DATE and paid:
            paid[-1].update(filled(date=period(element(segment, 2), element(segment, 3)).get("start")))
    return paid, adjusted

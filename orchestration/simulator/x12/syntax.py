"""X12 as text (X12.5, X12.6): elements, segments, envelopes; the basic character set, so names lose their accents.

What does not belong here: which segments a claim has.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from orchestration.simulator.interfaces import Interfaces

ELEMENT, COMPONENT, REPEAT, END = "*", ":", "^", "~"
RECEIVER = "HARBOURCLEARING"
SEPARATORS = str.maketrans({ELEMENT: " ", COMPONENT: " ", REPEAT: " ", END: " "})
WITHOUT_DECOMPOSITION = str.maketrans({"ł": "l", "Ł": "L"})
TAX_NUMBER_DIGITS = 9

Group = tuple[str, Sequence[Sequence[str]]]
"""Version of the implementation guide, and the transaction sets: each its segments from BHT on."""


def plain(text: str) -> str:
    """Text in the basic character set, without separators."""
    ascii_only = unicodedata.normalize("NFKD", text.translate(WITHOUT_DECOMPOSITION)).encode("ascii", "ignore").decode()
    return ascii_only.upper().translate(SEPARATORS)


def segment(name: str, *elements: str) -> str:
    """A segment without its terminator; empty elements at the end are left out."""
    return ELEMENT.join((name, *elements)).rstrip(ELEMENT)


def money(amount: float) -> str:
    """An amount (R): no more zeros than needed."""
    return f"{amount:.2f}".rstrip("0").rstrip(".")


def interchange(interfaces: Interfaces, made: datetime, number: int, groups: Sequence[Group]) -> str:
    """Return a whole interchange; groups and transaction sets are numbered from one."""
    lines = [_isa(interfaces, made, number)]
    for n, (version, sets) in enumerate(groups, start=1):
        sender = interfaces.billing_sender
        lines.append(
            segment("GS", "HC", sender, RECEIVER, f"{made:%Y%m%d}", f"{made:%H%M}", str(n), "X", version),
        )
        for m, body in enumerate(sets, start=1):
            control = f"{n * 1000 + m:04d}"
            lines += [segment("ST", "837", control, version), *body, segment("SE", str(len(body) + 2), control)]
        lines.append(segment("GE", str(len(sets)), str(n)))
    lines.append(segment("IEA", str(len(groups)), f"{number:09d}"))
    return "".join(f"{line}{END}\n" for line in lines)


def _isa(interfaces: Interfaces, made: datetime, number: int) -> str:
    """The header: every element has its fixed width."""
    sender = interfaces.billing_sender
    is_tax_number = sender.isdecimal() and len(sender) == TAX_NUMBER_DIGITS
    elements = (
        *("00", " " * 10, "00", " " * 10),
        *("30" if is_tax_number else "ZZ", f"{sender:<15}", "ZZ", f"{RECEIVER:<15}"),
        *(f"{made:%y%m%d}", f"{made:%H%M}", REPEAT, "00501", f"{number:09d}", "0", "P", COMPONENT),
    )
    return ELEMENT.join(("ISA", *elements))


def provider_number(digits: int) -> str:
    """A national provider identifier: nine digits and the check digit of Luhn with the prefix 80840."""
    body = f"1{digits:08d}"
    total = 24 + sum(sum(divmod(int(d) * (2 if place % 2 == 0 else 1), 10)) for place, d in enumerate(reversed(body)))
    return f"{body}{-total % 10}"

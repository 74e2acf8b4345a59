"""The answer to a message: MSH and MSA (HL7 v2.8, 2.9), in the sender's own separators.

What does not belong here: deciding the answer. Landing is all that is done with a message, so there is one answer, in
the original mode, whatever MSH-15 and MSH-16 ask for.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestration.feeds.hl7v2.separators import Separators
from orchestration.feeds.hl7v2.splitting import Header, header
from orchestration.feeds.problems import Problem

ENCODING = "latin-1"  # keeps every byte that is sent back as it came
USUAL = Separators("|", "^", "~", "\\", "&")
APPLICATION = "PILOTHOUSE"
VERSION = "2.5"
WITH_STRUCTURE = "2.3.1"  # the first version whose MSH-9 has a third component


class AckCode(StrEnum):
    """MSA-1 (HL7 table 0008)."""

    LANDED = "AA"
    QUARANTINED = "AE"
    REFUSED = "AR"


@dataclass(frozen=True)
class Ack:
    """What became of a message: landed (or known already), kept in quarantine, or refused and not kept.

    `reason` never quotes what came.
    """

    code: AckCode
    reason: str = ""


def acknowledgement(message: bytes, ack: Ack, control_id: str, now: datetime) -> bytes:
    """Return the answer to a message; one without a readable MSH is answered without its control id."""
    came = header(message.decode(ENCODING))
    head = Header(USUAL, ()) if isinstance(came, Problem) else came
    s = head.separators
    named = f"{now:%Y%m%d%H%M%S}{now:%z}"[:19]
    sender = (head.raw(5) or APPLICATION, head.raw(6), head.raw(3), head.raw(4))
    version = head.raw(12) or VERSION
    msh = ["MSH", s.encoding, *sender, named, "", _type(head, version), control_id, head.raw(11) or "P", version]
    msh += ["", "", "", "", "", head.raw(18)]
    msa = ["MSA", ack.code, head.raw(10), _escaped(ack.reason, s)]
    return "".join(s.field.join(fields).rstrip(s.field) + "\r" for fields in (msh, msa)).encode(ENCODING, "replace")


def _type(head: Header, version: str) -> str:
    event = (*head.parts(9), "", "")[1]
    parts = ["ACK", event] if event else ["ACK"]
    if event and _number(version) >= _number(WITH_STRUCTURE):
        parts.append("ACK")
    return head.separators.component.join(parts)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d{1,4}", version)[:3])


def _escaped(text: str, separators: Separators) -> str:
    """Return a text that none of the sender's separators stand in."""
    names = zip("FSRET", (separators.field, *separators.encoding), strict=False)
    escape = separators.escape
    made = {ord(c): f"{escape}{name}{escape}" if escape else " " for name, c in names}
    return text.translate(made)

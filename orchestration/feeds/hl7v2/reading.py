"""The reader of HL7 v2 files: bytes in, one JSON document per message out.

What does not belong here: what a message means (orchestration/contracts/hl7v2.odcs.yaml).
"""

import numpy as np
import pyarrow as pa

from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.framing import Lines
from orchestration.feeds.hl7v2.document import read_message
from orchestration.feeds.hl7v2.framing import cut, in_one_byte_units
from orchestration.feeds.hl7v2.problems import NO_HEADER, NO_MESSAGES, NOT_HL7
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import EMPTY, Problem


def read(content: bytes, name: str, limits: Limits) -> FhirFile | Problem:  # noqa: ARG001 - the readers' common face
    """Read a file of messages. A message that cannot be read is a problem under its number, and the others go on."""
    content = in_one_byte_units(content)
    if not content.strip():
        return EMPTY
    pieces = cut(content)
    if all(piece is NO_HEADER for piece in pieces):
        return NOT_HL7 if pieces else NO_MESSAGES
    good: list[tuple[int, bytes]] = []
    bad: list[tuple[int, Problem]] = []
    for number, piece in enumerate(pieces, start=1):
        made = piece if isinstance(piece, Problem) else read_message(piece, limits)
        if isinstance(made, Problem):
            bad.append((number, made))
        else:
            good.append((number, made))
    numbers = np.array([number for number, _ in good], dtype=np.int64)
    return FhirFile(Lines(numbers, pa.array([text for _, text in good], pa.large_string()), tuple(bad)), None)

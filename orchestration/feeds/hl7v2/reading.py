"""The reader of HL7 v2 files: bytes in, one JSON document per message out.

What does not belong here: what a message means (orchestration/contracts/hl7v2.odcs.yaml).
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager

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
    with _uncollected():
        made = [piece if isinstance(piece, Problem) else read_message(piece, limits) for piece in pieces]
    bad = tuple((number, one) for number, one in enumerate(made, start=1) if isinstance(one, Problem))
    numbers = np.array([number for number, one in enumerate(made, start=1) if isinstance(one, bytes)], dtype=np.int64)
    return FhirFile(
        Lines(numbers, pa.array([one for one in made if isinstance(one, bytes)], pa.large_string()), bad), None
    )


@contextmanager
def _uncollected() -> Generator[None]:
    """Pause the search for cycles: a message's objects form none, and a fifth of the reading went into walking through
    all that the process has imported, again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

"""DICOM files to records: one record per file, of the header elements that the contract reads.

What does not belong here: pixel data, which is never looked at, and what an element means (the contract says that).
The public face is `read`; `PROBLEMS` are the reasons that it may give.
"""

import numpy as np
import orjson
import pyarrow as pa

from orchestration.feeds.dicom.opening import open_data_set
from orchestration.feeds.dicom.problems import PROBLEMS, Unreadable
from orchestration.feeds.dicom.record import TAGS, members
from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.framing import Lines
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem

__all__ = ["PROBLEMS", "read"]

RECORD = "Instance"


def read(content: bytes, name: str, limits: Limits) -> FhirFile | Problem:  # noqa: ARG001 - the readers' common face
    """Return the header of a DICOM file as one record, known by its SOP instance UID; or why there is none."""
    try:
        found = members(open_data_set(content, TAGS, limits))
    except Unreadable as fault:
        return fault.problem
    record = orjson.dumps({"resourceType": RECORD, "id": found.get("SOPInstanceUID"), **found})
    return FhirFile(Lines(np.ones(1, dtype=np.int64), pa.array([record], pa.large_string()), ()), None)

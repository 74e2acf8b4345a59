"""X12 837 files (5010: professional, institutional, dental) to records: one record per claim.

What does not belong here: what a claim must hold (the contract says that). The public face is `read`; `PROBLEMS` are
the reasons that it may give for a claim or a file.

The syntax is read here and not by a library: of those that can be installed, x12sdk 2.2 refuses every file of version
005010X222A1 or X223A2 and knows no dental claim, pyx12 knows claims only as a list of complaints, and both drop a whole
file for what is wrong with one segment.
"""

from collections.abc import Iterator

import numpy as np
import orjson
import pyarrow as pa

from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.framing import Lines
from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import Problem
from orchestration.feeds.x12.claim import read_claim
from orchestration.feeds.x12.envelope import TransactionSet, transaction_sets
from orchestration.feeds.x12.loops import claim_loops
from orchestration.feeds.x12.problems import CLAIM_TOO_LONG, NO_CLAIMS, NOT_837, NOT_X12, PROBLEMS
from orchestration.feeds.x12.segments import decoded, element, interchanges

__all__ = ["PROBLEMS", "read"]

CLAIM_SET = "837"


def read(content: bytes, name: str, limits: Limits) -> FhirFile | Problem:  # noqa: ARG001 - the readers' common face
    """Return the claims of a file, and beside them those that cannot be trusted; or why there are none.

    A transaction set that is no claim set, or holds no claim, counts as one record.
    """
    texts, ends = bytearray(), [0]  # one buffer: records of their own would take five times their size
    numbers: list[int] = []
    bad: list[tuple[int, Problem]] = []
    for n, record in enumerate(_all_records(content, limits), start=1):
        if isinstance(record, Problem):
            bad.append((n, record))
        else:
            texts += record
            ends.append(len(texts))
            numbers.append(n)
    if not numbers and not bad:
        return NOT_X12
    offsets = pa.py_buffer(np.array(ends, dtype=np.int64))
    records = pa.LargeStringArray.from_buffers(len(numbers), offsets, pa.py_buffer(texts))
    return FhirFile(Lines(np.array(numbers, dtype=np.int64), records, tuple(bad)), None)


def _all_records(content: bytes, limits: Limits) -> Iterator[bytes | Problem]:
    for interchange in interchanges(decoded(content)):
        for found in transaction_sets(interchange):
            yield from _records(found, limits)


def _records(found: TransactionSet, limits: Limits) -> Iterator[bytes | Problem]:
    if found.problem:
        claims = sum(found.interchange.name(segment) == "CLM" for segment in found.segments)
        yield from [found.problem] * max(claims, 1)
    elif element(found.header, 1) != CLAIM_SET:
        yield NOT_837
    else:
        yield from _claims(found, limits)


def _claims(found: TransactionSet, limits: Limits) -> Iterator[bytes | Problem]:
    count = 0
    for count, loop in enumerate(claim_loops(found.read()), start=1):  # noqa: B007 - counted for what follows
        record = orjson.dumps(read_claim(found, loop))
        yield record if len(record) <= limits.line else CLAIM_TOO_LONG
    if not count:
        yield NO_CLAIMS

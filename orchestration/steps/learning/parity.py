"""Parity: whether serving computed the same features as the warehouse, visit by visit.

Visits of a fault that the source corrected later are set apart: serving did see wrong values then, and says so beside
the rest. What does not belong here: which visits these are (setting_apart), what follows from a figure (policy).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.evidence import Evidence, EvidenceHead, Json
from evaluation.metrics.shares import share
from orchestration.steps.learning.setting_apart import Apart
from orchestration.steps.record.corrections import Correction

TOLERANCE = 1e-6
"""Two features are equal within this: both sides convert units in double precision."""
RULE = f"a visit agrees when every feature is equal within {TOLERANCE:g}, or missing on both sides"
APART = (
    "visits of a fault that a person closed and the source corrected stand apart where nothing but the features of the "
    "fault may differ and the source sent the visit's own records of them again; what differs in any other feature, "
    "and what has no record of its own that was replaced (without_own_record), stays with the rest"
)


@dataclass(frozen=True)
class Compared:
    """Of every visit, in order, the features that differ; and what could not be compared."""

    names: tuple[str, ...]
    not_in_mart: tuple[str, ...]
    differing: tuple[frozenset[str], ...]

    @property
    def agreeing(self) -> NDArray[np.bool_]:
        """A feature that cannot be compared disagrees."""
        return np.array([not one and not self.not_in_mart for one in self.differing], bool)


def parity_evidence(head: EvidenceHead, found: Compared, apart: Apart, corrections: Sequence[Correction]) -> Evidence:
    """Return the agreement of all visits but those set apart, theirs, and which share of all they are."""
    is_apart, agreeing = apart.is_apart, found.agreeing
    figures = {
        "parity.agreement": share(agreeing[~is_apart]),
        "parity.set_apart": share(is_apart),
        "parity.agreement_set_apart": share(agreeing[is_apart]),
        "parity.without_own_record": share(apart.is_without_record),
    }
    detail: dict[str, Json] = {
        "features_compared": len(found.names),
        "features_not_in_mart": list(found.not_in_mart),
        "differing": _counts(found, ~is_apart),
        "rule": RULE,
    }
    told = [_told(one, found, apart) for one in corrections]
    of_faults = [one for one in told if one["visits"] or one["without_own_record"]]
    if of_faults:
        detail |= {"set_apart": list(of_faults), "set_apart_rule": APART}
    return head.evidence("parity", figures, detail)


def compare(rows: pa.Table) -> Compared:
    """Hold each visit's features as served (`features`, JSON) against the mart's columns beside them."""
    requests: list[Mapping[str, Any]] = [json.loads(text) for text in rows["features"].to_pylist()]
    names = sorted(set(requests[0]) & set(rows.column_names))
    warehouse = rows.select(names).to_pylist()
    differing = [
        frozenset(name for name in names if not _equal(asked[name], stored[name]))
        for asked, stored in zip(requests, warehouse, strict=True)
    ]
    return Compared(tuple(names), tuple(sorted(set(requests[0]) - set(names))), tuple(differing))


def _equal(asked: Any, stored: Any) -> bool:
    if asked is None or stored is None:
        return asked is None and stored is None
    if isinstance(asked, str) or isinstance(stored, str):
        return asked == stored
    return abs(float(asked) - float(stored)) <= TOLERANCE


def _counts(found: Compared, kept: NDArray[np.bool_]) -> dict[str, Json]:
    counted = {
        name: sum(name in one for one, keep in zip(found.differing, kept, strict=True) if keep) for name in found.names
    }
    return {name: count for name, count in counted.items() if count}


def _told(correction: Correction, found: Compared, apart: Apart) -> dict[str, Json]:
    mine = apart.is_of(correction)
    counted = share(found.agreeing[mine])
    return {
        **correction.to_json(),
        "visits": counted.n,
        "agreeing": counted.n_events,
        "differing": _counts(found, mine),
        "without_own_record": apart.count_without_record(correction),
    }

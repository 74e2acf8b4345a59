"""Visits of a fault that the source corrected: which of those that were served stand apart, and which do not although
they are of its time.

A visit stands apart where nothing but the features of the fault may differ and a file of the correction replaced its
own record of each feature that does (of one of them where none does). What does not belong here: which corrections
count (record/corrections), and what is said of the visits (parity, before_labels).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.usecases import UseCase
from orchestration.settings import Settings
from orchestration.steps.record.corrections import Correction
from orchestration.steps.record.replaced import Asked, Replaced, replaced_records

Records = Mapping[str, Replaced]
"""By feature: whose records a correction replaced."""


@dataclass(frozen=True)
class Apart:
    """Of every visit, in order, the correction that it stands apart for; None: it counts with the rest. And the
    incidents of its time for which it does so since none of its own records was replaced."""

    by_visit: tuple[Correction | None, ...]
    without_record: tuple[tuple[str, ...], ...]

    @property
    def is_apart(self) -> NDArray[np.bool_]:
        return np.array([one is not None for one in self.by_visit], bool)

    @property
    def is_without_record(self) -> NDArray[np.bool_]:
        return np.array([bool(incidents) for incidents in self.without_record], bool)

    def count_without_record(self, correction: Correction) -> int:
        return sum(correction.incident in incidents for incidents in self.without_record)

    def is_of(self, correction: Correction) -> NDArray[np.bool_]:
        return np.array([one is correction for one in self.by_visit], bool)


def records_of(
    settings: Settings, declared: UseCase, site: str, corrections: Sequence[Correction]
) -> dict[str, Records]:
    """By incident and feature: whose records the files of each correction replaced, after the values went wrong."""
    return {
        one.incident: replaced_records(
            settings, declared, Asked(site, one.feed, one.files, one.wrong_from), sorted(one.features)
        )
        for one in corrections
    }


def set_apart(
    rows: pa.Table,
    differing: Sequence[frozenset[str]],
    corrections: Sequence[Correction],
    records: Mapping[str, Records],
) -> Apart:
    """Part the visits. `rows` has `at`, `visit_key` and `patient_key` of each, `differing` its features that differ."""
    visits = zip(*(rows[name].to_pylist() for name in ("at", "visit_key", "patient_key")), differing, strict=True)
    found = [_explaining(visit, corrections, records) for visit in visits]
    return Apart(tuple(one for one, _ in found), tuple(without for _, without in found))


def _explaining(
    visit: tuple[Any, str, str, frozenset[str]], corrections: Sequence[Correction], records: Mapping[str, Records]
) -> tuple[Correction | None, tuple[str, ...]]:
    at, key, patient, differing = visit
    possible = [one for one in corrections if one.may_explain(at, differing)]
    for one in possible:
        own = {name for name, replaced in records[one.incident].items() if replaced.is_of(key, patient)}
        if own and differing <= own:
            return one, ()
    return None, tuple(one.incident for one in possible)

"""The rows that a model learns from: one site's visits before a day, and which of their labels may count.

Here belongs what every way of making a model takes in. Fitting (`fit.py`) and adapting (`adapt.py`) do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.features.encoding import Matrix
from ml.features.mart import design_matrix, features_of, refuse_undeclared_groups
from ml.features.vocabulary import Vocabulary
from ml.training.split import Mask, Period, Times, forward_slices, labels, settled, times, visits
from ml.usecases import Feature, UseCase

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingRows:
    """`matrix`: (rows, features), `arrived`: (rows,) microseconds; `settled` and `labels`: outcome -> (rows,), the
    labels 0 or 1 where settled. Rows are in the order of arrival."""

    site: str
    until: datetime
    known_by: datetime | None
    vocabulary: Vocabulary
    features: tuple[Feature, ...]
    matrix: Matrix
    arrived: Times
    settled: Mapping[str, Mask]
    labels: Mapping[str, Vector]

    def of(self, outcome: str) -> tuple[Matrix, Vector, Times]:
        """The rows whose label of `outcome` counts: matrix, labels, times of arrival."""
        known = self.settled[outcome]
        return self.matrix[known], self.labels[outcome][known], self.arrived[known]

    def seeing(self, columns: list[int]) -> "TrainingRows":
        """The same rows with some of the features, in the given order."""
        features = tuple(self.features[index] for index in columns)
        return replace(self, features=features, matrix=self.matrix[:, columns])

    def parted(self) -> "tuple[TrainingRows, TrainingRows]":
        """The rows that count for each outcome, parted at the beginning of its latest slice: before, and in it."""
        before = {name: np.zeros_like(mask) for name, mask in self.settled.items()}
        within = {name: np.zeros_like(mask) for name, mask in self.settled.items()}
        for name, mask in self.settled.items():
            if slices := forward_slices(self.arrived[mask]):
                before[name][mask], within[name][mask] = slices[-1]
        return replace(self, settled=before), replace(self, settled=within)

    def counted(self) -> dict[str, dict[str, int]]:
        """Outcome -> how many visits count, and how many events are among them."""
        found = {name: self.of(name)[1] for name in self.settled}
        return {name: {"visits": len(y), "events": int(y.sum())} for name, y in found.items()}


def rows_of(
    use_case: UseCase,
    mart: pa.Table,
    vocabulary: Vocabulary,
    *,
    site: str,
    until: datetime,
    known_by: datetime | None,
) -> TrainingRows:
    """The eligible visits of `site` that arrived before `until` (exclusive); `known_by` bounds which labels count.

    Raises `ColumnMissing`, `ColumnUnknown`.
    """
    refuse_undeclared_groups(mart, use_case, vocabulary)
    features = features_of(use_case, vocabulary)
    table = visits(mart, site, Period(end=until))
    return TrainingRows(
        site,
        until,
        known_by,
        vocabulary,
        features,
        design_matrix(table, features),
        times(table, "arrived_at"),
        {outcome.name: settled(table, outcome, known_by) for outcome in use_case.outcomes},
        {outcome.name: labels(table, outcome) for outcome in use_case.outcomes},
    )

"""A trained model in memory: scoring a table, scoring one visit, and what drove the score.

Here belong prediction and its drivers. Fitting (`fit.py`), files (`bundle.py`) and sentences (`explain.py`)
do not.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.features.encoding import Encoder, Matrix, Value
from ml.features.mart import design_matrix
from ml.features.vocabulary import Vocabulary
from ml.training.calibration import Calibration
from ml.training.single_row import SingleRow
from ml.usecases import Feature

if TYPE_CHECKING:
    import lightgbm as lgb

THREADS = 1
"""Scoring one row is faster without a team of threads, and a batch scored alike gives the same bits."""


@dataclass(frozen=True)
class Driver:
    """One feature's part in a score, in log-odds against the average visit (TreeSHAP, Lundberg et al. 2020).

    `value` is as encoded, None when missing; `baseline` is the site's median or share, None for a category.
    """

    feature: str
    value: float | None
    baseline: float | None
    contribution: float


@dataclass(frozen=True)
class Score:
    """A calibrated probability (0..1), with the features that raised it, strongest first."""

    probability: float
    drivers: tuple[Driver, ...]


@dataclass(frozen=True)
class OutcomeModel:
    """One booster in LightGBM's text format, and the calibration of its raw score."""

    text: str
    calibration: Calibration

    @cached_property
    def booster(self) -> "lgb.Booster":
        import lightgbm as lgb  # a second and a half, which whoever scores nothing need not wait

        return lgb.Booster(model_str=self.text)

    @cached_property
    def raw_score_of_row(self) -> SingleRow:
        return SingleRow.raw(self.booster)

    @cached_property
    def contributions_of_row(self) -> SingleRow:
        return SingleRow.contributions(self.booster)


@dataclass(frozen=True)
class Model:
    """Everything that serving needs, and nothing of the rows it was trained on but medians and shares.

    `reduced` is the model that was fitted beside it on the features that nearly every row had, where the use case asks
    for one: a tier of its fallback, and part of its bundle.
    """

    use_case: str
    site: str
    features: tuple[Feature, ...]
    outcomes: Mapping[str, OutcomeModel]
    baselines: Mapping[str, Mapping[str, float]]
    vocabulary: Vocabulary
    trained: Mapping[str, object]
    seed: int
    reduced: "Model | None" = None
    _encoder: Encoder = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_encoder", Encoder(self.features))

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self._encoder.names

    def of(self, outcome: str) -> "Model":
        """The model of one outcome alone. Raises `KeyError` for an outcome that it has not."""
        return replace(self, outcomes={outcome: self.outcomes[outcome]})

    def predict(self, table: pa.Table) -> dict[str, npt.NDArray[np.float64]]:
        """Outcome -> (rows,) calibrated probabilities. Raises `ColumnMissing` or `ValueUnreadable`."""
        matrix = design_matrix(table, self.features)
        return {name: self._probabilities(outcome, matrix) for name, outcome in self.outcomes.items()}

    def predict_row(self, row: Mapping[str, Value], explained: Collection[str] | None = None) -> dict[str, Score]:
        """Outcome -> score of one visit, equal to `predict` on the same values.

        Drivers cost most of the time: `explained` names the outcomes to give them for, None means all.
        Every declared feature must be named, None when it is not known. Raises `ColumnMissing`,
        `ColumnUnknown` or `ValueUnreadable`.
        """
        matrix = self._encoder.row(row)
        return {
            name: Score(
                float(outcome.calibration.apply(outcome.raw_score_of_row(matrix))[0]),
                tuple(self._drivers(outcome, matrix)) if explained is None or name in explained else (),
            )
            for name, outcome in self.outcomes.items()
        }

    def drivers(self, outcome: str, row: Mapping[str, Value]) -> Iterator[Driver]:
        """The drivers of one visit's score alone, strongest first, each made when it is asked for. Raises as
        `predict_row`.
        """
        return self._drivers(self.outcomes[outcome], self._encoder.row(row))

    def baseline(self, feature: str) -> float | None:
        """The site's median of a number, or share of visits with a finding; None for a category."""
        found = self.baselines.get(feature, {})
        return found.get("median", found.get("share"))

    def _probabilities(self, outcome: OutcomeModel, matrix: Matrix) -> npt.NDArray[np.float64]:
        if len(matrix) == 0:
            return np.empty(0)
        raw = outcome.booster.predict(matrix, raw_score=True, num_threads=THREADS)
        return outcome.calibration.apply(np.asarray(raw, dtype=np.float64))

    def _drivers(self, outcome: OutcomeModel, matrix: Matrix) -> Iterator[Driver]:
        parts = outcome.contributions_of_row(matrix)[:-1]
        order = np.argsort(-parts, kind="stable")[: int((parts > 0).sum())].tolist()
        weights, values, names = parts.tolist(), matrix[0].tolist(), self.feature_names
        return (
            Driver(
                names[index],
                None if values[index] != values[index] else values[index],
                self.baseline(names[index]),
                weights[index],
            )
            for index in order
        )

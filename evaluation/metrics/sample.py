"""What a metric is computed from: outcomes, scores and the current practice, checked once.

Here belong the input types, their checks and the two errors of this package. No metric is computed here.
Which rows are mature enough to be judged is the caller's decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation import EvaluationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Attribute = Sequence[str | None] | NDArray[np.object_] | NDArray[np.str_]
"""One value per row; ``None`` where it was not recorded."""


class MetricInputError(EvaluationError):
    """Arrays that no metric can be computed from: other lengths, not 0/1, not a probability, empty."""


class NotEstimableError(EvaluationError):
    """Sound arrays on which a figure has no value, such as one class only. Never answer 0 instead."""


def checked(y: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Give back outcomes (0/1) and probabilities (0..1) as float arrays of one length, at least one row.

    Raises :class:`MetricInputError` with the first offending row.
    """
    outcome, score = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if outcome.ndim != 1 or score.ndim != 1 or outcome.size != score.size:
        raise MetricInputError(
            f"outcomes have shape {outcome.shape} and scores {score.shape}; expected two vectors alike."
        )
    if outcome.size == 0:
        raise MetricInputError("there are no rows to judge; widen the window or wait for labels.")
    _refuse_where(~np.isin(outcome, (0.0, 1.0)), outcome, "outcome", "0 or 1; leave unknown outcomes out")
    _refuse_where(~((score >= 0) & (score <= 1)), score, "score", "a probability from 0 to 1")
    return outcome, score


def require_both_classes(outcome: FloatArray) -> None:
    """Raise :class:`NotEstimableError` unless both an event and a non-event are present."""
    events = int(outcome.sum())
    if events in (0, outcome.size):
        raise NotEstimableError(f"{events} events among {outcome.size} rows; both classes are needed.")


def _refuse_where(bad: BoolArray, values: FloatArray, what: str, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise MetricInputError(f"{what} in row {row} is {values[row]}; expected {expected}.")


@dataclass(frozen=True, slots=True, eq=False)
class CurrentPractice:
    """What people do today, on the same rows: an urgency to rank by, and whom they flag.

    ``urgency``: higher is more urgent, NaN where nobody recorded it. ``flagged``: who is treated as high risk
    (ignored where the urgency is NaN). Rows without a record are left out of every comparison with it.
    """

    urgency: FloatArray
    flagged: BoolArray

    def __post_init__(self) -> None:
        if self.urgency.shape != self.flagged.shape:
            raise MetricInputError("urgency and flagged of the current practice differ in length.")

    @property
    def recorded(self) -> BoolArray:
        return ~np.isnan(self.urgency)

    @staticmethod
    def from_triage_level(levels: ArrayLike, flagged_up_to: int = 2) -> "CurrentPractice":
        """From levels 1 (most urgent) to 5, NaN where missing; level 2 and above in urgency is flagged.

        Levels 1 and 2 are the high-risk levels of the Emergency Severity Index handbook.
        """
        return CurrentPractice.of(levels, flagged_up_to, "low")

    @staticmethod
    def of(values: ArrayLike, acted_upon: float, urgent: Literal["low", "high"]) -> "CurrentPractice":
        """From whatever people go by today, NaN where missing: acted upon at ``acted_upon`` and on its urgent side."""
        value = np.asarray(values, dtype=np.float64)
        if urgent == "low":
            return CurrentPractice(urgency=-value, flagged=np.less_equal(value, acted_upon))
        return CurrentPractice(urgency=value, flagged=np.greater_equal(value, acted_upon))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledScores:
    """One outcome's settled labels, the model's probabilities for them and what else is known of the rows.

    All vectors have one length. ``attributes``: name of a subgroup attribute to one value per row.
    """

    outcome: str
    y: FloatArray
    p: FloatArray
    practice: CurrentPractice | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        y, p = checked(self.y, self.p)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "p", p)
        if self.practice is not None and self.practice.urgency.size != y.size:
            raise MetricInputError(f"the current practice has {self.practice.urgency.size} rows; expected {y.size}.")
        for name, values in self.attributes.items():
            if len(values) != y.size:
                raise MetricInputError(f"attribute {name} has {len(values)} rows; expected {y.size}.")

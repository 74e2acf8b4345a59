"""How a feature's value becomes the number that the model sees: one rule for a mart and for a request.

Booleans are 0 and 1, a category is its declared level, what is missing is NaN and nothing is imputed. A
number outside its plausible range is missing too: a heart rate of 0 at triage is an unread monitor or an
arrest that nobody needs a score for, and one rule on both sides keeps serving equal to training. Where values
come from does not belong here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

import numpy as np
import numpy.typing as npt

from ml.features import ColumnMissing, ColumnUnknown, ValueUnreadable
from ml.usecases import Feature

Matrix = npt.NDArray[np.float64]
Value = float | int | bool | str | None


def encoded(feature: Feature, value: Value) -> float:
    """The number of one value, before its range is looked at; an undeclared level is missing (NaN).

    Raises `ValueUnreadable` for text where a number belongs and the other way round; never shows the value.
    """
    if value is None:
        return nan
    if feature.levels is not None:
        return feature.levels.get(value, nan) if isinstance(value, str) else _number_of_level(feature, value)
    if isinstance(value, str):
        raise ValueUnreadable(f"The feature {feature.name} came as text; expected a {feature.kind} value.")
    return float(value)


def _number_of_level(feature: Feature, value: float) -> float:
    assert feature.levels is not None
    if value in feature.levels.values() or value != value:
        return float(value)
    raise ValueUnreadable(f"The feature {feature.name} came as a number that is none of its levels.")


@dataclass(frozen=True)
class Encoder:
    """The declared features in the order of the model."""

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def _bounds(self) -> tuple[Matrix, Matrix]:
        bounds = np.array([feature.bounds for feature in self.features], dtype=np.float64)
        return bounds[:, 0], bounds[:, 1]

    def plausible(self, matrix: Matrix) -> Matrix:
        """A copy of (n, k) `matrix` with NaN where a value lies outside its range (bounds are plausible)."""
        lowest, highest = self._bounds
        return np.where((matrix >= lowest) & (matrix <= highest), matrix, nan)

    def row(self, values: Mapping[str, Value]) -> Matrix:
        """One visit as a (1, k) matrix. Every declared feature must be named, None when it is not known.

        Raises `ColumnMissing`, `ColumnUnknown` or `ValueUnreadable`.
        """
        if len(values) != len(self._declared) or not self._declared.issuperset(values):
            refuse_other_names(self.names, tuple(values))
        numbers = [
            nan if (value := values[name]) is None else encoded(feature, value)
            for name, feature in zip(self.names, self.features, strict=True)
        ]
        return self.plausible(np.array([numbers], dtype=np.float64))


def refuse_other_names(declared: Sequence[str], given: Sequence[str]) -> None:
    """Raise `ColumnMissing` or `ColumnUnknown` unless the two name the same features."""
    if missing := [name for name in declared if name not in given]:
        raise ColumnMissing(f"Declared features are missing: {', '.join(missing)}. Build them, or retrain.")
    if unknown := sorted(set(given) - set(declared)):
        raise ColumnUnknown(
            f"Undeclared features: {', '.join(unknown)}. Declare them in the use case, with the reason why "
            "they are known at prediction time, or leave them out."
        )

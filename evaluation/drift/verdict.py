"""Which features drifted: a moved distribution that is both too large for chance and large enough to matter.

Here belong the features, the windows, the minimum sample, the control of multiplicity, the verdicts. Effect
sizes are computed in ``comparison``; which share of drifted features is too much is a policy's decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from evaluation import EvaluationError
from evaluation.drift.comparison import (
    Comparison,
    FloatArray,
    adjusted,
    compare_categories,
    compare_counts,
    compare_numeric,
)

MIN_ROWS = 200
"""Rows with a value that each window needs before a feature is judged.

Two windows of 200 rows show a shift of 0.3 standard deviations in about four of five cases."""
MEANINGFUL_EFFECT = 0.2
"""Standardised difference that deserves attention: Cohen's small effect (1988), twice Austin's 0.1."""
MEANINGFUL_DISTANCE = 0.1
"""One row in ten moved; catches a change of shape that leaves the mean where it was."""
FALSE_DISCOVERY_RATE = 0.05

FeatureKind = Literal["numeric", "boolean", "categorical"]
Verdict = Literal["stable", "drifted", "too few rows"]


class DriftInputError(EvaluationError):
    """Windows or features that cannot be compared: a column missing, or of another type than declared."""


@dataclass(frozen=True, slots=True)
class DriftFeature:
    """A column to watch and how to read it."""

    name: str
    kind: FeatureKind


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature's verdict.

    ``values`` compares the values that are there, ``missing`` the shares that are not; each is ``None`` where
    a window has too few rows, and ``missing`` also where nothing or everything is missing in both.
    ``values_p`` and ``missing_p`` are adjusted for the number of comparisons.
    """

    feature: DriftFeature
    reference_n: int
    current_n: int
    reference_missing: float
    current_missing: float
    values: Comparison | None
    missing: Comparison | None
    values_p: float | None
    missing_p: float | None
    verdict: Verdict

    @property
    def effect(self) -> float | None:
        """The larger of the two effects."""
        effects = [c.effect for c in (self.values, self.missing) if c is not None]
        return max(effects) if effects else None


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One feature in one window: the values (floats, or names) and how many rows there were."""

    values: FloatArray | Sequence[str]
    rows: int

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> float:
        return 1 - self.n / self.rows if self.rows else 0.0


def judge(reference: pa.Table, current: pa.Table, features: Sequence[DriftFeature]) -> tuple[FeatureDrift, ...]:
    """Compare every feature of two windows and decide. Raises :class:`DriftInputError`."""
    pairs = [(feature, read(reference, feature), read(current, feature)) for feature in features]
    values = [_compare_values(feature.kind, old, new) for feature, old, new in pairs]
    missing = [_compare_missing(old, new) for _, old, new in pairs]
    made = [c for c in (*values, *missing) if c is not None]
    p_of = dict(zip(map(id, made), adjusted([c.p_value for c in made]), strict=True))
    return tuple(
        _decide(feature, old, new, v, m, v and p_of[id(v)], m and p_of[id(m)])
        for (feature, old, new), v, m in zip(pairs, values, missing, strict=True)
    )


def read(table: pa.Table, feature: DriftFeature) -> Window:
    """Take one feature out of a table; null and NaN are missing."""
    if feature.name not in table.column_names:
        raise DriftInputError(f"column {feature.name} is not among the {table.num_columns} of the window.")
    column = table.column(feature.name).combine_chunks().drop_null()
    if feature.kind != "numeric":
        return Window([category(value) for value in column.to_pylist()], table.num_rows)
    try:
        numbers = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise DriftInputError(f"column {feature.name} is {column.type}; expected numbers.") from error
    return Window(numbers[~np.isnan(numbers)], table.num_rows)


def category(value: object) -> str:
    """Name of a category: booleans as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compare_values(kind: FeatureKind, old: Window, new: Window) -> Comparison | None:
    if min(old.n, new.n) < MIN_ROWS:
        return None
    if kind == "numeric":
        return compare_numeric(np.asarray(old.values), np.asarray(new.values))
    return compare_categories(list(map(str, old.values)), list(map(str, new.values)))


def _compare_missing(old: Window, new: Window) -> Comparison | None:
    counts = np.array([[window.rows - window.n, window.n] for window in (old, new)])
    if min(old.rows, new.rows) < MIN_ROWS or not counts.any(axis=0).all():
        return None
    return compare_counts(counts)


def _decide(
    feature: DriftFeature,
    old: Window,
    new: Window,
    values: Comparison | None,
    missing: Comparison | None,
    values_p: float | None,
    missing_p: float | None,
) -> FeatureDrift:
    moved = _moved(values, values_p) or _moved(missing, missing_p)
    enough = values is not None
    verdict: Verdict = "drifted" if moved else "stable" if enough else "too few rows"
    return FeatureDrift(feature, old.n, new.n, old.missing, new.missing, values, missing, values_p, missing_p, verdict)


def _moved(comparison: Comparison | None, p: float | None) -> bool:
    if comparison is None or p is None or p >= FALSE_DISCOVERY_RATE:
        return False
    return comparison.effect >= MEANINGFUL_EFFECT or comparison.distance >= MEANINGFUL_DISTANCE

"""The two learners: ridge regression per step, and boosted trees for all steps of a target together.

Both learn scaled differences from the anchor. What they look at is `features.py`, how they are blended `fit.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml.forecasting.history import Floats
from ml.usecases.forecast import Recipe

if TYPE_CHECKING:
    import lightgbm as lgb

SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True)
class Ridge:
    """Standardised linear regression with an unpenalised intercept (Hoerl and Kennard 1970)."""

    mean: Floats
    spread: Floats
    intercept: float
    coefficients: Floats

    @classmethod
    def fit(cls, rows: Floats, outcome: Floats, weight: Floats, penalty: float) -> "Ridge":
        """Fit rows × columns to an outcome with weights; a column that never changes gets no coefficient."""
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        spread = np.where(spread > SMALLEST_SPREAD, spread, np.inf)
        scaled = (rows - mean) / spread
        centre = np.average(scaled, axis=0, weights=weight)
        level = float(np.average(outcome, weights=weight))
        weighted = (scaled - centre) * weight[:, None]
        gram = weighted.T @ (scaled - centre) + penalty * np.eye(rows.shape[1])
        coefficients = np.linalg.solve(gram, weighted.T @ (outcome - level))
        return cls(mean, spread, level - float(centre @ coefficients), coefficients)

    def contributions(self, rows: Floats) -> Floats:
        """What each column adds to the forecast, in the outcome's scale; same shape as `rows`."""
        return (rows - self.mean) / self.spread * self.coefficients

    def predict(self, rows: Floats) -> Floats:
        """One value per row; leading axes are kept."""
        return self.intercept + self.contributions(rows).sum(axis=-1)


@dataclass(frozen=True)
class Trees:
    """A booster as LightGBM's text; its last column is the step."""

    text: str

    @classmethod
    def fit(
        cls, rows: Floats, outcome: Floats, weight: Floats, names: Sequence[str], recipe: Recipe, seed: int
    ) -> "Trees":
        """Fit with absolute loss, on one thread: the same rows and seed give the same text."""
        import lightgbm as lgb

        parameters = {
            "objective": "l1",
            "num_leaves": recipe.leaves,
            "learning_rate": recipe.learning_rate,
            "min_data_in_leaf": recipe.fewest_rows_per_leaf,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "seed": seed,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        data = lgb.Dataset(rows, outcome, weight=weight, feature_name=[*names, "step"])
        return cls(lgb.train(parameters, data, recipe.trees).model_to_string())

    @cached_property
    def booster(self) -> "lgb.Booster":
        """The booster, parsed once."""
        import lightgbm as lgb

        return lgb.Booster(model_str=self.text)

    def predict(self, rows: Floats, step: int) -> Floats:
        """One value per row; leading axes are kept."""
        flat = rows.reshape(-1, rows.shape[-1])
        found = self.booster.predict(with_step(flat, step), num_threads=1)
        return np.asarray(found, np.float64).reshape(rows.shape[:-1])

    def contributions(self, rows: Floats, step: int) -> Floats:
        """What each column adds (TreeSHAP), without the step and the expected value; rows × columns."""
        found = np.asarray(self.booster.predict(with_step(rows, step), pred_contrib=True, num_threads=1), np.float64)
        return found[:, :-2]


def with_step(rows: Floats, step: int) -> Floats:
    """`rows` with the step as a last column."""
    return np.column_stack([rows, np.full(len(rows), float(step))])

"""Fitting one calibrated LightGBM booster per outcome, so that equal inputs give equal bytes.

Here belong hyper-parameters, monotone constraints, cross-fitting and baselines. Splitting is `split.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from types import MappingProxyType

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.features.encoding import Matrix
from ml.features.vocabulary import Vocabulary
from ml.training import TooFewEvents
from ml.training.calibration import Calibration, Platt, choose_calibration
from ml.training.model import Model, OutcomeModel
from ml.training.rows import TrainingRows, rows_of
from ml.training.split import Mask, Times, forward_slices, settled
from ml.usecases import Feature, Outcome, UseCase

Vector = npt.NDArray[np.float64]

MINIMUM_EVENTS = 20
"""Below this, of events or of non-events, there is nothing to learn; whether more is *enough* is policy."""

DIRECTIONS = {"increasing": 1, "decreasing": -1, "none": 0}


@dataclass(frozen=True)
class Parameters:
    """Small trees, many of them, strongly regularised: chosen by forward validation inside 2018 and 2019 of
    the national survey, where the result was flat around them (AUROC within 0.004)."""

    rounds: int = 250
    learning_rate: float = 0.05
    num_leaves: int = 8
    min_child_samples: int = 40
    feature_fraction: float = 0.3
    bagging_fraction: float = 0.8
    lambda_l2: float = 5.0


DEFAULT = Parameters()


def parameters_of(use_case: UseCase) -> Parameters:
    """The parameters of a use case: its own where it declares a learner."""
    declared = use_case.learner
    return DEFAULT if declared is None else replace(DEFAULT, **declared.model_dump(exclude={"reason"}))


def reduced_parameters(use_case: UseCase, parameters: Parameters) -> Parameters:
    """The parameters of the reduced model, which has the rounds that the fallback asks for."""
    asked = use_case.fallback.reduced if use_case.fallback else None
    return parameters if asked is None else replace(parameters, rounds=asked.rounds)


def fit_model(
    use_case: UseCase,
    mart: pa.Table,
    vocabulary: Vocabulary,
    *,
    site: str,
    train_until: datetime,
    known_by: datetime | None,
    seed: int,
    parameters: Parameters | None = None,
) -> Model:
    """Fit every outcome on the eligible visits of `site` that arrived before `train_until` (exclusive).

    `known_by` bounds which labels count (`split.settled`); without `parameters` the use case's own are taken. Raises
    `TooFewEvents`, `ColumnMissing`, `ColumnUnknown`.
    """
    rows = rows_of(use_case, mart, vocabulary, site=site, until=train_until, known_by=known_by)
    return fit_rows(use_case, rows, seed, parameters or parameters_of(use_case))


def fit_rows(use_case: UseCase, rows: TrainingRows, seed: int, parameters: Parameters) -> Model:
    """Fit every outcome on `rows`, and the reduced model that the fallback asks for. Raises `TooFewEvents`."""
    for outcome in use_case.outcomes:
        _require_events(outcome, rows)
    whole = assembled(use_case, rows, fit_outcomes(rows, seed, parameters), seed, {"parameters": asdict(parameters)})
    asked = use_case.fallback.reduced if use_case.fallback else None
    columns = [] if asked is None else nearly_always_known(rows.matrix, use_case, asked.known_in_at_least)
    if asked is None or not columns:
        return whole
    fewer = reduced_parameters(use_case, parameters)
    return with_reduced(whole, rows.seeing(columns), lambda seen: fit_outcomes(seen, seed, fewer))


def fit_outcomes(
    rows: TrainingRows, seed: int, parameters: Parameters, start: Mapping[str, OutcomeModel] = MappingProxyType({})
) -> dict[str, OutcomeModel]:
    """Fit and calibrate one booster per outcome, each upon the trees of `start` where that has the outcome.

    Equal rows, seed, parameters and start give equal bytes.
    """
    return {
        name: _fit_outcome(*rows.of(name), _Learner(rows.features, seed, parameters, start.get(name)))
        for name in rows.settled
    }


def assembled(
    use_case: UseCase,
    rows: TrainingRows,
    outcomes: Mapping[str, OutcomeModel],
    seed: int,
    how: Mapping[str, object],
) -> Model:
    """Put a model together, with what is usual at the site of `rows` and the facts of its training; `how` adds some."""
    return Model(
        use_case=use_case.use_case,
        site=rows.site,
        features=rows.features,
        outcomes=outcomes,
        baselines=baselines(rows.matrix, rows.features),
        vocabulary=rows.vocabulary,
        trained={
            "until": rows.until.isoformat(),
            "known_by": rows.known_by.isoformat() if rows.known_by else None,
            "visits": len(rows.matrix),
            "outcomes": rows.counted(),
            "use_case_digest": use_case.digest,
            **how,
            "lightgbm": lgb.__version__,
        },
        seed=seed,
    )


def with_reduced(whole: Model, seen: TrainingRows, fit: Callable[[TrainingRows], dict[str, OutcomeModel]]) -> Model:
    """The model with the reduced one of its fallback, which sees what `seen` has."""
    names = {feature.name for feature in seen.features}
    known = {name: values for name, values in whole.baselines.items() if name in names}
    return replace(whole, reduced=replace(whole, features=seen.features, outcomes=fit(seen), baselines=known))


def nearly_always_known(matrix: Matrix, use_case: UseCase, share: float) -> list[int]:
    """The columns of the single features (no vocabulary's) that are known in at least `share` of the rows."""
    return [
        index
        for index in range(len(use_case.features))
        if len(matrix) and float(np.mean(~np.isnan(matrix[:, index]))) >= share
    ]


def baselines(matrix: Matrix, features: tuple[Feature, ...]) -> dict[str, dict[str, float]]:
    """What is usual at the site: the median of a number, the share of a finding, over visits where it is
    known.
    """
    found: dict[str, dict[str, float]] = {}
    for feature, column in zip(features, matrix.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known) == 0:
            continue
        if feature.levels is not None:
            found[feature.name] = {level: float(np.mean(known == code)) for level, code in feature.levels.items()}
        elif feature.kind == "boolean":
            found[feature.name] = {"share": float(np.mean(known))}
        else:
            found[feature.name] = {"median": float(np.median(known))}
    return found


@dataclass(frozen=True)
class _Learner:
    """How boosters are made; upon the trees of `start`, if there is one."""

    features: tuple[Feature, ...]
    seed: int
    parameters: Parameters
    start: OutcomeModel | None

    def fit(self, matrix: Matrix, y: Vector) -> lgb.Booster:
        names = [feature.name for feature in self.features]
        data = lgb.Dataset(matrix, y, feature_name=names, params={"verbose": -1}, free_raw_data=True)
        return lgb.train(
            _settings(self.features, self.seed, self.parameters),
            data,
            num_boost_round=self.parameters.rounds,
            init_model=None if self.start is None else lgb.Booster(model_str=self.start.text),
        )


def _fit_outcome(matrix: Matrix, y: Vector, arrived: Times, learner: _Learner) -> OutcomeModel:
    calibration = _cross_fit(matrix, y, arrived, learner)
    return OutcomeModel(learner.fit(matrix, y).model_to_string(), calibration)


def _cross_fit(matrix: Matrix, y: Vector, arrived: Times, learner: _Learner) -> Calibration:
    """Calibrate on scores of later visits by boosters that saw only earlier ones; the identity if there are none."""
    raw, scored, latest = np.zeros(len(y)), np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
    for earlier, later in forward_slices(arrived):
        if not has_both(y[earlier]):
            continue
        booster = learner.fit(matrix[earlier], y[earlier])
        raw[later] = np.asarray(booster.predict(matrix[later], raw_score=True, num_threads=1))
        scored |= later
        latest = later
    if not scored.any():
        return Platt(1.0, 0.0)
    return choose_calibration(raw[scored], y[scored], latest[scored])


def _settings(features: tuple[Feature, ...], seed: int, parameters: Parameters) -> dict[str, object]:
    """LightGBM's parameters. One histogram layout and a fixed number of threads: the same bytes on every
    run.
    """
    chosen: Mapping[str, object] = asdict(parameters)
    return {
        **{name: value for name, value in chosen.items() if name != "rounds"},
        "objective": "binary",
        "bagging_freq": 1,
        "monotone_constraints": [DIRECTIONS[feature.monotone] for feature in features],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }


def has_both(y: Vector) -> bool:
    """Whether there is enough of either kind to fit a booster on a slice."""
    return min(float(y.sum()), float(len(y) - y.sum())) >= MINIMUM_EVENTS / 2


def _require_events(outcome: Outcome, rows: TrainingRows) -> None:
    y = rows.of(outcome.name)[1]
    if min(y.sum(), len(y) - y.sum()) < MINIMUM_EVENTS:
        raise TooFewEvents(
            f"{outcome.name} at {rows.site} has {int(y.sum())} events among {len(y)} visits with a settled "
            f"label before {rows.until:%Y-%m-%d}; at least {MINIMUM_EVENTS} of each kind are needed. Wait "
            "for more visits to mature."
        )


def known_rows(table: pa.Table, use_case: UseCase, known_by: datetime | None) -> Mask:
    """Rows of which at least one outcome is settled."""
    return np.logical_or.reduce([settled(table, outcome, known_by) for outcome in use_case.outcomes])

"""Fitting one calibrated LightGBM booster per outcome, so that equal inputs give equal bytes.

Here belong hyper-parameters, monotone constraints, cross-fitting and baselines. Splitting is `split.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.features.encoding import Matrix
from ml.features.mart import design_matrix, features_of, refuse_undeclared_groups
from ml.features.vocabulary import Vocabulary
from ml.training import TooFewEvents
from ml.training.calibration import Calibration, Platt, choose_calibration
from ml.training.model import Model, OutcomeModel
from ml.training.split import Mask, Period, Times, forward_slices, labels, settled, times, visits
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
    refuse_undeclared_groups(mart, use_case, vocabulary)
    parameters = parameters or parameters_of(use_case)
    features = features_of(use_case, vocabulary)
    table = visits(mart, site, Period(end=train_until))
    matrix, arrived = design_matrix(table, features), times(table, "arrived_at")
    learned: dict[str, tuple[Mask, Vector]] = {}
    for outcome in use_case.outcomes:
        known = settled(table, outcome, known_by)
        learned[outcome.name] = known, labels(table, outcome)[known]
        _require_events(outcome, site, learned[outcome.name][1], train_until)

    def fit(columns: list[int], chosen: Parameters) -> dict[str, OutcomeModel]:
        seen = tuple(features[index] for index in columns)
        return {
            name: _fit_outcome(matrix[known][:, columns], y, arrived[known], seen, seed, chosen)
            for name, (known, y) in learned.items()
        }

    whole = Model(
        use_case=use_case.use_case,
        site=site,
        features=features,
        outcomes=fit(list(range(len(features))), parameters),
        baselines=baselines(matrix, features),
        vocabulary=vocabulary,
        trained={
            "until": train_until.isoformat(),
            "known_by": known_by.isoformat() if known_by else None,
            "visits": table.num_rows,
            "outcomes": {name: {"visits": len(y), "events": int(y.sum())} for name, (_, y) in learned.items()},
            "use_case_digest": use_case.digest,
            "parameters": asdict(parameters),
            "lightgbm": lgb.__version__,
        },
        seed=seed,
    )
    return _with_reduced(
        whole, use_case, matrix, lambda columns, rounds: fit(columns, replace(parameters, rounds=rounds))
    )


def _with_reduced(
    whole: Model, use_case: UseCase, matrix: Matrix, fit: Callable[[list[int], int], dict[str, OutcomeModel]]
) -> Model:
    """The model with the reduced one that its fallback asks for; alone where nothing is known nearly always."""
    asked = use_case.fallback.reduced if use_case.fallback else None
    columns = [] if asked is None else nearly_always_known(matrix, use_case, asked.known_in_at_least)
    if asked is None or not columns:
        return whole
    features = tuple(whole.features[index] for index in columns)
    names = {feature.name for feature in features}
    known = {name: values for name, values in whole.baselines.items() if name in names}
    return replace(
        whole, reduced=replace(whole, features=features, outcomes=fit(columns, asked.rounds), baselines=known)
    )


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


def _fit_outcome(
    matrix: Matrix,
    y: Vector,
    arrived: Times,
    features: tuple[Feature, ...],
    seed: int,
    parameters: Parameters,
) -> OutcomeModel:
    booster = _fit_booster(matrix, y, features, seed, parameters)
    calibration = _cross_fit(matrix, y, arrived, features, seed, parameters)
    return OutcomeModel(booster.model_to_string(), calibration)


def _cross_fit(
    matrix: Matrix,
    y: Vector,
    arrived: Times,
    features: tuple[Feature, ...],
    seed: int,
    parameters: Parameters,
) -> Calibration:
    """Calibrate on scores of later visits by boosters that saw only earlier ones; the identity if there
    are none.
    """
    raw, scored, latest = np.zeros(len(y)), np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
    for earlier, later in forward_slices(arrived):
        if not _has_both(y[earlier]):
            continue
        booster = _fit_booster(matrix[earlier], y[earlier], features, seed, parameters)
        raw[later] = np.asarray(booster.predict(matrix[later], raw_score=True, num_threads=1))
        scored |= later
        latest = later
    if not scored.any():
        return Platt(1.0, 0.0)
    return choose_calibration(raw[scored], y[scored], latest[scored])


def _fit_booster(
    matrix: Matrix, y: Vector, features: tuple[Feature, ...], seed: int, parameters: Parameters
) -> lgb.Booster:
    names = [feature.name for feature in features]
    data = lgb.Dataset(matrix, y, feature_name=names, params={"verbose": -1}, free_raw_data=True)
    return lgb.train(_settings(features, seed, parameters), data, num_boost_round=parameters.rounds)


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


def _has_both(y: Vector) -> bool:
    return min(float(y.sum()), float(len(y) - y.sum())) >= MINIMUM_EVENTS / 2


def _require_events(outcome: Outcome, site: str, y: Vector, train_until: datetime) -> None:
    scarcer = int(min(y.sum(), len(y) - y.sum()))
    if scarcer < MINIMUM_EVENTS:
        raise TooFewEvents(
            f"{outcome.name} at {site} has {int(y.sum())} events among {len(y)} visits with a settled "
            f"label before {train_until:%Y-%m-%d}; at least {MINIMUM_EVENTS} of each kind are needed. Wait "
            "for more visits to mature."
        )


def known_rows(table: pa.Table, use_case: UseCase, known_by: datetime | None) -> Mask:
    """Rows of which at least one outcome is settled."""
    return np.logical_or.reduce([settled(table, outcome, known_by) for outcome in use_case.outcomes])

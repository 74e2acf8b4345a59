"""Bringing another site's model to a site: as it is, recalibrated, or boosted further on the site's own visits.

Only the model crosses between sites, never a row. Which way is taken is decided inside the training window, on its
latest slice; how it compares with training from scratch is measured on the test period, by `evaluation`. What does not
belong here: tracking, and which site a model comes from.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal, get_args

import numpy as np

from ml.training import AdaptationRefused
from ml.training.calibration import choose_calibration, log_loss
from ml.training.fit import MINIMUM_EVENTS, Parameters, assembled, fit_outcomes, reduced_parameters, with_reduced
from ml.training.model import Model, OutcomeModel
from ml.training.rows import TrainingRows, Vector
from ml.training.split import forward_slices
from ml.usecases import UseCase

Way = Literal["as_it_is", "recalibrated", "transferred", "from_scratch"]
WAYS: tuple[Way, ...] = get_args(Way)
"""From the least that a site's own visits decide to the most."""

RECALIBRATION_EVENTS = 5
"""Below this, of events or of non-events, the prior alone would speak and nothing is recalibrated."""

MIN_GAIN = 0.01
"""A way that lets the site's visits decide more must lower the log loss by one per cent of the best to be taken."""

ROUNDS_SHARE = 0.3
"""Trees that are boosted upon another site's, as a share of a whole model's."""


@dataclass(frozen=True)
class Source:
    """The model of another site, and its digest."""

    model: Model
    digest: str

    @property
    def trained_until(self) -> datetime:
        """Up to when it learned, at its own site: it knows nothing of what came later anywhere."""
        return datetime.fromisoformat(str(self.model.trained["until"]))


@dataclass(frozen=True)
class Choice:
    """The way that was taken, and the mean log loss of each way that was possible on the latest visits: how many, by
    outcome."""

    way: Way
    losses: Mapping[Way, Mapping[str, float]]
    visits: Mapping[str, int]


def require_same_features(source: Source, rows: TrainingRows) -> None:
    """Raise `AdaptationRefused` unless the source looks at just what a model of this site would look at."""
    model = source.model
    if (
        model.features != rows.features
        or model.vocabulary != rows.vocabulary
        or set(model.outcomes) != set(rows.settled)
    ):
        raise AdaptationRefused(
            f"The model {source.digest[:12]} of {model.site} has other features, words or outcomes than {rows.site} "
            f"would be scored by now; train it again first: pilothouse run --site {model.site}"
        )


def possible_ways(rows: TrainingRows) -> tuple[Way, ...]:
    """The ways for which every outcome has enough settled visits of either kind."""
    scarcest = min(min(y.sum(), len(y) - y.sum()) for y in (rows.of(name)[1] for name in rows.settled))
    needed: dict[Way, int] = {"as_it_is": 0, "recalibrated": RECALIBRATION_EVENTS}
    return tuple(way for way in WAYS if scarcest >= needed.get(way, MINIMUM_EVENTS))


def choose_way(source: Source, rows: TrainingRows, seed: int, parameters: Parameters) -> Choice:
    """Take the first way whose log loss on the latest slice of `rows` is within `MIN_GAIN` of the best.

    Each way learns from the earlier visits only. An outcome with hardly an event in the slice judges nothing; where all
    are so, the model is recalibrated if that is possible: the prior keeps it near what it was. Raises
    `AdaptationRefused`.
    """
    require_same_features(source, rows)
    past, held = rows.parted()
    visits = {name: int(mask.sum()) for name, mask in held.settled.items()}
    judging = [name for name in held.settled if _judges(held.of(name)[1])]
    ways = possible_ways(past)
    if not judging:
        return Choice("recalibrated" if "recalibrated" in ways else "as_it_is", {}, visits)
    losses: dict[Way, dict[str, float]] = {}
    for way in ways:
        outcomes = outcomes_by(way, source.model, past, seed, parameters)
        losses[way] = {name: _loss(outcomes[name], held, name) for name in judging}
    totals = {way: sum(by_outcome.values()) for way, by_outcome in losses.items()}
    enough = min(totals.values()) * (1 + MIN_GAIN)
    return Choice(next(way for way in WAYS if totals.get(way, np.inf) <= enough), losses, visits)


def adapt_model(
    use_case: UseCase, source: Source, rows: TrainingRows, way: Way, *, seed: int, parameters: Parameters
) -> Model:
    """The model of `rows`' site made from `source` in one way (not from scratch: that is `fit_model`).

    Explanations speak of what is usual at the new site. Raises `AdaptationRefused`.
    """
    require_same_features(source, rows)
    outcomes = outcomes_by(way, source.model, rows, seed, parameters)
    how = {"parameters": asdict(parameters), "adapted_from": adapted_from(source, way)}
    whole, reduced = assembled(use_case, rows, outcomes, seed, how), source.model.reduced
    if reduced is None:
        return whole
    names = [feature.name for feature in rows.features]
    seen = rows.seeing([names.index(feature.name) for feature in reduced.features])
    fewer = reduced_parameters(use_case, parameters)
    return with_reduced(whole, seen, lambda chosen: outcomes_by(way, reduced, chosen, seed, fewer))


def adapted_from(source: Source, way: Way) -> dict[str, str]:
    """What a bundle and a recipe say of where a model came from."""
    return {"site": source.model.site, "model": source.digest, "way": way}


def outcomes_by(
    way: Way, model: Model, rows: TrainingRows, seed: int, parameters: Parameters
) -> dict[str, OutcomeModel]:
    """The boosters and calibrations of one way, for the features that `model` and `rows` share."""
    if way == "as_it_is":
        return dict(model.outcomes)
    if way == "recalibrated":
        return {name: _recalibrated(one, rows, name) for name, one in model.outcomes.items()}
    if way == "transferred":
        few = replace(parameters, rounds=max(1, round(parameters.rounds * ROUNDS_SHARE)))
        return fit_outcomes(rows, seed, few, model.outcomes)
    return fit_outcomes(rows, seed, parameters)


def _recalibrated(outcome: OutcomeModel, rows: TrainingRows, name: str) -> OutcomeModel:
    """No booster of another site saw these visits, so all of them may calibrate it."""
    matrix, y, arrived = rows.of(name)
    slices = forward_slices(arrived)
    latest = slices[-1][1] if slices else np.zeros(len(y), dtype=bool)
    return OutcomeModel(outcome.text, choose_calibration(_raw(outcome, matrix), y, latest))


def _loss(outcome: OutcomeModel, held: TrainingRows, name: str) -> float:
    matrix, y, _ = held.of(name)
    return log_loss(y, outcome.calibration.apply(_raw(outcome, matrix)))


def _raw(outcome: OutcomeModel, matrix: Vector) -> Vector:
    return np.asarray(outcome.booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)


def _judges(y: Vector) -> bool:
    return min(float(y.sum()), float(len(y) - y.sum())) >= RECALIBRATION_EVENTS

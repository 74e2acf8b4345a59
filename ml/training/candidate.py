"""A candidate: a model with the facts of its training. It has no power; nothing serves a candidate.

Here belongs training without a tracker; logging and registering is `tracking.py`.
"""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ml.features.vocabulary import Vocabulary
from ml.training.adapt import Choice, Source, Way, adapt_model, adapted_from, choose_way
from ml.training.bundle import model_digest
from ml.training.fit import Parameters, fit_rows, known_rows, parameters_of
from ml.training.model import Model
from ml.training.rows import TrainingRows, rows_of
from ml.training.split import Period, label_cutoff, visits
from ml.usecases import UseCase


@dataclass(frozen=True)
class Candidate:
    """A trained model, its digest, and what it takes to train it again.

    `choice` is there where another site's model was at hand: the way that was taken from it, and why.
    """

    model: Model
    digest: str
    use_case: UseCase
    train_until: datetime
    known_by: datetime | None
    n_train: int
    parameters: Parameters
    source: Source | None = None
    choice: Choice | None = None

    @property
    def adapted_from(self) -> dict[str, str] | None:
        """Site, model and way of the model that this one was made from; None for one from scratch."""
        if self.source is None or self.choice is None or self.choice.way == "from_scratch":
            return None
        return adapted_from(self.source, self.choice.way)


def train_candidate(
    use_case: UseCase,
    mart: pa.Table,
    vocabulary: Vocabulary,
    *,
    site: str,
    train_until: datetime,
    seed: int,
    parameters: Parameters | None = None,
    source: Source | None = None,
) -> Candidate:
    """Fit on what had arrived, and was settled, before `train_until` (exclusive; `split.label_cutoff`).

    With the model of another site at hand, as `source`, the way to the new one is chosen inside the training window
    (`adapt.choose_way`). `n_train` counts visits of which at least one outcome was settled. Raises `TooFewEvents`,
    `AdaptationRefused` and `FeatureError`.
    """
    parameters = parameters or parameters_of(use_case)
    known_by = label_cutoff(mart, site, train_until)
    rows = rows_of(use_case, mart, vocabulary, site=site, until=train_until, known_by=known_by)
    choice = None if source is None else choose_way(source, rows, seed, parameters)
    model = model_by(choice.way if choice else "from_scratch", use_case, rows, source, seed, parameters)
    n_train = int(known_rows(visits(mart, site, Period(end=train_until)), use_case, known_by).sum())
    return Candidate(model, model_digest(model), use_case, train_until, known_by, n_train, parameters, source, choice)


def model_by(
    way: Way, use_case: UseCase, rows: TrainingRows, source: Source | None, seed: int, parameters: Parameters
) -> Model:
    """The model of the rows' site by one way. Raises `TooFewEvents`, `AdaptationRefused`."""
    if way == "from_scratch" or source is None:
        return fit_rows(use_case, rows, seed, parameters)
    return adapt_model(use_case, source, rows, way, seed=seed, parameters=parameters)

"""A candidate: a model with the facts of its training. It has no power; nothing serves a candidate.

Here belongs training without a tracker; logging and registering is `tracking.py`.
"""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ml.features.vocabulary import Vocabulary
from ml.training.bundle import model_digest
from ml.training.fit import Parameters, fit_model, known_rows, parameters_of
from ml.training.model import Model
from ml.training.split import Period, label_cutoff, visits
from ml.usecases import UseCase


@dataclass(frozen=True)
class Candidate:
    """A trained model, its digest, and what it takes to train it again."""

    model: Model
    digest: str
    use_case: UseCase
    train_until: datetime
    known_by: datetime | None
    n_train: int
    parameters: Parameters


def train_candidate(
    use_case: UseCase,
    mart: pa.Table,
    vocabulary: Vocabulary,
    *,
    site: str,
    train_until: datetime,
    seed: int,
    parameters: Parameters | None = None,
) -> Candidate:
    """Fit on what had arrived, and was settled, before `train_until` (exclusive; `split.label_cutoff`).

    `n_train` counts visits of which at least one outcome was settled. Raises `TooFewEvents` and
    `FeatureError`.
    """
    parameters = parameters or parameters_of(use_case)
    known_by = label_cutoff(mart, site, train_until)
    model = fit_model(
        use_case,
        mart,
        vocabulary,
        site=site,
        train_until=train_until,
        known_by=known_by,
        seed=seed,
        parameters=parameters,
    )
    table = visits(mart, site, Period(end=train_until))
    n_train = int(known_rows(table, use_case, known_by).sum())
    return Candidate(model, model_digest(model), use_case, train_until, known_by, n_train, parameters)

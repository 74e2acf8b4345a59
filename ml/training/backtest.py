"""Scoring visits that came after training, for somebody else to judge.

Here belongs the table of predictions; metrics are `evaluation/metrics`, and orchestration joins the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from ml.features.vocabulary import Vocabulary
from ml.training.adapt import Source, Way, possible_ways
from ml.training.candidate import Candidate, model_by, train_candidate
from ml.training.fit import Parameters, known_rows
from ml.training.model import Model
from ml.training.rows import rows_of
from ml.training.split import Period, settled, visits
from ml.usecases import UseCase

IDENTIFIERS = ("visit_occurrence_id", "visit_key", "arrived_at")


@dataclass(frozen=True)
class BacktestResult:
    """A candidate and its predictions on the later visits (`predict_period`).

    `ways`: where another site's model was at hand, the same predictions by every way that was possible.
    """

    candidate: Candidate
    predictions: pa.Table
    n_train: int
    n_test: int
    ways: Mapping[Way, pa.Table] = field(default_factory=dict[Way, pa.Table])


def backtest(
    use_case: UseCase,
    mart: pa.Table,
    vocabulary: Vocabulary,
    *,
    site: str,
    train_until: datetime,
    test_from: datetime,
    seed: int,
    as_of: datetime | None = None,
    parameters: Parameters | None = None,
    source: Source | None = None,
) -> BacktestResult:
    """Train before `train_until` (exclusive) and score arrivals from `test_from` (inclusive).

    `as_of` is when the snapshot was taken: labels that cannot be settled by then are left out of the test. With a
    `source`, each way from it is tested on the same visits as training from scratch.
    Raises `ValueError` when the test would begin inside the training period.
    """
    if test_from < train_until:
        raise ValueError(f"test_from {test_from:%Y-%m-%d} lies before train_until {train_until:%Y-%m-%d}.")
    candidate = train_candidate(
        use_case, mart, vocabulary, site=site, train_until=train_until, seed=seed, parameters=parameters, source=source
    )
    period = Period(start=test_from)
    predictions = predict_period(candidate.model, use_case, mart, period, as_of)
    ways = _ways(candidate, mart, vocabulary, predictions, period, as_of)
    return BacktestResult(candidate, predictions, candidate.n_train, predictions.num_rows, ways)


def _ways(
    candidate: Candidate,
    mart: pa.Table,
    vocabulary: Vocabulary,
    taken: pa.Table,
    period: Period,
    as_of: datetime | None,
) -> dict[Way, pa.Table]:
    """The predictions of every way from another site's model that was possible; `taken` are those of the one taken."""
    use_case, choice = candidate.use_case, candidate.choice
    if candidate.source is None or choice is None:
        return {}
    site, until = candidate.model.site, candidate.train_until
    rows = rows_of(use_case, mart, vocabulary, site=site, until=until, known_by=candidate.known_by)
    found: dict[Way, pa.Table] = {choice.way: taken}
    for way in possible_ways(rows):
        if way != choice.way:
            model = model_by(way, use_case, rows, candidate.source, candidate.model.seed, candidate.parameters)
            found[way] = predict_period(model, use_case, mart, period, as_of)
    return found


def predict_period(
    model: Model, use_case: UseCase, mart: pa.Table, period: Period, as_of: datetime | None, site: str | None = None
) -> pa.Table:
    """One row per eligible visit of `site` (None: the model's own) in `period` with at least one settled outcome.

    Columns: visit_occurrence_id, visit_key, arrived_at; per outcome `<outcome>_label` (bool, null when not
    settled by `as_of`) and `<outcome>_score` (calibrated probability); the column of today's practice; the use
    case's subgroups the mart has.
    """
    table = visits(mart, site or model.site, period)
    table = table.filter(pa.array(known_rows(table, use_case, as_of)))
    kept = [*IDENTIFIERS, use_case.practice.column, *use_case.subgroups]
    columns = {name: table[name] for name in dict.fromkeys(kept) if name in table.column_names}
    scores = model.predict(table)
    for outcome in use_case.outcomes:
        unsettled = pa.array(np.logical_not(settled(table, outcome, as_of)))
        label = table[outcome.label_column].cast(pa.bool_()).to_pylist()
        columns[f"{outcome.name}_label"] = pa.array(
            [None if skip else value for skip, value in zip(unsettled.to_pylist(), label, strict=True)],
            pa.bool_(),
        )
        columns[f"{outcome.name}_score"] = pa.array(scores[outcome.name])
    return pa.table(columns)

"""Between the rooms: a model's predictions as a table, and that table as what evaluation's metrics take.

What does not belong here: a statistic, a threshold.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.evidence import EvidenceHead, Json
from evaluation.metrics import ClassifierEvaluation, CurrentPractice, LabelledScores, evaluate_classifier
from evaluation.policies import Policy
from ml.usecases import UseCase

LABEL, SCORE = "_label", "_score"


def samples_of(predictions: pa.Table, use_case: UseCase) -> list[LabelledScores]:
    """Return one sample per outcome from a predictions table; rows with an unsettled label are left out.

    `predictions` has, per outcome, `<outcome>_label` (bool or null) and `<outcome>_score` (0..1), the column of today's
    practice, and the subgroup columns that the use case names.
    """
    return [_sample(predictions, outcome.name, use_case) for outcome in use_case.outcomes]


def _sample(predictions: pa.Table, outcome: str, use_case: UseCase) -> LabelledScores:
    settled, practice = predictions.filter(predictions[f"{outcome}{LABEL}"].is_valid()), use_case.practice
    return LabelledScores(
        outcome=outcome,
        y=settled[f"{outcome}{LABEL}"].cast(pa.float64()).to_numpy(),
        p=settled[f"{outcome}{SCORE}"].to_numpy(),
        practice=CurrentPractice.of(numbers(settled[practice.column]), practice.acted_upon, practice.urgent),
        attributes={name: settled[name].to_pylist() for name in use_case.subgroups if name in settled.column_names},
    )


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of numbers or of true and false as floats, NaN where it is null."""
    plain = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return plain.cast(pa.float64()).fill_null(float("nan")).to_numpy()


def thresholds_of(policy: Policy, use_case: UseCase) -> dict[str, tuple[float, ...]]:
    """Return the risk thresholds at which each outcome is judged: the card's own, and the usual ladder."""
    ladder = (0.02, 0.05, 0.1, 0.2, 0.3)
    shown = {policy.shown_card.outcome: (policy.shown_card.display_threshold, policy.shown_card.warning_threshold)}
    return {outcome.name: tuple(sorted({*ladder, *shown.get(outcome.name, ())})) for outcome in use_case.outcomes}


def evaluate_predictions(
    predictions: pa.Table,
    use_case: UseCase,
    policy: Policy,
    *,
    site: str,
    model: str,
    data: str,
    created_at: datetime,
    window: Mapping[str, Json],
    seed: int,
) -> ClassifierEvaluation:
    """Judge a predictions table: the four evidence documents and the plain figures of a backtest."""
    head = EvidenceHead(
        use_case=use_case.use_case,
        site=site,
        subject_model=model,
        subject_data=data,
        created_at=created_at,
        window=dict(window),
    )
    return evaluate_classifier(samples_of(predictions, use_case), thresholds_of(policy, use_case), head, seed=seed)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    pq.write_table(table, draft, compression="zstd")
    draft.replace(path)

"""Whether the sentences of reason hold: evidence of kind explanations, on the visits that the released model scored.

For each visit the finding that weighs most by the model's own contributions is put back to what is usual at the site,
and the same model scores the visit again. What does not belong here: the sentence itself (ml/training/explain).
"""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from evaluation.evidence import Evidence, Figure
from evaluation.metrics.intervals import wilson
from ml.training.bundle import load_bundle
from ml.training.explain import Reason, checked_reason
from ml.training.model import Model
from ml.usecases import UseCase
from orchestration.settings import Settings
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import CandidateRecord, bundle_folder

MOST_CHECKED = 2000
"""Visits that are checked, taken evenly over the time: each costs about two milliseconds."""


def explanations_evidence(
    settings: Settings,
    record: CandidateRecord,
    rows: pa.Table,
    use_case: UseCase,
    threshold: float,
    window: dict[str, str],
) -> Evidence:
    """Evidence of kind explanations: shares whose first sentence holds, and of cards that name a finding.

    `rows` has `features` as JSON text, one row per scored visit.
    """
    model = load_bundle(bundle_folder(settings, record), record.model)
    picked = np.unique(np.linspace(0, rows.num_rows - 1, min(rows.num_rows, MOST_CHECKED)).astype(int))
    visits = rows["features"].take(pa.array(picked)).to_pylist()
    figures = _figures(model, use_case.card.outcome, visits, threshold)
    return head_of(record, window).evidence("explanations", figures, {"visits": len(visits), "of": rows.num_rows})


def _figures(model: Model, outcome: str, visits: Sequence[str], threshold: float) -> dict[str, Figure]:
    checked: list[tuple[Reason, bool]] = []
    model = model.of(outcome)
    for text in visits:
        row = json.loads(text)
        risk = model.predict_row(row, explained=())[outcome].probability
        checked.append((checked_reason(model, outcome, row), risk >= threshold))
    sayable = [reason.gave_way == 0 for reason, _ in checked if reason.driver is not None or reason.gave_way]
    cards = [reason.driver is not None for reason, is_card in checked if is_card]
    return {
        "explanations.share_holding": _share(sayable),
        "explanations.share_of_cards_explained": _share(cards),
    }


def _share(hits: Sequence[bool]) -> Figure:
    n, events = len(hits), sum(hits)
    return Figure(events / n, *wilson(events, n), n=n, n_events=events) if n else Figure(None, n=0)

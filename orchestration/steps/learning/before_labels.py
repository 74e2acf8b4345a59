"""Evidence of kinds estimated and shadow_gap: what serving's scores promise, what came of it, and why it differs.

Reads what was served beside the mart (shadow) and the candidate's predictions. Labels that have not matured are left
out; visits whose card was displayed are reconciled apart, because the advice may have changed what came. What does not
belong here: the arithmetic (evaluation/metrics).
"""

import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evaluation.evidence import Evidence, Figure, Json
from evaluation.metrics.estimated import (
    BLIND_SPOT,
    Reconciled,
    Scored,
    calibration,
    estimate,
    realise,
    reconciled_by_period,
)
from evaluation.metrics.shadow_gap import decompose
from evaluation.metrics.shares import share
from evaluation.policies import load_policy
from ml.training.bundle import load_bundle
from ml.training.split import labels, settled
from ml.usecases import Outcome, UseCase
from orchestration.settings import Settings
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.judging import samples_of
from orchestration.steps.learning.stores import CandidateRecord, bundle_folder, predictions_file

Window = dict[str, str]
GAP_RULE = (
    "infrastructure: the same visits scored from the live request and from the warehouse; time: the test period and "
    "the served period, both from the warehouse. Visits with a displayed card are left out: advice may change them. So "
    "are visits of a fault that the source corrected, where their own records were sent again (see parity): set_apart."
)


def in_canonical_names(rows: pa.Table, use_case: UseCase) -> pa.Table:
    """Rows of a mart with the names that `ml.training` reads: when the label's clock starts is `arrived_at`."""
    given = use_case.grain.at
    if given == "arrived_at" or given not in rows.column_names:
        return rows
    return rows.rename_columns(["arrived_at" if name == given else name for name in rows.column_names])


def estimated_evidence(record: CandidateRecord, rows: pa.Table, use_case: UseCase, window: Window) -> Evidence:
    """Performance to be expected of what was served, and for each month what it turned out to be."""
    rows = in_canonical_names(rows, use_case)
    figures: dict[str, Figure] = {}
    detail: dict[str, Json] = {"blind_spot": BLIND_SPOT, "outcomes": {}}
    told: dict[str, Json] = {}
    for outcome in use_case.outcomes:
        visits, threshold = _scored(rows, record, outcome), _threshold(use_case, outcome)
        name = f"estimated.{outcome.name}"
        figures |= {f"{name}.{one}": figure for one, figure in estimate(visits.p, threshold).items()}
        plain = visits.is_matured & ~visits.is_displayed
        if plain.any():
            came = realise(visits.y[plain], visits.p[plain], threshold)
            figures |= {f"{name}.realised_{one}": figure for one, figure in came.items()}
            figures[f"{name}.observed_over_expected"] = calibration(visits.y[plain], visits.p[plain])
        told[outcome.name] = {
            "threshold": threshold,
            "matured": int(visits.is_matured.sum()),
            "not_matured": int((~visits.is_matured).sum()),
            "undisplayed": [_row(one) for one in reconciled_by_period(visits, threshold, displayed=False)],
            "displayed": [_row(one) for one in reconciled_by_period(visits, threshold, displayed=True)],
        }
    detail["outcomes"] = told
    return head_of(record, window).evidence("estimated", figures, detail)


def shadow_gap_evidence(
    settings: Settings,
    record: CandidateRecord,
    rows: pa.Table,
    use_case: UseCase,
    window: Window,
    is_apart: NDArray[np.bool_],
) -> Evidence:
    """The gap between the test period and serving, parted into infrastructure and time, for each outcome.

    `is_apart`: visits of a fault that the source corrected (`setting_apart`), which the figures leave out and count.
    """
    rows = in_canonical_names(rows, use_case)
    tested = {
        one.outcome: (one.y, one.p) for one in samples_of(pq.read_table(predictions_file(settings, record)), use_case)
    }
    model = load_bundle(bundle_folder(settings, record), record.model)
    figures: dict[str, Figure] = {"shadow_gap.set_apart": share(is_apart)}
    recomputed = [model.predict_row(row, explained=()) for row in rows.select(list(model.feature_names)).to_pylist()]
    for outcome in use_case.outcomes:
        visits = _scored(rows, record, outcome)
        kept = visits.is_matured & ~visits.is_displayed & ~is_apart
        again = np.array([one[outcome.name].probability for one in recomputed], dtype=np.float64)
        gap = _gap(tested[outcome.name], visits, again, kept, record.seed)
        figures |= {f"shadow_gap.{outcome.name}.{name}": figure for name, figure in gap.items()}
    return head_of(record, window).evidence("shadow_gap", figures, {"rule": GAP_RULE})


def _gap(
    tested: tuple[np.ndarray, np.ndarray], visits: Scored, again: np.ndarray, kept: np.ndarray, seed: int
) -> dict[str, Figure]:
    if not kept.any() or not tested[0].size:
        return {"whole": Figure(None, n=0), "infrastructure": Figure(None, n=0), "time": Figure(None, n=0)}
    return decompose(tested, visits.y[kept], visits.p[kept], again[kept], seed=seed).figures


def _scored(rows: pa.Table, record: CandidateRecord, outcome: Outcome) -> Scored:
    """Served visits with their outcome where it has matured by what has arrived since."""
    known_by = pc.call_function("max", [rows["labels_known_at"]]).as_py() or datetime.fromisoformat(record.as_of)
    matured = settled(rows, outcome, known_by)
    y = np.where(matured, labels(rows, outcome), np.nan)
    p = np.array([float(json.loads(text)[outcome.name]) for text in rows["scores"].to_pylist()])
    period = np.array([f"{at:%Y-%m}" for at in rows["at"].to_pylist()], dtype=np.str_)
    return Scored(p, y, np.asarray(rows["is_displayed"].fill_null(False)).astype(bool), period)


def _threshold(use_case: UseCase, outcome: Outcome) -> float:
    """The operating point: the card's for the outcome that it speaks of; for others, what is likelier than not."""
    shown = load_policy(use_case.use_case).shown_card
    return shown.display_threshold if shown.outcome == outcome.name else 0.5


def _row(one: Reconciled) -> dict[str, Json]:
    return {
        "period": one.name,
        "estimated": {name: figure.to_json() for name, figure in one.estimated.items()},
        "realised": {name: figure.to_json() for name, figure in one.realised.items()},
        "observed_over_expected": one.observed_over_expected.to_json(),
        "surprises": list(one.surprises),
    }

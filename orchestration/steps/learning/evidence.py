"""Evidence about a candidate: judged on what came after its training, held against drift, kept as documents.

What does not belong here: the statistics (evaluation) and deciding by them (decision).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow.parquet as pq

from evaluation.drift import drift_report
from evaluation.evidence import Evidence, EvidenceHead
from evaluation.policies import load_policy
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.files import write_atomically
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.adapting import judge_ways
from orchestration.steps.learning.candidate import candidate_is_fresh, tracker_of
from orchestration.steps.learning.judging import evaluate_predictions
from orchestration.steps.learning.stores import (
    CandidateRecord,
    evidence_folder,
    predictions_file,
    read_candidate,
    save_evidence,
)
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import current_pointer, released

DRIFT_PAGE = "evidence/evidently.html"
NOTHING_TO_COMPARE = (
    "<!doctype html><html lang=en><title>Drift</title><p>One of the two windows has too few rows to compare.</p></html>"
)
DRIFT_PAGE_ROWS = 10_000  # evidently: 2.5 s for 20 columns at 10 k rows, and the same verdicts as at 100 k


@dataclass(frozen=True)
class DriftFound:
    """Drift evidence, the features that moved, and where evidently's page lies (also in the candidate's run)."""

    evidence: Evidence
    drifted: tuple[str, ...]
    report: Path


def judge_candidate(settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
    """Write and return performance, calibration, net benefit and subgroups of the current candidate; and how the ways
    from another site's model compare, where there was one."""
    record = read_candidate(settings, use_case, site)
    evaluation = evaluate_predictions(
        pq.read_table(predictions_file(settings, record)),
        load_use_case(use_case),
        load_policy(use_case),
        site=site,
        model=record.model,
        data=record.data,
        created_at=now(),
        window={"arrived_from": record.test_from, "as_of": record.as_of, "n_train": record.n_train},
        seed=record.seed,
    )
    window = {"arrived_from": record.test_from, "as_of": record.as_of}
    evidence = (*evaluation.evidence, *judge_ways(settings, record, head_of(record, window)))
    keep_evidence(settings, record, evidence)
    return evidence


def measure_drift(settings: Settings, use_case: str, site: str) -> DriftFound:
    """Compare the training window of the candidate, and of the released model, with what arrived after it.

    Writes evidence about each of them and evidently's page; returns what is about the released model, if there is one.
    """
    return [_drift_of(settings, record) for record in watched_models(settings, use_case, site)][-1]


def watched_models(settings: Settings, use_case: str, site: str) -> list[CandidateRecord]:
    """The current candidate and, where it is another, the released model."""
    candidate = read_candidate(settings, use_case, site)
    release = released(settings, current_pointer(settings, use_case, site))
    if release is None or release.manifest.model.digest == candidate.model:
        return [candidate]
    return [candidate, read_candidate(settings, use_case, site, release.manifest.model.digest)]


def _drift_of(settings: Settings, record: CandidateRecord) -> DriftFound:
    windows = kind_of(record.use_case).windows(settings, record)
    found = drift_report(
        windows.reference,
        windows.current,
        windows.features,
        head_of(record, {"reference_until": record.train_until, "current_from": record.test_from}),
        seed=record.seed,
        max_rows=DRIFT_PAGE_ROWS,
    )
    page = (found.html or NOTHING_TO_COMPARE).encode()
    report = settings.reports / "drift" / f"{record.use_case}-{record.site}.html"
    write_atomically(report, page)
    keep_evidence(settings, record, [found.evidence], {DRIFT_PAGE: page})
    return DriftFound(found.evidence, found.drifted, report)


def keep_evidence(
    settings: Settings,
    record: CandidateRecord,
    evidence: Sequence[Evidence],
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write evidence into the home folder first, then beside the candidate's run in MLflow, with `files`."""
    from ml.training.tracking import attach  # mlflow takes seconds to import

    documents = {f"evidence/{one.kind}.json": save_evidence(settings, one).read_bytes() for one in evidence}
    attach(tracker_of(settings), record.run_id, {**documents, **files})


def head_of(record: CandidateRecord, window: dict[str, str]) -> EvidenceHead:
    """Return what every piece of evidence about a candidate begins with."""
    return EvidenceHead(
        use_case=record.use_case,
        site=record.site,
        subject_model=record.model,
        subject_data=record.data,
        created_at=now(),
        window=dict(window),
    )


def decision_is_fresh(settings: Settings, use_case: str, site: str) -> bool:
    """Say whether the current candidate stands for what would be used now, and the gate has spoken about it."""
    decided = evidence_folder(settings, use_case, site) / "decisions" / "shadow.json"
    return decided.exists() and candidate_is_fresh(settings, use_case, site)

"""Another site's model at hand: which one a site starts from, and what came of each way to bring it here.

What does not belong here: the ways themselves (ml/training/adapt) and their figures (evaluation/metrics/adaptation).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from evaluation.evidence import Evidence, EvidenceHead, Json
from evaluation.metrics.adaptation import adaptation_evidence
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.files import write_json
from orchestration.steps.learning.judging import samples_of, write_table
from orchestration.steps.learning.stores import (
    CandidateRecord,
    NoCandidate,
    bundle_folder,
    predictions_file,
    read_candidate,
)

if TYPE_CHECKING:
    from ml.training.adapt import Choice, Source
    from ml.training.backtest import BacktestResult

CHOICE = "choice.json"


def source_record(settings: Settings, use_case: str, site: str) -> CandidateRecord | None:
    """The candidate of the site that `site` adapts; None where it adapts none, or there is none yet."""
    from_site = load_site(site).adapts.get(use_case)
    if from_site is None:
        return None
    try:
        return read_candidate(settings, use_case, load_site(from_site).id)
    except NoCandidate:
        return None


def read_source(settings: Settings, record: CandidateRecord) -> "Source":
    """The model of a record, verified against its digest. Raises `BundleRefused`."""
    from ml.training.adapt import Source
    from ml.training.bundle import load_bundle  # learners: half of what a command that only reads would wait for

    return Source(load_bundle(bundle_folder(settings, record), record.model), record.model)


def source_of(settings: Settings, use_case: str, site: str) -> "Source | None":
    """The model that a candidate of `site` may start from, as the site's file has it."""
    record = source_record(settings, use_case, site)
    return None if record is None else read_source(settings, record)


def chosen(source: "Source", choice: "Choice") -> dict[str, Json]:
    """Which way was taken from which model, and the log losses on which visits decided it."""
    losses: dict[str, Json] = {way: dict(by_outcome) for way, by_outcome in choice.losses.items()}
    return {
        "from_site": source.model.site,
        "from_model": source.digest,
        "from_trained_until": source.trained_until.isoformat(),
        "way": choice.way,
        "decided_by": {"log_loss": losses, "visits": dict(choice.visits)},
    }


def keep_ways(settings: Settings, record: CandidateRecord, result: "BacktestResult") -> None:
    """Keep what each way predicted beside the candidate, and the choice; nothing where no other model was at hand."""
    candidate = result.candidate
    if candidate.source is None or candidate.choice is None:
        return
    folder = _folder(settings, record)
    for way, predictions in result.ways.items():
        write_table(predictions, folder / f"{way}.parquet")
    write_json(folder / CHOICE, chosen(candidate.source, candidate.choice))


def judge_ways(settings: Settings, record: CandidateRecord, head: EvidenceHead) -> tuple[Evidence, ...]:
    """The evidence of kind adaptation about a candidate; none where no other site's model was at hand."""
    folder, declared = _folder(settings, record), load_use_case(record.use_case)
    if not (folder / CHOICE).exists():
        return ()
    ways = {path.stem: samples_of(pq.read_table(path), declared) for path in sorted(folder.glob("*.parquet"))}
    return (adaptation_evidence(head, ways, json.loads((folder / CHOICE).read_bytes())),)


def _folder(settings: Settings, record: CandidateRecord) -> Path:
    return predictions_file(settings, record).with_name("ways")

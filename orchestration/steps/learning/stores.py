"""Where candidates and evidence lie in the home folder, and how they are read back, verified.

What does not belong here: making them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation import EvaluationError
from evaluation.evidence import Evidence
from ml.registry import KeyFileError
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json
from orchestration.steps.learning.signed_evidence import EVIDENCE_KEY, read_signed, write_signed

CURRENT = "current.json"


class NoCandidate(StepError):
    """No candidate of that model digest is on record for the use case and site."""


@dataclass(frozen=True)
class CandidateRecord:
    """What is remembered of one trained model: digests and dates only, so that it can be rebuilt and judged.

    `model`, `data`, `manifest` and `inputs` are digests: the bundle, the snapshot, dbt's manifest, and everything
    that went into training together. `adapted_from` names site, model and way where it was made from another's.
    """

    use_case: str
    site: str
    model: str
    data: str
    inputs: str
    run_id: str
    version: str
    author: str
    seed: int
    train_until: str
    test_from: str
    n_train: int
    n_test: int
    as_of: str
    manifest: str
    contracts: dict[str, dict[str, str]]
    created_at: str
    adapted_from: dict[str, str] | None = None


def candidate_folder(settings: Settings, use_case: str, site: str) -> Path:
    return settings.home / "candidates" / use_case / site


def save_candidate(settings: Settings, record: CandidateRecord) -> None:
    """Write the record beside its bundle and make it the current candidate."""
    folder = candidate_folder(settings, record.use_case, record.site)
    write_json(folder / record.model / "record.json", asdict(record))
    write_json(folder / CURRENT, {"model": record.model})


def read_candidate(settings: Settings, use_case: str, site: str, model: str | None = None) -> CandidateRecord:
    """Return the record of `model` (the current candidate when None). Raises `NoCandidate`."""
    folder = candidate_folder(settings, use_case, site)
    if model is None:
        if not (folder / CURRENT).exists():
            raise NoCandidate(f"{use_case} has no candidate at {site} yet; run: pilothouse run --site {site}")
        model = str(json.loads((folder / CURRENT).read_bytes())["model"])
    path = folder / model / "record.json"
    if not path.exists():
        raise NoCandidate(f"{use_case} at {site}: no record of model {model[:12]}; train it with: pilothouse run")
    return CandidateRecord(**json.loads(path.read_bytes()))


def bundle_folder(settings: Settings, record: CandidateRecord) -> Path:
    return candidate_folder(settings, record.use_case, record.site) / record.model / "bundle"


def predictions_file(settings: Settings, record: CandidateRecord) -> Path:
    return candidate_folder(settings, record.use_case, record.site) / record.model / "predictions.parquet"


def evidence_folder(settings: Settings, use_case: str, site: str) -> Path:
    return settings.evidence / use_case / site


def save_evidence(settings: Settings, evidence: Evidence) -> Path:
    """Write one piece of evidence as a document named by its kind and digest, signed by the home's evidence key.

    Raises `EvidenceKeyGone` and `RegistryError`.
    """
    folder = evidence_folder(settings, evidence.use_case, evidence.site)
    return write_signed(folder, evidence, EVIDENCE_KEY.signer(settings))


@dataclass(frozen=True)
class EvidenceOnRecord:
    """Every piece that could be read and verified, and why each of the others could not."""

    readable: list[Evidence]
    unreadable: list[str]


def read_all_evidence(settings: Settings, use_case: str, site: str) -> EvidenceOnRecord:
    """Return every piece of evidence on record, each verified against its digest and the home's evidence key."""
    found = EvidenceOnRecord([], [])
    paths = sorted(evidence_folder(settings, use_case, site).glob("*.json"))
    try:
        key = EVIDENCE_KEY.verifier(settings)
    except KeyFileError as error:
        return EvidenceOnRecord([], [f"{path.name}: cannot be verified. {error}" for path in paths])
    for path in paths:
        try:
            found.readable.append(read_signed(path, key))
        except EvaluationError as error:
            found.unreadable.append(str(error))
    return found

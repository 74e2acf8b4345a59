"""A site that is shown one model while a newer one waits: its candidates, approvals, and both side by side."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure
from evaluation.policies import load_policy
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.learning.stores import (
    CandidateRecord,
    bundle_folder,
    read_candidate,
    save_candidate,
    save_evidence,
)
from orchestration.steps.record.lanes import Lane, lane_at
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.release import promote_release
from tests.unit.evaluation.gates.conftest import meeting
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.governed import PEOPLE, Governed

DETAILS: dict[str, dict[str, list[str]]] = {"overrides": {"groups": [], "reasons": []}, "drift": {"features": []}}
"""What pages ask of evidence besides its figures."""


def candidate(settings: Settings, record: CandidateRecord, rounds: int, folder: Path) -> CandidateRecord:
    """The newest candidate, of which every clause of the policy is met."""
    write_bundle(tiny_model(rounds=rounds), folder)
    made = replace(record, model=document_digest(model_files(folder)), version=str(rounds))
    save_candidate(settings, made)
    write_bundle(tiny_model(rounds=rounds), bundle_folder(settings, made))
    for kind, figures in meeting(load_policy("triage")).items():
        at = now() - timedelta(hours=1)
        save_evidence(
            settings, Evidence(kind, "triage", "city", made.model, made.data, at, figures, DETAILS.get(kind, {}))
        )  # type: ignore[arg-type]
    return made


def approve(one: Governed, stage: str, *, challenger: bool = False) -> None:
    for person in ("ada", "noor"):
        kind = str(PEOPLE[person][1])
        record_verdict(
            one.settings, "triage", "city", stage, kind, person, one.key(person), "approve", challenger=challenger
        )


def promote(one: Governed, stage: str, *, challenger: bool = False) -> Answer:
    return promote_release(one.settings, "triage", "city", stage, one.signs("olga"), challenger=challenger)


def city_record() -> CandidateRecord:
    at, digest = now().isoformat(), "a" * 64
    words = {"use_case": "triage", "site": "city", "run_id": "0" * 32, "version": "1", "author": "mia.author"}
    digests = dict.fromkeys(("model", "data", "inputs", "manifest"), digest)
    counts = {"seed": 7, "n_train": 700, "n_test": 300, "contracts": {}}
    times = {"train_until": at, "test_from": at, "as_of": at, "created_at": at}
    return CandidateRecord(**{**words, **digests, **counts, **times})  # type: ignore[arg-type]


def side_by_side(
    one: Governed,
    *,
    auroc: float = 0.0,
    alerts: float = 0.0,
    visits: int = 900,
    days: float = 0.5,
    beside: str = "",
    share: float = 1.0,
) -> Evidence:
    """File both on the same visits: the bounds that the policy looks at, of every outcome."""
    made = read_candidate(one.settings, "triage", "city")
    old = json.loads((one.settings.home / "releases" / str(served(one)[0]) / "manifest.json").read_bytes())
    figures = {
        f"side_by_side.{outcome.name}.auroc_difference": Figure(auroc + 0.01, auroc, auroc + 0.02, visits, visits // 20)
        for outcome in load_use_case("triage").outcomes
    }
    for outcome in load_use_case("triage").outcomes:
        for side, value in (("challenger", 0.81), ("release", 0.8 - auroc)):
            name = f"side_by_side.{outcome.name}.auroc.{side}"
            figures[name] = Figure(value, value - 0.03, value + 0.03, visits, visits // 20)
    for side, value in (("challenger", 7.2), ("release", 8.2 - alerts)):
        figures[f"side_by_side.alerts_per_100.{side}"] = Figure(value, value - 1, value + 1, visits, 65)
    figures["side_by_side.alerts_per_100_difference"] = Figure(alerts - 1, alerts - 2, alerts, visits, 9)
    figures["side_by_side.share_of_calls"] = Figure(share, share - 0.01, share, visits)
    figures["side_by_side.visits"] = Figure(float(visits), n=visits)
    detail = {"beside_model": beside or old["subject"]["model"], "beside_version": "12"}
    at = now() - timedelta(days=days)
    found = Evidence("side_by_side", "triage", "city", made.model, made.data, at, figures, detail)
    save_evidence(one.settings, found)
    return found


def lane(one: Governed) -> Lane:
    open_records.cache_clear()
    return lane_at(one.settings, open_records(one.settings), "triage", "city")


def served(one: Governed) -> tuple[str | None, str, int]:
    assert one.pointer is not None
    return one.pointer.release, one.pointer.stage.value, one.pointer.generation

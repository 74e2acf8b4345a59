"""Candidates and evidence, written down and read back only if they are what was written."""

import json
from collections.abc import Callable

import pytest

from evaluation.evidence import Evidence
from orchestration.settings import Settings
from orchestration.steps.learning.stores import (
    CandidateRecord,
    NoCandidate,
    candidate_folder,
    evidence_folder,
    read_all_evidence,
    read_candidate,
    save_candidate,
    save_evidence,
)

Record = Callable[..., CandidateRecord]


def test_the_last_candidate_saved_is_the_current_one_and_earlier_ones_stay(settings: Settings, record: Record) -> None:
    first, second = record("one"), record("two")
    save_candidate(settings, first)
    save_candidate(settings, second)
    assert read_candidate(settings, "triage", "city") == second
    assert read_candidate(settings, "triage", "city", first.model) == first


def test_without_a_candidate_the_message_says_what_to_run(settings: Settings, record: Record) -> None:
    with pytest.raises(NoCandidate, match="pilothouse run --site city"):
        read_candidate(settings, "triage", "city")
    save_candidate(settings, record())
    with pytest.raises(NoCandidate, match="no record of model ffff"):
        read_candidate(settings, "triage", "city", "f" * 64)
    with pytest.raises(NoCandidate):
        read_candidate(settings, "triage", "district")


def test_a_record_keeps_no_absolute_path(settings: Settings, record: Record) -> None:
    save_candidate(settings, record())
    for path in candidate_folder(settings, "triage", "city").rglob("*.json"):
        assert str(settings.home) not in path.read_text()


def test_evidence_is_read_back_and_what_was_changed_is_named_with_the_reason(
    settings: Settings, evidence: Callable[..., Evidence]
) -> None:
    kept, changed, cut = evidence(value=0.1), evidence(value=0.2), evidence(value=0.3)
    save_evidence(settings, kept)
    path = save_evidence(settings, changed)
    document = json.loads(path.read_text())
    document["figures"]["drift.share"]["value"] = 0.0
    path.write_text(json.dumps(document))
    save_evidence(settings, cut).write_text("{")
    found = read_all_evidence(settings, "triage", "city")
    assert found.readable == [kept]
    assert len(found.unreadable) == 2 and any("was changed after it was made" in reason for reason in found.unreadable)


def test_decisions_beside_the_evidence_are_not_taken_for_evidence(
    settings: Settings, evidence: Callable[..., Evidence]
) -> None:
    save_evidence(settings, evidence())
    decisions = evidence_folder(settings, "triage", "city") / "decisions"
    decisions.mkdir()
    (decisions / "shadow.json").write_text("{}")
    assert read_all_evidence(settings, "triage", "city").unreadable == []
    assert read_all_evidence(settings, "triage", "district").readable == []
